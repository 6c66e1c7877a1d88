//! One step of a coder or decoder: as much output as one step may give, and how far it got.

use rquickjs::convert::List;
use rquickjs::{Ctx, Exception, Result, TypedArray};

use super::bytes::with_bytes;

/// The most that one step gives: what a small input inflates to is unbounded.
pub(crate) const MAX_STEP: usize = 64 * 1024;

/// `[output, consumed, ended]`: at most 64 KiB of output, how many bytes of the input were used, and whether the
/// stream's end was reached. A full output means that more may come of the same input.
pub(crate) type Step<'js> = List<(TypedArray<'js, u8>, usize, bool)>;

/// How far a step got.
pub(crate) struct Progress {
    /// Bytes of the input that were used.
    pub(crate) consumed: usize,
    /// Bytes of the output that were filled.
    pub(crate) written: usize,
    /// The stream's end was reached.
    pub(crate) ended: bool,
}

/// Has `work` go on with the input from `start`. What it says is wrong is thrown as a TypeError.
pub(crate) fn step<'js>(
    ctx: &Ctx<'js>,
    input: &TypedArray<'js, u8>,
    start: usize,
    work: impl FnOnce(&[u8], &mut [u8]) -> std::result::Result<Progress, String>,
) -> Result<Step<'js>> {
    let mut output = vec![0; MAX_STEP];
    let progress = with_bytes(input, |input| {
        work(input.get(start..).unwrap_or_default(), &mut output)
    });
    let Progress {
        consumed,
        written,
        ended,
    } = progress.map_err(|reason| Exception::throw_type(ctx, &reason))?;
    output.truncate(written);
    let output = TypedArray::new_copy(ctx.clone(), output)?;
    Ok(List((output, consumed, ended)))
}
