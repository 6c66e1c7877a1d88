//! `atoll:native/buffer`: the conversions and searches that `node:buffer` does on long inputs.
//!
//! Encodings come by their canonical names: utf8, latin1, ascii, hex, base64, base64url.
#![expect(
    unsafe_code,
    reason = "the engine can only promise that bytes and string contents stay put while no code runs"
)]

use rquickjs::{
    ArrayBuffer, CString, Ctx, Exception, Function, Object, Result, String, TypedArray,
};

use super::bytes::with_bytes;

type Bytes<'js> = TypedArray<'js, u8>;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("compare", Function::new(ctx.clone(), compare)?)?;
    exports.set("decode", Function::new(ctx.clone(), decode)?)?;
    exports.set("encode", Function::new(ctx.clone(), encode)?)?;
    exports.set("indexOf", Function::new(ctx.clone(), index_of)?)?;
    exports.set("isAscii", Function::new(ctx.clone(), is_ascii)?)?;
    exports.set("isUtf8", Function::new(ctx.clone(), is_utf8)?)?;
    exports.set("utf8Length", Function::new(ctx.clone(), utf8_length)?)?;
    exports.set("write", Function::new(ctx.clone(), write)?)?;
    Ok(exports)
}

/// Runs `work` on the string's bytes as the engine gives them: UTF-8 in which lone surrogates take three bytes.
fn with_text<R>(text: String<'_>, work: impl FnOnce(&[u8]) -> R) -> Result<R> {
    let text = CString::from_string(text)?;
    // SAFETY: the C string owns its bytes until it is dropped at the end of this function.
    let bytes = unsafe { std::slice::from_raw_parts(text.as_ptr().cast::<u8>(), text.len()) };
    Ok(work(bytes))
}

/// Whether a lone surrogate starts here.
fn is_surrogate(bytes: &[u8]) -> bool {
    matches!(bytes, [0xED, 0xA0..=0xBF, _, ..])
}

/// The engine's bytes as UTF-8: lone surrogates become replacement characters, which are as long.
fn to_utf8(bytes: &[u8]) -> Vec<u8> {
    let mut utf8 = bytes.to_vec();
    if std::str::from_utf8(bytes).is_ok() {
        return utf8;
    }
    for start in 0..utf8.len() {
        if is_surrogate(&utf8[start..]) {
            utf8[start..start + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
    utf8
}

/// The low byte of each UTF-16 code unit.
fn to_latin1(bytes: &[u8]) -> Vec<u8> {
    let mut latin1 = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let continuation = |at: usize| u32::from(tail.get(at).copied().unwrap_or(0x80) & 0x3F);
        let (length, code) = match first {
            0..=0x7F => (1, u32::from(*first)),
            0xC0..=0xDF => (2, u32::from(first & 0x1F) << 6 | continuation(0)),
            0xE0..=0xEF => (
                3,
                u32::from(first & 0x0F) << 12 | continuation(0) << 6 | continuation(1),
            ),
            _ => (
                4,
                u32::from(first & 0x07) << 18
                    | continuation(0) << 12
                    | continuation(1) << 6
                    | continuation(2),
            ),
        };
        if code > 0xFFFF {
            let above = code - 0x1_0000;
            latin1.push(low_byte(0xD800 + (above >> 10)));
            latin1.push(low_byte(0xDC00 + (above & 0x3FF)));
        } else {
            latin1.push(low_byte(code));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    latin1
}

fn low_byte(code: u32) -> u8 {
    code.to_le_bytes()[0]
}

/// Pairs of hex digits up to the first pair that is none.
fn from_hex(text: &[u8]) -> Vec<u8> {
    let digit = |char: u8| (char as char).to_digit(16);
    text.chunks_exact(2)
        .map_while(|pair| Some(low_byte(digit(pair[0])? << 4 | digit(pair[1])?)))
        .collect()
}

/// Both base64 alphabets; anything else is skipped, and the first `=` ends the text.
fn from_base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut bits: u32 = 0;
    let mut count = 0;
    for char in text {
        let value = match char {
            b'A'..=b'Z' => char - b'A',
            b'a'..=b'z' => char - b'a' + 26,
            b'0'..=b'9' => char - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(low_byte(bits >> count));
        }
    }
    bytes
}

fn to_hex(bytes: &[u8]) -> std::string::String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = std::string::String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

fn to_base64(bytes: &[u8], url: bool) -> std::string::String {
    const COMMON: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let last = if url { b"-_" } else { b"+/" };
    let symbol = |value: u32| {
        let index = usize::from(low_byte(value & 63));
        COMMON
            .get(index)
            .copied()
            .unwrap_or_else(|| last[index - 62]) as char
    };
    let mut text = std::string::String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(symbol(bits >> (18 - 6 * place)));
            } else if !url {
                text.push('=');
            }
        }
    }
    text
}

fn from_text(ctx: &Ctx<'_>, text: String<'_>, encoding: &str) -> Result<Vec<u8>> {
    let convert = match encoding {
        "utf8" => to_utf8,
        "latin1" | "ascii" => to_latin1,
        "hex" => from_hex,
        "base64" | "base64url" => from_base64,
        _ => return Err(unknown(ctx, encoding)),
    };
    with_text(text, convert)
}

fn unknown(ctx: &Ctx<'_>, encoding: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("Unknown encoding: {encoding}"))
}

/// `encode(text, encoding)`: the bytes, in an ArrayBuffer of their own.
fn encode<'js>(
    ctx: Ctx<'js>,
    text: String<'js>,
    encoding: std::string::String,
) -> Result<ArrayBuffer<'js>> {
    let bytes = from_text(&ctx, text, &encoding)?;
    ArrayBuffer::new(ctx, bytes)
}

/// `decode(bytes, encoding, start, end)`: the text of a range, which is clamped.
fn decode<'js>(
    ctx: Ctx<'js>,
    bytes: Bytes<'js>,
    encoding: std::string::String,
    start: usize,
    end: usize,
) -> Result<String<'js>> {
    let text = with_bytes(&bytes, |bytes| {
        let end = end.min(bytes.len());
        let range = &bytes[start.min(end)..end];
        Some(match encoding.as_str() {
            "utf8" => std::string::String::from_utf8_lossy(range).into_owned(),
            "latin1" => range.iter().map(|byte| char::from(*byte)).collect(),
            "ascii" => range.iter().map(|byte| char::from(byte & 0x7F)).collect(),
            "hex" => to_hex(range),
            "base64" => to_base64(range, false),
            "base64url" => to_base64(range, true),
            _ => return None,
        })
    });
    let text = text.ok_or_else(|| unknown(&ctx, &encoding))?;
    String::from_str(ctx, &text)
}

/// `write(target, text, encoding, offset, length)`: how many bytes were written; a UTF-8 character is never split.
fn write<'js>(
    ctx: Ctx<'js>,
    target: Bytes<'js>,
    text: String<'js>,
    encoding: std::string::String,
    offset: usize,
    length: usize,
) -> Result<usize> {
    let mut bytes = from_text(&ctx, text, &encoding)?;
    let room = target.len().saturating_sub(offset).min(length);
    if bytes.len() > room {
        let mut end = room;
        if encoding == "utf8" {
            while end > 0 && bytes[end] & 0xC0 == 0x80 {
                end -= 1;
            }
        }
        bytes.truncate(end);
    }
    if bytes.is_empty() {
        return Ok(0);
    }
    let Some(raw) = target.as_raw() else {
        return Ok(0);
    };
    // SAFETY: the engine's buffer holds `raw.len()` bytes, `offset + bytes.len()` stays within them, no JavaScript runs
    // during the copy, and the source is memory of our own.
    unsafe {
        assert!(offset + bytes.len() <= raw.len());
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            raw.as_ptr().cast::<u8>().add(offset),
            bytes.len(),
        );
    }
    Ok(bytes.len())
}

/// `utf8Length(text)`: bytes that the text takes in UTF-8.
fn utf8_length(text: String<'_>) -> Result<usize> {
    with_text(text, <[u8]>::len)
}

/// `compare(a, b)`: -1, 0 or 1.
fn compare<'js>(first: Bytes<'js>, second: Bytes<'js>) -> i32 {
    with_bytes(&first, |first| {
        with_bytes(&second, |second| first.cmp(second) as i32)
    })
}

/// `indexOf(bytes, needle, start, forward, step)`: where the needle is at a multiple of `step`, or -1.
fn index_of<'js>(
    bytes: Bytes<'js>,
    needle: Bytes<'js>,
    start: usize,
    forward: bool,
    step: usize,
) -> i64 {
    let found = with_bytes(&bytes, |bytes| {
        with_bytes(&needle, |needle| {
            let last = bytes.len().checked_sub(needle.len())?;
            let here = |at: &usize| bytes[*at..].starts_with(needle);
            let step = step.max(1);
            if forward {
                (start.next_multiple_of(step)..=last)
                    .step_by(step)
                    .find(here)
            } else {
                let from = start.min(last) / step * step;
                (0..=from).rev().step_by(step).find(here)
            }
        })
    });
    found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
}

fn is_utf8(bytes: Bytes<'_>) -> bool {
    with_bytes(&bytes, |bytes| std::str::from_utf8(bytes).is_ok())
}

fn is_ascii(bytes: Bytes<'_>) -> bool {
    with_bytes(&bytes, <[u8]>::is_ascii)
}
