//! Whatever an isolate writes, the host's decoder answers with a message or an error, and what it accepts it can write
//! again: `cargo +nightly fuzz run frames`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{FrameBuffer, FromIsolate, decode, encode_into};

fuzz_target!(|bytes: &[u8]| {
    let mut frames = FrameBuffer::default();
    frames.extend(bytes);
    while let Ok(Some(payload)) = frames.next_frame() {
        if let Ok(message) = decode::<FromIsolate<'_>>(payload) {
            let mut again = Vec::new();
            encode_into(&message, &mut again);
            let same = decode::<FromIsolate<'_>>(&again[4..]).expect("what was written can be read");
            assert_eq!(format!("{same:?}"), format!("{message:?}"));
        }
    }
    if let Ok(message) = decode::<FromIsolate<'_>>(bytes) {
        let mut again = Vec::new();
        encode_into(&message, &mut again);
    }
});
