//! SQLite files that come from outside.

use std::io;

use protocol::pages::PAGE_BYTES;

use crate::disk::File;

/// What is wrong with a file that should be a SQLite database.
pub(crate) fn check_sqlite(file: &dyn File) -> io::Result<Result<(), String>> {
    let mut header = [0; 100];
    let length = file.len()?;
    if length == 0 {
        return Ok(Ok(()));
    }
    let read = file.read_at(&mut header, 0)?;
    if read < header.len() || !header.starts_with(b"SQLite format 3\0") {
        return Ok(Err("it is not a SQLite database".to_owned()));
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        bytes => u32::from(bytes),
    };
    if page as usize != PAGE_BYTES {
        return Ok(Err(format!(
            "its pages have {page} bytes, and {PAGE_BYTES} are needed; \
             run: sqlite3 FILE 'PRAGMA journal_mode=DELETE; PRAGMA page_size={PAGE_BYTES}; VACUUM'"
        )));
    }
    if length % PAGE_BYTES as u64 != 0 {
        return Ok(Err(
            "it ends in the middle of a page, so it is not complete".to_owned(),
        ));
    }
    // SQLite goes by this number when the two that follow each other here are the same.
    let number = |at: usize| {
        u64::from(u32::from_be_bytes(
            [0, 1, 2, 3].map(|byte| header[at + byte]),
        ))
    };
    let (told, is_valid) = (number(28), number(24) == number(92));
    let pages = length / PAGE_BYTES as u64;
    if is_valid && told > pages {
        return Ok(Err(format!(
            "it has {pages} of the {told} pages that its header names, so it is not complete"
        )));
    }
    Ok(Ok(()))
}
