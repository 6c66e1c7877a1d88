//! `atoll:native/zlib`: DEFLATE in its three wrappings, Brotli, step by step, and checksums.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use rquickjs::{Class, Ctx, Exception, Function, Object, Result, TypedArray};

use super::brotli;
use super::bytes::with_bytes;
use super::handle::Handle;
use super::steps::{Progress, Step, step};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("newDeflate", Function::new(ctx.clone(), new_deflate)?)?;
    exports.set("deflateStep", Function::new(ctx.clone(), deflate_step)?)?;
    exports.set("newInflate", Function::new(ctx.clone(), new_inflate)?)?;
    exports.set("inflateStep", Function::new(ctx.clone(), inflate_step)?)?;
    exports.set(
        "newBrotli",
        Function::new(ctx.clone(), brotli::new_encoder)?,
    )?;
    exports.set(
        "brotliStep",
        Function::new(ctx.clone(), brotli::encode_step)?,
    )?;
    exports.set(
        "newUnbrotli",
        Function::new(ctx.clone(), brotli::new_decoder)?,
    )?;
    exports.set(
        "unbrotliStep",
        Function::new(ctx.clone(), brotli::decode_step)?,
    )?;
    exports.set("crc32", Function::new(ctx.clone(), crc32)?)?;
    Ok(exports)
}

/// `newDeflate(format, level, windowBits)`: `format` is "gzip", "deflate" or "deflate-raw"; `level` 0 to 9 or -1 for
/// the usual one; `windowBits` 9 to 15.
fn new_deflate<'js>(
    ctx: Ctx<'js>,
    format: String,
    level: i32,
    window_bits: u8,
) -> Result<Class<'js, Handle<Compress>>> {
    check_window_bits(&ctx, window_bits)?;
    let level = match u32::try_from(level) {
        Ok(level) if level <= 9 => Compression::new(level),
        _ => Compression::default(),
    };
    let compress = match format.as_str() {
        "gzip" => Compress::new_gzip(level, window_bits),
        "deflate" => Compress::new_with_window_bits(level, true, window_bits),
        "deflate-raw" => Compress::new_with_window_bits(level, false, window_bits),
        _ => return Err(unknown_format(&ctx, &format)),
    };
    Handle::give(&ctx, compress)
}

/// `deflateStep(handle, input, start, flush)`: `flush` is 0 for none, 1 partial, 2 sync, 3 full, 4 to end the stream.
fn deflate_step<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle<Compress>>,
    input: TypedArray<'js, u8>,
    start: usize,
    flush: u8,
) -> Result<Step<'js>> {
    let flush = match flush {
        0 => FlushCompress::None,
        1 => FlushCompress::Partial,
        2 => FlushCompress::Sync,
        3 => FlushCompress::Full,
        _ => FlushCompress::Finish,
    };
    let mut guard = handle.borrow_mut();
    let compress = &mut guard.0;
    let before = (compress.total_in(), compress.total_out());
    step(&ctx, &input, start, |input, output| {
        let status = compress
            .compress(input, output, flush)
            .map_err(|_| "Compression failed.".to_owned())?;
        Ok(Progress {
            consumed: (compress.total_in() - before.0) as usize,
            written: (compress.total_out() - before.1) as usize,
            ended: status == Status::StreamEnd,
        })
    })
}

/// `newInflate(format, windowBits)`
fn new_inflate<'js>(
    ctx: Ctx<'js>,
    format: String,
    window_bits: u8,
) -> Result<Class<'js, Handle<Decompress>>> {
    check_window_bits(&ctx, window_bits)?;
    let decompress = match format.as_str() {
        "gzip" => Decompress::new_gzip(window_bits),
        "deflate" => Decompress::new_with_window_bits(true, window_bits),
        "deflate-raw" => Decompress::new_with_window_bits(false, window_bits),
        _ => return Err(unknown_format(&ctx, &format)),
    };
    Handle::give(&ctx, decompress)
}

/// `inflateStep(handle, input, start)`: throws a TypeError with zlib's word for what is wrong with the data.
fn inflate_step<'js>(
    ctx: Ctx<'js>,
    handle: Class<'js, Handle<Decompress>>,
    input: TypedArray<'js, u8>,
    start: usize,
) -> Result<Step<'js>> {
    let mut guard = handle.borrow_mut();
    let decompress = &mut guard.0;
    let before = (decompress.total_in(), decompress.total_out());
    step(&ctx, &input, start, |input, output| {
        let status = decompress
            .decompress(input, output, FlushDecompress::None)
            .map_err(|error| {
                let reason = match (error.needs_dictionary(), error.message()) {
                    (Some(_), _) => "need dictionary",
                    (None, message) => message.unwrap_or("invalid data"),
                };
                reason.to_owned()
            })?;
        Ok(Progress {
            consumed: (decompress.total_in() - before.0) as usize,
            written: (decompress.total_out() - before.1) as usize,
            ended: status == Status::StreamEnd,
        })
    })
}

/// `crc32(bytes, start)`: the checksum of gzip; `start` is the sum of what came before, or 0.
fn crc32(bytes: TypedArray<'_, u8>, start: u32) -> u32 {
    with_bytes(&bytes, |bytes| zlib_rs::crc32::crc32(start, bytes))
}

fn check_window_bits(ctx: &Ctx<'_>, window_bits: u8) -> Result<()> {
    if (9..=15).contains(&window_bits) {
        return Ok(());
    }
    Err(Exception::throw_range(
        ctx,
        "windowBits must be between 9 and 15",
    ))
}

fn unknown_format(ctx: &Ctx<'_>, format: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("\"{format}\" is not a compression format"))
}
