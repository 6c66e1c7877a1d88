//! Brotli, step by step: part of `atoll:native/zlib`.

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use rquickjs::convert::List;
use rquickjs::{Class, Ctx, Exception, Result, TypedArray};

use super::bytes::with_bytes;
use super::handle::Handle;
use super::zlib::{MAX_STEP, Step};

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
    let mut output = vec![0; MAX_STEP];
    let (mut consumed, mut written, mut room) = (0, 0, MAX_STEP);
    let works = with_bytes(&input, |input| {
        let input = input.get(start..).unwrap_or_default();
        let mut left = input.len();
        encoder.compress_stream(
            operation,
            &mut left,
            input,
            &mut consumed,
            &mut room,
            &mut output,
            &mut written,
            &mut None,
            &mut |_, _, _, _| (),
        )
    });
    if !works {
        return Err(Exception::throw_type(&ctx, "Compression failed."));
    }
    output.truncate(written);
    let ended = encoder.is_finished();
    Ok(List((TypedArray::new_copy(ctx, output)?, consumed, ended)))
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
    let mut output = vec![0; MAX_STEP];
    let (mut consumed, mut written, mut room, mut total) = (0, 0, MAX_STEP, 0);
    let result = with_bytes(&input, |input| {
        let input = input.get(start..).unwrap_or_default();
        let mut left = input.len();
        BrotliDecompressStream(
            &mut left,
            &mut consumed,
            input,
            &mut room,
            &mut written,
            &mut output,
            &mut total,
            decoder,
        )
    });
    let ended = match result {
        BrotliResult::ResultSuccess => true,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
        BrotliResult::ResultFailure => {
            return Err(Exception::throw_type(
                &ctx,
                &format!("{:?}", decoder.error_code),
            ));
        }
    };
    output.truncate(written);
    Ok(List((TypedArray::new_copy(ctx, output)?, consumed, ended)))
}
