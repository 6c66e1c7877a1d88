//! Which user ids the zygote may give to its children.

use crate::system::{CAP_SETGID, CAP_SETUID};

/// What changing one's user takes.
const NEEDED: u64 = CAP_SETUID | CAP_SETGID;

/// An id that systems give to "nobody", for when the range of our own is not mapped.
const NOBODY: u32 = 65_534;

/// What a child of the zygote does about its user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// Keep the one of the host: the process has no power to change it.
    Keep,
    /// Take the next of these, in turn.
    Range { first: u32, count: u32 },
}

impl Users {
    /// Decides from this process's capabilities, user and id mappings.
    pub(crate) fn choose(
        first: u32,
        count: u32,
        capabilities: u64,
        own: u32,
        maps: [&str; 2],
    ) -> Self {
        if capabilities & NEEDED != NEEDED || count == 0 {
            return Self::Keep;
        }
        // In a user namespace of its own, which has no other id, it could not even leave its groups.
        if own == NOBODY {
            return Self::Keep;
        }
        if maps.iter().all(|map| covers(map, first, count)) {
            Self::Range { first, count }
        } else if maps.iter().all(|map| covers(map, NOBODY, 1)) {
            Self::Range {
                first: NOBODY,
                count: 1,
            }
        } else {
            Self::Keep
        }
    }

    pub(crate) fn nth(self, turn: u64) -> Option<u32> {
        match self {
            Self::Keep => None,
            Self::Range { first, count } => {
                let offset = u32::try_from(turn % u64::from(count)).expect("less than a u32");
                Some(first + offset)
            }
        }
    }
}

/// The effective capabilities, from the text of `/proc/self/status`.
pub(crate) fn capabilities(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|value| u64::from_str_radix(value.trim(), 16).ok())
        .unwrap_or(0)
}

/// Whether one line of a `uid_map` (inside, outside, length) holds all of these ids.
fn covers(map: &str, first: u32, count: u32) -> bool {
    let wanted_end = u64::from(first) + u64::from(count);
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(inside)), Some(Ok(_)), Some(Ok(length))) => {
                inside <= u64::from(first) && wanted_end <= inside + length
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Uid:\t0\nCapEff:\t000001ffffffffff\n";
    const WHOLE: &str = "         0          0 4294967295\n";

    fn choose(status: &str, map: &str) -> Users {
        choose_as(0, status, map)
    }

    fn choose_as(own: u32, status: &str, map: &str) -> Users {
        Users::choose(0x7000_0000, 65_536, capabilities(status), own, [map, map])
    }

    #[test]
    fn root_gives_each_child_a_user() {
        let users = choose(ROOT, WHOLE);
        assert_eq!(users.nth(0), Some(0x7000_0000));
        assert_eq!(users.nth(65_537), Some(0x7000_0001));
    }

    #[test]
    fn a_narrow_map_leaves_nobody_or_nothing() {
        let nobody = choose(ROOT, "0 100000 65536\n");
        assert_eq!(nobody.nth(7), Some(NOBODY));
        assert_eq!(choose(ROOT, "0 1000 1\n"), Users::Keep);
    }

    #[test]
    fn nobody_stays_who_it_is() {
        assert_eq!(choose_as(NOBODY, ROOT, "65534 65534 1\n"), Users::Keep);
    }

    #[test]
    fn without_the_capability_the_user_stays() {
        assert_eq!(choose("CapEff:\t0000000000000000\n", WHOLE), Users::Keep);
        assert_eq!(choose("nonsense", WHOLE), Users::Keep);
    }
}
