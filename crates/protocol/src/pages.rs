//! Changes to the pages of an object's database: what a commit holds.
//!
//! Each page that changed is a list of runs of bytes that take the place of what was there. Runs say what the bytes
//! *are*, not how they differ, so applying a sequence of changes again, to its end, changes nothing.

use std::fmt;

/// Size of every page of every object's database, in bytes.
pub const PAGE_BYTES: usize = 4096;

/// Equal bytes between two runs that are cheaper to send than to skip.
const JOIN_BYTES: usize = 16;

const OVER_PREVIOUS: u8 = 0;
const OVER_ZEROS: u8 = 1;

/// Why bytes are not page changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagesError {
    /// They end in the middle of something.
    #[error("page changes are cut off")]
    CutOff,
    /// A number does not fit, or pages are not in ascending order.
    #[error("a page number that cannot be")]
    Number,
    /// A kind of change that does not exist.
    #[error("an unknown kind of page change")]
    Kind,
    /// A run is empty or leaves its page.
    #[error("a run of bytes that leaves its page")]
    Run,
}

/// Collects the changes of a commit, page after page.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    last: u32,
}

impl Encoder {
    /// Adds a page. `old` is its content before, if it had one and that is known.
    ///
    /// # Panics
    /// When pages do not come in ascending order from 1.
    pub fn page(&mut self, number: u32, old: Option<&[u8; PAGE_BYTES]>, new: &[u8; PAGE_BYTES]) {
        assert!(number > self.last, "pages come in ascending order");
        write_number(&mut self.bytes, number - self.last);
        self.last = number;
        self.bytes.push(if old.is_some() {
            OVER_PREVIOUS
        } else {
            OVER_ZEROS
        });
        let runs = differences(old.unwrap_or(&[0; PAGE_BYTES]), new);
        write_number(&mut self.bytes, size(runs.len()));
        let mut end = 0;
        for (from, to) in runs {
            write_number(&mut self.bytes, size(from - end));
            write_number(&mut self.bytes, size(to - from));
            self.bytes.extend_from_slice(&new[from..to]);
            end = to;
        }
    }

    /// No page has been added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The changes as bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Where two pages differ, as ranges in ascending order with some room between them. Within eight bytes, equal ones between
/// those that differ count as different: looking at each costs more than they do.
fn differences(old: &[u8; PAGE_BYTES], new: &[u8; PAGE_BYTES]) -> Vec<(usize, usize)> {
    const WORD: usize = size_of::<u64>();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let words = old
        .as_chunks::<WORD>()
        .0
        .iter()
        .zip(new.as_chunks::<WORD>().0);
    for (index, (old, new)) in words.enumerate() {
        let differing = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
        if differing == 0 {
            continue;
        }
        let from = index * WORD + differing.trailing_zeros() as usize / 8;
        let to = (index + 1) * WORD - differing.leading_zeros() as usize / 8;
        match runs.last_mut() {
            Some((_, end)) if from - *end < JOIN_BYTES => *end = to,
            _ => runs.push((from, to)),
        }
    }
    runs
}

/// Checks all of `bytes`, and gives the changes in them.
///
/// # Errors
/// When they are anything but the output of an [`Encoder`].
pub fn changes(bytes: &[u8]) -> Result<Changes<'_>, PagesError> {
    let mut reader = Changes {
        bytes,
        last: 0,
        highest: 0,
    };
    while !reader.bytes.is_empty() {
        reader.read()?;
    }
    Ok(Changes {
        bytes,
        last: 0,
        highest: reader.last,
    })
}

/// The changes of one commit.
#[derive(Clone)]
pub struct Changes<'a> {
    bytes: &'a [u8],
    last: u32,
    highest: u32,
}

impl<'a> Changes<'a> {
    /// The highest number of a page among all of them; 0 when there is none.
    #[must_use]
    pub fn highest_page(&self) -> u32 {
        self.highest
    }

    fn read(&mut self) -> Result<PageChange<'a>, PagesError> {
        let step = read_number(&mut self.bytes)?;
        let number = self.last.checked_add(step).ok_or(PagesError::Number)?;
        if step == 0 {
            return Err(PagesError::Number);
        }
        self.last = number;
        let (&kind, rest) = self.bytes.split_first().ok_or(PagesError::CutOff)?;
        self.bytes = rest;
        if kind != OVER_PREVIOUS && kind != OVER_ZEROS {
            return Err(PagesError::Kind);
        }
        let count = read_number(&mut self.bytes)?;
        let start = self.bytes;
        let mut runs = Runs {
            bytes: self.bytes,
            left: count,
            end: 0,
        };
        while runs.left > 0 {
            runs.read()?;
        }
        self.bytes = runs.bytes;
        Ok(PageChange {
            number,
            whole: kind == OVER_ZEROS,
            runs: Runs {
                bytes: start,
                left: count,
                end: 0,
            },
        })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = PageChange<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // `changes()` has read all of it before.
        (!self.bytes.is_empty()).then(|| self.read().ok()).flatten()
    }
}

impl fmt::Debug for Changes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.clone()).finish()
    }
}

/// What becomes of one page.
#[derive(Clone)]
pub struct PageChange<'a> {
    /// Which page, counted from 1.
    pub number: u32,
    /// Bytes outside the runs are zero; otherwise they are what they were.
    pub whole: bool,
    runs: Runs<'a>,
}

impl<'a> PageChange<'a> {
    /// The runs, each with the offset that it starts at, in ascending order.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a> {
        self.runs.clone()
    }

    /// Makes `page` what it is after the change.
    pub fn apply(&self, page: &mut [u8; PAGE_BYTES]) {
        if self.whole {
            page.fill(0);
        }
        for (offset, bytes) in self.runs() {
            page[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }
}

impl fmt::Debug for PageChange<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self
            .runs()
            .map(|(offset, bytes)| offset..offset + bytes.len());
        formatter
            .debug_struct("PageChange")
            .field("number", &self.number)
            .field("whole", &self.whole)
            .field("runs", &runs.collect::<Vec<_>>())
            .finish()
    }
}

#[derive(Clone)]
struct Runs<'a> {
    bytes: &'a [u8],
    left: u32,
    end: usize,
}

impl<'a> Runs<'a> {
    fn read(&mut self) -> Result<(usize, &'a [u8]), PagesError> {
        let gap = read_number(&mut self.bytes)? as usize;
        let length = read_number(&mut self.bytes)? as usize;
        let offset = self.end.checked_add(gap).ok_or(PagesError::Run)?;
        let end = offset.checked_add(length).ok_or(PagesError::Run)?;
        if length == 0 || end > PAGE_BYTES {
            return Err(PagesError::Run);
        }
        let (bytes, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(PagesError::CutOff)?;
        (self.bytes, self.end, self.left) = (rest, end, self.left - 1);
        Ok((offset, bytes))
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        (self.left > 0).then(|| self.read().ok()).flatten()
    }
}

fn size(value: usize) -> u32 {
    u32::try_from(value).expect("sizes within a page fit in 32 bits")
}

/// Seven bits a byte, the lowest first.
fn write_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read_number(bytes: &mut &[u8]) -> Result<u32, PagesError> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(PagesError::CutOff)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(number).map_err(|_| PagesError::Number);
        }
    }
    Err(PagesError::Number)
}
