//! Page changes that were never encoded are refused or can be applied, and those that were encoded make the page that
//! was meant.
//!
//! Half of the input is what a page holds; the rest is read as changes, and as what the page becomes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::pages::{Encoder, PAGE_BYTES, changes};

fuzz_target!(|bytes: &[u8]| {
    apply_all(bytes, &mut [0; PAGE_BYTES]);
    let mut old = [0; PAGE_BYTES];
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let length = first.len().min(PAGE_BYTES);
    old[..length].copy_from_slice(&first[..length]);
    let mut new = old;
    let length = rest.len().min(PAGE_BYTES);
    new[PAGE_BYTES - length..].copy_from_slice(&rest[..length]);
    let mut encoder = Encoder::default();
    encoder.page(1, Some(&old), &new);
    let mut page = old;
    assert!(apply_all(&encoder.finish(), &mut page));
    assert_eq!(page, new);
});

/// Applies changes to one page. Whether they could be read.
fn apply_all(bytes: &[u8], page: &mut [u8; PAGE_BYTES]) -> bool {
    let Ok(changes) = changes(bytes) else {
        return false;
    };
    for change in changes {
        change.apply(page);
    }
    true
}
