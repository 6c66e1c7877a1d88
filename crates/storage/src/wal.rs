//! SQLite files that come from outside, with the write-ahead log that may lie beside them.
//!
//! See <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>. Other programs leave committed pages there when
//! they do not end in peace, and even when they do. What was not committed does not count.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use protocol::pages::PAGE_BYTES;

use crate::disk::File;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// A file, and pages of its write-ahead log in place of its own.
#[derive(Debug)]
pub(crate) struct Merged {
    file: Arc<dyn File>,
    log: Arc<dyn File>,
    /// Where in the log the last version of a page is.
    pages: HashMap<u32, u64>,
    page_count: u32,
}

/// The checksum that frames carry on.
#[derive(Clone, Copy)]
struct Sum {
    big_endian: bool,
    one: u32,
    two: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| match self.big_endian {
            true => big(bytes),
            false => big(bytes).swap_bytes(),
        };
        for pair in bytes.chunks_exact(8) {
            self.one = self
                .one
                .wrapping_add(word(&pair[..4]))
                .wrapping_add(self.two);
            self.two = self
                .two
                .wrapping_add(word(&pair[4..]))
                .wrapping_add(self.one);
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        big(bytes) == self.one && big(&bytes[4..]) == self.two
    }
}

/// The first four bytes as a number.
fn big(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Whether so many bytes could be read there.
fn fill(file: &dyn File, bytes: &mut [u8], offset: u64) -> io::Result<bool> {
    Ok(file.read_at(bytes, offset)? == bytes.len())
}

impl Merged {
    /// What the log adds to the file; `None` when that is nothing.
    ///
    /// # Errors
    /// What the system says; inside, why the log cannot be understood.
    pub(crate) fn new(
        file: Arc<dyn File>,
        log: Arc<dyn File>,
    ) -> io::Result<Result<Option<Self>, String>> {
        let mut header = [0; HEADER_BYTES];
        if !fill(&*log, &mut header, 0)? {
            return Ok(Ok(None));
        }
        let magic = big(&header);
        if magic & !1 != MAGIC || big(&header[4..]) != VERSION {
            return Ok(Err("the write-ahead log beside it is none".to_owned()));
        }
        let page = big(&header[8..]);
        if page as usize != PAGE_BYTES {
            return Ok(Err(format!(
                "pages in the write-ahead log beside it have {page} bytes, and {PAGE_BYTES} are needed"
            )));
        }
        let mut sum = Sum {
            big_endian: magic & 1 == 1,
            one: 0,
            two: 0,
        };
        sum.add(&header[..24]);
        if !sum.is(&header[24..]) {
            return Ok(Ok(None));
        }
        let (mut committed, mut page_count) = (HashMap::new(), 0);
        let mut since: Vec<(u32, u64)> = Vec::new();
        let mut frame = vec![0; FRAME_HEADER_BYTES + PAGE_BYTES];
        let mut offset = HEADER_BYTES as u64;
        // The first frame that does not fit was written earlier, or not to its end.
        while fill(&*log, &mut frame, offset)? && frame[8..16] == header[16..24] {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            if !sum.is(&frame[16..24]) {
                break;
            }
            since.push((big(&frame), offset + FRAME_HEADER_BYTES as u64));
            let count = big(&frame[4..]);
            if count > 0 {
                committed.extend(since.drain(..));
                page_count = count;
            }
            offset += frame.len() as u64;
        }
        Ok(Ok((page_count > 0).then_some(Self {
            file,
            log,
            pages: committed,
            page_count,
        })))
    }
}

impl File for Merged {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let (index, within) = (at / PAGE_BYTES as u64, at % PAGE_BYTES as u64);
            if index >= u64::from(self.page_count) {
                break;
            }
            let room = usize::try_from(PAGE_BYTES as u64 - within).unwrap_or(PAGE_BYTES);
            let end = bytes.len().min(done + room);
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let read = match self.pages.get(&number) {
                Some(place) => self.log.read_at(&mut bytes[done..end], place + within)?,
                None => self.file.read_at(&mut bytes[done..end], at)?,
            };
            // A page that is in neither is empty.
            bytes[done + read..end].fill(0);
            done = end;
        }
        Ok(done)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(u64::from(self.page_count) * PAGE_BYTES as u64)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn descriptor(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
