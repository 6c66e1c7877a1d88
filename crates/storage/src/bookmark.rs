//! Moments in the life of an object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::record::{Key, check, hex};

/// A place in the log, with its time. Later places are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// In milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) position: u64,
}

/// A state that an object was in.
///
/// As text it has a fixed width, and later bookmarks of an object sort after earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bookmark {
    pub(crate) moment: Moment,
    /// Not the moment itself, but right before the first restore after it.
    pub(crate) before_restore: bool,
    /// Tells objects apart.
    object: u32,
}

impl Bookmark {
    pub(crate) fn new(moment: Moment, key: &Key) -> Self {
        Self {
            moment,
            before_restore: false,
            object: Self::check(key),
        }
    }

    /// The state right before the first restore that follows `moment`.
    pub(crate) fn before_restore(moment: Moment, key: &Key) -> Self {
        Self {
            before_restore: true,
            ..Self::new(moment, key)
        }
    }

    pub(crate) fn belongs_to(&self, key: &Key) -> bool {
        self.object == Self::check(key)
    }

    fn check(key: &Key) -> u32 {
        check(u64::from(key.namespace), &key.id)
    }

    /// The time of the state, in milliseconds since 1970.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.moment.time_ms
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 28];
        bytes[..8].copy_from_slice(&self.moment.time_ms.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.moment.position.to_be_bytes());
        bytes[16] = u8::from(self.before_restore);
        bytes[24..].copy_from_slice(&self.object.to_be_bytes());
        let text = hex(&bytes);
        write!(
            formatter,
            "{}-{}-{}-{}",
            &text[..8],
            &text[8..16],
            &text[16..24],
            &text[24..]
        )
    }
}

impl fmt::Debug for Bookmark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Bookmark({self})")
    }
}

impl FromStr for Bookmark {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let groups: Vec<&str> = text.split('-').collect();
            let widths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
            let digits = groups.concat();
            if widths != [8, 8, 8, 32]
                || !digits
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            {
                return None;
            }
            let number = |from: usize, to: usize| u64::from_str_radix(&digits[from..to], 16).ok();
            let moment = Moment {
                time_ms: number(0, 16)?,
                position: number(16, 32)?,
            };
            let flags = number(32, 48)?;
            let before_restore = match flags {
                0 => false,
                0x0100_0000_0000_0000 => true,
                _ => return None,
            };
            let object = u32::try_from(number(48, 56)?).ok()?;
            Some(Self {
                moment,
                before_restore,
                object,
            })
        };
        parse().ok_or_else(|| Error::Bookmark(text.to_owned()))
    }
}
