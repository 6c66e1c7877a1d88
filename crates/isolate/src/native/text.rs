//! `atoll:native/text`: between JavaScript's strings and bytes, in every encoding of the Encoding standard.

use std::ffi::c_char;
use std::slice;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};
use rquickjs::convert::List;
use rquickjs::{
    Class, Ctx, Exception, Function, Object, Result, String as JsString, TypedArray, Value, qjs,
};

use super::bytes::with_bytes;
use super::handle::Handle;

/// What Workers say of bytes that `fatal` does not let pass.
const FAILED: &str = "Failed to decode input.";

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("encodingName", Function::new(ctx.clone(), encoding_name)?)?;
    exports.set("encode", Function::new(ctx.clone(), encode)?)?;
    exports.set("encodeInto", Function::new(ctx.clone(), encode_into)?)?;
    exports.set("decodeUtf8", Function::new(ctx.clone(), decode_utf8)?)?;
    exports.set("decode", Function::new(ctx.clone(), decode)?)?;
    exports.set("newDecoder", Function::new(ctx.clone(), new_decoder)?)?;
    exports.set("decodeChunk", Function::new(ctx.clone(), decode_chunk)?)?;
    Ok(exports)
}

/// `encodingName(label)`: the lower-case name of the encoding that a label stands for; undefined when it stands for none
/// or for "replacement".
fn encoding_name<'js>(ctx: Ctx<'js>, label: JsString<'js>) -> Result<Value<'js>> {
    let encoding = with_utf8(&ctx, &label, Encoding::for_label_no_replacement)?;
    match encoding {
        Some(encoding) => {
            JsString::from_str(ctx, &encoding.name().to_ascii_lowercase()).map(JsString::into_value)
        }
        None => Ok(Value::new_undefined(ctx)),
    }
}

/// `encode(string)`: UTF-8, lone surrogates as U+FFFD.
fn encode<'js>(ctx: Ctx<'js>, text: JsString<'js>) -> Result<TypedArray<'js, u8>> {
    let copy = ctx.clone();
    with_utf8(&ctx, &text, |bytes| TypedArray::new_copy(copy, bytes))?
}

/// `encodeInto(string, target)`: writes as many whole characters as fit. Gives `[read, written]`: UTF-16 units and bytes.
fn encode_into<'js>(
    ctx: Ctx<'js>,
    text: JsString<'js>,
    target: TypedArray<'js, u8>,
) -> Result<List<(usize, usize)>> {
    with_utf8(&ctx, &text, |bytes| {
        let capacity = target.len();
        let mut written = bytes.len().min(capacity);
        while written < bytes.len() && written > 0 && is_continuation(bytes[written]) {
            written -= 1;
        }
        let taken = &bytes[..written];
        if let Some(raw) = target.as_raw() {
            write(raw, taken);
        }
        List((utf16_length(taken), written))
    })
}

/// `decodeUtf8(bytes)`: as bodies decode text: a byte order mark is dropped, what is malformed becomes U+FFFD.
fn decode_utf8<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> Result<JsString<'js>> {
    // Making a string runs no JavaScript, so the bytes stay where they are.
    let text = with_bytes(&bytes, |bytes| {
        let (text, _) = UTF_8.decode_with_bom_removal(bytes);
        JsString::from_str(ctx.clone(), &text)
    })?;
    Ok(text)
}

/// `decode(bytes, encoding, fatal, ignoreBOM)`: all bytes at once.
fn decode<'js>(
    ctx: Ctx<'js>,
    bytes: TypedArray<'js, u8>,
    encoding: String,
    fatal: bool,
    ignore_bom: bool,
) -> Result<JsString<'js>> {
    let encoding = known(&ctx, &encoding)?;
    with_bytes(&bytes, |bytes| {
        let bytes = if ignore_bom {
            bytes
        } else {
            without_bom(encoding, bytes)
        };
        if fatal {
            match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
                Some(text) => JsString::from_str(ctx.clone(), &text),
                None => Err(Exception::throw_type(&ctx, FAILED)),
            }
        } else {
            JsString::from_str(ctx.clone(), &encoding.decode_without_bom_handling(bytes).0)
        }
    })
}

/// A decoder between the chunks of a stream.
struct Stream {
    decoder: Decoder,
    fatal: bool,
}

/// `newDecoder(encoding, fatal, ignoreBOM)`
fn new_decoder<'js>(
    ctx: Ctx<'js>,
    encoding: String,
    fatal: bool,
    ignore_bom: bool,
) -> Result<Class<'js, Handle<Stream>>> {
    let encoding = known(&ctx, &encoding)?;
    let decoder = if ignore_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    };
    Handle::give(&ctx, Stream { decoder, fatal })
}

/// `decodeChunk(decoder, bytes, last)`. After the last chunk, or an error, the decoder is used up.
fn decode_chunk<'js>(
    ctx: Ctx<'js>,
    decoder: Class<'js, Handle<Stream>>,
    bytes: TypedArray<'js, u8>,
    last: bool,
) -> Result<JsString<'js>> {
    let mut guard = decoder.borrow_mut();
    let stream = &mut guard.0;
    let mut text = String::new();
    let complete = with_bytes(&bytes, |bytes| {
        if stream.fatal {
            let room = stream
                .decoder
                .max_utf8_buffer_length_without_replacement(bytes.len());
            text.reserve(room.unwrap_or(bytes.len()));
            let (result, _) = stream
                .decoder
                .decode_to_string_without_replacement(bytes, &mut text, last);
            result == DecoderResult::InputEmpty
        } else {
            let room = stream.decoder.max_utf8_buffer_length(bytes.len());
            text.reserve(room.unwrap_or(bytes.len()));
            let (result, _, _) = stream.decoder.decode_to_string(bytes, &mut text, last);
            result == CoderResult::InputEmpty
        }
    });
    if !complete {
        return Err(Exception::throw_type(&ctx, FAILED));
    }
    JsString::from_str(ctx, &text)
}

fn known(ctx: &Ctx<'_>, name: &str) -> Result<&'static Encoding> {
    Encoding::for_label(name.as_bytes())
        .ok_or_else(|| Exception::throw_range(ctx, &format!("\"{name}\" is not a valid encoding.")))
}

/// Without the mark of this very encoding: other encodings' marks are text.
fn without_bom<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    match Encoding::for_bom(bytes) {
        Some((found, length)) if found == encoding => &bytes[length..],
        _ => bytes,
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many UTF-16 units well-formed UTF-8 takes.
fn utf16_length(bytes: &[u8]) -> usize {
    let characters = bytes.iter().filter(|byte| !is_continuation(**byte)).count();
    let pairs = bytes.iter().filter(|byte| **byte >= 0xF0).count();
    characters + pairs
}

/// Copies `bytes` to the start of a typed array's memory, which is at least as long.
#[expect(unsafe_code, reason = "the target is memory of the engine")]
fn write(target: std::ptr::NonNull<[u8]>, bytes: &[u8]) {
    debug_assert!(bytes.len() <= target.len());
    // SAFETY: the target is the live memory of a typed array of at least `bytes.len()` bytes, and `bytes` belongs to a
    // string, so they do not overlap; no JavaScript runs meanwhile.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), target.as_ptr().cast::<u8>(), bytes.len())
    };
}

/// Runs `work` on a string's UTF-8. ASCII strings are read in place.
#[expect(
    unsafe_code,
    reason = "the engine lends a string's bytes through its C API alone"
)]
fn with_utf8<R>(ctx: &Ctx<'_>, text: &JsString<'_>, work: impl FnOnce(&[u8]) -> R) -> Result<R> {
    /// Gives the borrowed text back.
    struct Lent<'a, 'js>(&'a Ctx<'js>, *const c_char);
    impl Drop for Lent<'_, '_> {
        fn drop(&mut self) {
            // SAFETY: made by `JS_ToCStringLen` in this context, and freed once.
            unsafe { qjs::JS_FreeCString(self.0.as_raw().as_ptr(), self.1) };
        }
    }
    let mut length = 0;
    // SAFETY: the value is a live string; the result is checked.
    let start =
        unsafe { qjs::JS_ToCStringLen(ctx.as_raw().as_ptr(), &raw mut length, text.as_raw()) };
    if start.is_null() {
        return Err(rquickjs::Error::Exception);
    }
    let lent = Lent(ctx, start);
    // SAFETY: the engine gave a pointer to this many bytes, which stay until they are given back.
    let bytes = unsafe { slice::from_raw_parts(lent.1.cast::<u8>(), length) };
    // Lone surrogates come as three bytes each that no valid UTF-8 has.
    if !bytes.contains(&0xED) || std::str::from_utf8(bytes).is_ok() {
        return Ok(work(bytes));
    }
    let mut fixed = bytes.to_vec();
    let mut at = 0;
    while at + 2 < fixed.len() {
        if fixed[at] == 0xED && fixed[at + 1] >= 0xA0 {
            fixed[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
        at += 1;
    }
    Ok(work(&fixed))
}
