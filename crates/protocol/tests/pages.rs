//! Page changes say exactly what became of the pages, and no bytes at all make reading them panic.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::pages::{Encoder, PAGE_BYTES, PagesError, changes};

type Page = [u8; PAGE_BYTES];

/// A page with some bytes that are not zero.
fn page() -> impl Strategy<Value = Box<Page>> {
    vec((0..PAGE_BYTES, vec(any::<u8>(), 1..90)), 0..12).prop_map(|spots| {
        let mut page = Box::new([0; PAGE_BYTES]);
        for (offset, bytes) in spots {
            let end = (offset + bytes.len()).min(PAGE_BYTES);
            page[offset..end].copy_from_slice(&bytes[..end - offset]);
        }
        page
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pages_become_what_was_encoded(pages in vec((1u32..1000, proptest::option::of(page()), page()), 0..6)) {
        let mut encoder = Encoder::default();
        let mut number = 0;
        for (step, old, new) in &pages {
            number += step;
            encoder.page(number, old.as_deref(), new);
        }
        let bytes = encoder.finish();
        let read: Vec<_> = changes(&bytes).unwrap().collect();
        prop_assert_eq!(read.len(), pages.len());
        let mut number = 0;
        for (change, (step, old, new)) in read.iter().zip(&pages) {
            number += step;
            prop_assert_eq!(change.number, number);
            prop_assert_eq!(change.whole, old.is_none());
            // Over what it was made from, and once more over its own result.
            let mut page = old.clone().unwrap_or_else(|| Box::new([0xaa; PAGE_BYTES]));
            change.apply(&mut page);
            prop_assert_eq!(&page, new);
            change.apply(&mut page);
            prop_assert_eq!(&page, new);
        }
    }

    #[test]
    fn anything_else_is_refused(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(read) = changes(&bytes) {
            let mut last = 0;
            for change in read {
                prop_assert!(change.number > last);
                last = change.number;
                change.apply(&mut [0; PAGE_BYTES]);
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_refused(old in page(), new in page(), cut in 1usize..200) {
        let mut encoder = Encoder::default();
        encoder.page(7, Some(&old), &new);
        let bytes = encoder.finish();
        let cut = cut.min(bytes.len() - 1);
        prop_assert!(changes(&bytes[..bytes.len() - cut]).is_err());
    }
}

#[test]
fn a_small_change_is_small() {
    let old = [7; PAGE_BYTES];
    let mut new = old;
    new[100] = 8;
    new[3000..3004].copy_from_slice(&[1, 2, 3, 4]);
    let mut encoder = Encoder::default();
    encoder.page(1, Some(&old), &new);
    assert!(encoder.len() < 20, "{} bytes", encoder.len());
}

#[test]
fn pages_ascend() {
    let mut encoder = Encoder::default();
    encoder.page(1, None, &[0; PAGE_BYTES]);
    let mut bytes = encoder.finish();
    bytes[0] = 0;
    assert_eq!(changes(&bytes).unwrap_err(), PagesError::Number);
}
