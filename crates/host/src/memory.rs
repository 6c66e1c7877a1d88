//! Whether the machine, or the group of processes that this one belongs to, is about to run out of memory.

use std::path::Path;

/// Less than this part of all memory, in hundredths, is little.
const LITTLE: u64 = 5;
/// Less than this is little where there is not much at all, in bytes: no more than a worker or two.
const A_WORKER_OR_TWO: u64 = 64 * 1024 * 1024;

/// Whether little memory is left. What cannot be found out is taken to be enough.
pub(crate) fn is_short() -> bool {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(of_machine);
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = groups.lines().flat_map(of_groups);
    machine
        .into_iter()
        .chain(groups)
        .any(|memory| memory.is_little())
}

/// Bytes that are left, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    left: u64,
    of: u64,
}

impl Memory {
    fn is_little(self) -> bool {
        let least = A_WORKER_OR_TWO.min(self.of / 4);
        self.left < (self.of / 100 * LITTLE).max(least)
    }
}

/// What `/proc/meminfo` says.
fn of_machine(text: &str) -> Option<Memory> {
    let bytes = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some(Memory {
        left: bytes("MemAvailable:")?,
        of: bytes("MemTotal:")?,
    })
}

/// Where a version of control groups says what they have.
struct Version {
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Beginning of the line with copies of files that nobody is using now: they can be given up.
    files: &'static str,
}

const SECOND: Version = Version {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    files: "inactive_file ",
};

const FIRST: Version = Version {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    files: "total_inactive_file ",
};

/// What the group of this line of `/proc/self/cgroup` may use, and those around it. In a container, the path may be one
/// that only the machine knows, and the root is the container's.
fn of_groups(line: &str) -> Vec<Memory> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let version = match controllers {
        "" => SECOND,
        "memory" => FIRST,
        _ => return Vec::new(),
    };
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    let folders = groups.map(|group| Path::new(version.root).join(group));
    folders
        .filter_map(|folder| of_group(&folder, &version))
        .collect()
}

/// What a control group may use, and does.
fn of_group(folder: &Path, version: &Version) -> Option<Memory> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    // One that has no limit says `max`, or a number that no machine has.
    let of: u64 = read(version.limit)?.trim().parse().ok()?;
    let used: u64 = read(version.used)?.trim().parse().ok()?;
    let stat = read("memory.stat")?;
    let files = stat
        .lines()
        .find_map(|line| line.strip_prefix(version.files))?;
    let files: u64 = files.trim().parse().ok()?;
    Some(Memory {
        left: of.saturating_sub(used.saturating_sub(files)),
        of,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_what_is_left() {
        let text = "MemTotal:       1000 kB\nMemFree:          10 kB\nMemAvailable:     49 kB\n";
        let expected = Memory {
            left: 49 * 1024,
            of: 1000 * 1024,
        };
        assert_eq!(of_machine(text), Some(expected));
        assert_eq!(of_machine("nothing"), None);
    }

    #[test]
    fn little_is_a_part_and_at_least_what_workers_take() {
        let of_mb = |left: u64, of: u64| Memory {
            left: left << 20,
            of: of << 20,
        };
        for (little, enough, of) in [(999, 1001, 20_000), (63, 65, 400), (24, 26, 100)] {
            assert!(of_mb(little, of).is_little());
            assert!(!of_mb(enough, of).is_little());
        }
    }

    #[test]
    fn a_group_can_give_up_its_copies_of_files() {
        let folder = std::env::temp_dir().join(format!("atoll-group-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let expected = Memory {
            left: 110,
            of: 1000,
        };
        write(
            "memory.stat",
            "anon 1\ninactive_file 100\ntotal_inactive_file 100\n",
        );
        for version in [SECOND, FIRST] {
            write(version.limit, "1000\n");
            write(version.used, "990\n");
            assert_eq!(of_group(&folder, &version), Some(expected));
        }
        write(SECOND.limit, "max\n");
        assert_eq!(of_group(&folder, &SECOND), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn other_groups_are_not_of_memory() {
        for line in ["9:name=systemd:/", "1:cpu:/a", "nothing", ""] {
            assert_eq!(of_groups(line), []);
        }
    }
}
