//! Brotli, step by step: part of `atoll:native/zlib`.

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use rquickjs::{Class, Ctx, Result, TypedArray};

use super::handle::Handle;
use super::steps::{Progress, Step, step};

type Encoder = BrotliEncoderStateStruct<StandardAlloc>;
type Decoder = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// `newBrotli(quality, windowBits, mode, sizeHint)`: the quality is 0 to 11, the window 10 to 24 bits, the mode 0 for
/// anything, 1 for text, 2 for fonts.
pub(crate) fn new_encoder<'js>(
    ctx: Ctx<'js>,
    quality: u32,
    window_bits: u32,
    mode: u32,
    size_hint: u32,
) -> Result<Class<'js, Handle<Encoder>>> {
    use BrotliEncoderParameter::{
        BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT,
    };
    let mut encoder = Encoder::new(StandardAlloc::default());
    for (parameter, value) in [
        (BROTLI_PARAM_QUALITY, quality.min(11)),
        (BROTLI_PARAM_LGWIN, window_bits.clamp(10, 24)),
        (BROTLI_PARAM_MODE, mode.min(2)),
        (BROTLI_PARAM_SIZE_HINT, size_hint),
    ] {
        encoder.set_parameter(parameter, value);
    }
    Handle::give(&ctx, encoder)
}

/// `brotliStep(handle, input, start, operation)`: the operation is 0 to go on, 1 to bring out what is pending, 2 to end.
pub(crate) fn encode_step<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle<Encoder>>,
    input: TypedArray<'js, u8>,
    start: usize,
    operation: u8,
) -> Result<Step<'js>> {
    let operation = match operation {
        0 => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
        1 => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
        _ => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
    };
    let mut guard = handle.borrow_mut();
    let encoder = &mut guard.0;
    step(&ctx, &input, start, |input, output| {
        let (mut consumed, mut written) = (0, 0);
        let (mut left, mut room) = (input.len(), output.len());
        let works = encoder.compress_stream(
            operation,
            &mut left,
            input,
            &mut consumed,
            &mut room,
            output,
            &mut written,
            &mut None,
            &mut |_, _, _, _| (),
        );
        works
            .then(|| Progress {
                consumed,
                written,
                ended: encoder.is_finished(),
            })
            .ok_or_else(|| "Compression failed.".to_owned())
    })
}

/// `newUnbrotli()`
pub(crate) fn new_decoder<'js>(ctx: Ctx<'js>) -> Result<Class<'js, Handle<Decoder>>> {
    let allocator = StandardAlloc::default;
    Handle::give(&ctx, Decoder::new(allocator(), allocator(), allocator()))
}

/// `unbrotliStep(handle, input, start)`: throws a TypeError with the name of what is wrong with the data.
pub(crate) fn decode_step<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle<Decoder>>,
    input: TypedArray<'js, u8>,
    start: usize,
) -> Result<Step<'js>> {
    let mut guard = handle.borrow_mut();
    let decoder = &mut guard.0;
    step(&ctx, &input, start, |input, output| {
        let (mut consumed, mut written, mut total) = (0, 0, 0);
        let (mut left, mut room) = (input.len(), output.len());
        let result = BrotliDecompressStream(
            &mut left,
            &mut consumed,
            input,
            &mut room,
            &mut written,
            output,
            &mut total,
            decoder,
        );
        let ended = match result {
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
            BrotliResult::ResultFailure => return Err(format!("{:?}", decoder.error_code)),
        };
        Ok(Progress {
            consumed,
            written,
            ended,
        })
    })
}
