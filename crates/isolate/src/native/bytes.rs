//! Looking at the bytes of a typed array for as long as no JavaScript runs.
#![expect(
    unsafe_code,
    reason = "the engine can only promise that bytes stay put while no code runs"
)]

use std::ops::Deref;

use rquickjs::{Ctx, FromJs, Result, TypedArray, Value};

/// Runs `work` on the array's bytes; a detached array has none. `work` must not enter the engine.
pub(crate) fn with_bytes<R>(array: &TypedArray<'_, u8>, work: impl FnOnce(&[u8]) -> R) -> R {
    // SAFETY: the engine is single-threaded and `work` does not call into it, so nothing can detach, resize or write
    // the buffer while the slice is borrowed.
    work(unsafe { array.as_bytes() }.unwrap_or_default())
}

/// A `Uint8Array` argument of a native that reads it. The native must not enter the engine while it does.
pub(crate) struct Input<'js>(TypedArray<'js, u8>);

impl<'js> FromJs<'js> for Input<'js> {
    fn from_js(_ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        TypedArray::from_value(value).map(Self)
    }
}

impl Deref for Input<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as for `with_bytes`; this holds the array as long as the slice is borrowed.
        unsafe { self.0.as_bytes() }.unwrap_or_default()
    }
}

/// A `Uint8Array` argument of a native that writes it and takes no other bytes.
pub(crate) struct Output<'js>(TypedArray<'js, u8>);

impl<'js> FromJs<'js> for Output<'js> {
    fn from_js(_ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        TypedArray::from_value(value).map(Self)
    }
}

impl AsMut<[u8]> for Output<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        match self.0.as_raw() {
            // SAFETY: as for `Input`; nothing else looks at these bytes, for no JavaScript runs and there is no
            // other argument of bytes.
            Some(mut raw) => unsafe { raw.as_mut() },
            None => &mut [],
        }
    }
}
