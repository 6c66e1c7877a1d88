//! Bytes that natives give back.

use rquickjs::{ArrayBuffer, Ctx, Result};

/// Gives bytes to JavaScript, counted in the engine's memory limit.
pub(super) fn buffer<'js>(ctx: &Ctx<'js>, bytes: impl AsRef<[u8]>) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new_copy(ctx.clone(), bytes)
}

/// [`buffer`] of a result, or `undefined` for a failure of which nothing more must be told.
pub(super) fn buffer_or_undefined<'js>(
    ctx: &Ctx<'js>,
    bytes: Option<impl AsRef<[u8]>>,
) -> Result<Option<ArrayBuffer<'js>>> {
    bytes.map(|bytes| buffer(ctx, bytes)).transpose()
}
