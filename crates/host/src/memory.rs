//! Whether the machine, or the group of processes that this one belongs to, is about to run out of memory.

use std::path::{Path, PathBuf};

/// Less than this part of all memory, in hundredths, is little.
const LITTLE: u64 = 5;

/// Whether little memory is left. What cannot be found out is taken to be enough.
pub(crate) fn is_short() -> bool {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(of_machine);
    let group = group().and_then(|folder| of_group(&folder));
    [machine, group]
        .into_iter()
        .flatten()
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
        self.left.saturating_mul(100) < self.of.saturating_mul(LITTLE)
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

/// The folder of this process's control group (version 2).
fn group() -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new("/sys/fs/cgroup").join(path))
}

/// What a control group may use, and does. Copies of files that nobody is using now can be given up.
fn of_group(folder: &Path) -> Option<Memory> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    // One that has no limit says `max`.
    let of: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let stat = read("memory.stat")?;
    let files = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))?;
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
        let memory = of_machine(text).unwrap();
        let expected = Memory {
            left: 49 * 1024,
            of: 1000 * 1024,
        };
        assert_eq!(memory, expected);
        assert!(memory.is_little());
        let more = text.replace("49 kB", "50 kB");
        assert!(!of_machine(&more).unwrap().is_little());
        assert_eq!(of_machine("nothing"), None);
    }

    #[test]
    fn a_group_can_give_up_its_copies_of_files() {
        let folder = std::env::temp_dir().join(format!("atoll-group-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("memory.max", "1000\n");
        write("memory.current", "990\n");
        write("memory.stat", "anon 1\ninactive_file 100\n");
        assert_eq!(
            of_group(&folder),
            Some(Memory {
                left: 110,
                of: 1000
            })
        );
        write("memory.max", "max\n");
        assert_eq!(of_group(&folder), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
