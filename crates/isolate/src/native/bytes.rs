//! Looking at the bytes of a typed array for as long as no JavaScript runs.
#![expect(
    unsafe_code,
    reason = "the engine can only promise that bytes stay put while no code runs"
)]

use rquickjs::TypedArray;

/// Runs `work` on the array's bytes; a detached array has none. `work` must not enter the engine.
pub(crate) fn with_bytes<R>(array: &TypedArray<'_, u8>, work: impl FnOnce(&[u8]) -> R) -> R {
    // SAFETY: the engine is single-threaded and `work` does not call into it, so nothing can detach, resize or write
    // the buffer while the slice is borrowed.
    work(unsafe { array.as_bytes() }.unwrap_or_default())
}
