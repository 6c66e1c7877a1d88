//! Whatever an isolate writes, the host's decoder answers with a message or an error, and what it accepts it can write
//! again. The same of what the host writes.
//!
//! The input is a frame's payload, and a stream of frames as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{FrameBuffer, FromIsolate, ToIsolate, decode, encode_into};

/// Bytes before the payload: its length.
const LENGTH_BYTES: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let mut frames = FrameBuffer::default();
    frames.extend(bytes);
    while let Ok(Some(payload)) = frames.next_frame() {
        look(payload);
    }
    look(bytes);
});

fn look(payload: &[u8]) {
    if let Ok(message) = decode::<FromIsolate<'_>>(payload) {
        let mut again = Vec::new();
        encode_into(&message, &mut again);
        let same = decode::<FromIsolate<'_>>(&again[LENGTH_BYTES..]);
        let same = same.expect("what was written can be read");
        assert_eq!(format!("{same:?}"), format!("{message:?}"));
    }
    if let Ok(message) = decode::<ToIsolate<'_>>(payload) {
        let mut again = Vec::new();
        encode_into(&message, &mut again);
        let same = decode::<ToIsolate<'_>>(&again[LENGTH_BYTES..]);
        let same = same.expect("what was written can be read");
        assert_eq!(format!("{same:?}"), format!("{message:?}"));
    }
}
