//! `atoll:native/url`: the WHATWG URL parser and the form encoding that query strings use.
//!
//! A parsed URL crosses as its `href` and the offsets of its parts, so that JavaScript slices what it is asked for.

use ada_url::{Idna, Url};
use rquickjs::{Array, Ctx, Function, Object, Result, String as Text, TypedArray, Value};

use crate::clone::Engine;
use crate::values::usv_string;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("parse", Function::new(ctx.clone(), parse)?)?;
    exports.set("canParse", Function::new(ctx.clone(), can_parse)?)?;
    exports.set("set", Function::new(ctx.clone(), set)?)?;
    exports.set("parseForm", Function::new(ctx.clone(), parse_form)?)?;
    exports.set("serializeForm", Function::new(ctx.clone(), serialize_form)?)?;
    exports.set("percentDecode", Function::new(ctx.clone(), percent_decode)?)?;
    exports.set(
        "domainToAscii",
        Function::new(ctx.clone(), |domain: String| Idna::ascii(&domain))?,
    )?;
    exports.set(
        "domainToUnicode",
        Function::new(ctx.clone(), |domain: String| Idna::unicode(&domain))?,
    )?;
    Ok(exports)
}

/// The record of a parsed URL, or undefined when the input is none. Halves of pairs in the input count as U+FFFD.
fn parse<'js>(ctx: Ctx<'js>, input: Text<'js>, base: Option<String>) -> Result<Option<Value<'js>>> {
    let input = usv_string(&input)?;
    match Url::parse(input.as_str(), base.as_deref()) {
        Ok(url) => record(&ctx, &url).map(Some),
        Err(_) => Ok(None),
    }
}

fn can_parse(input: String, base: Option<String>) -> bool {
    Url::can_parse(&input, base.as_deref())
}

/// `[href, protocolEnd, usernameEnd, hostStart, hostEnd, port, pathnameStart, searchStart, hashStart]`, -1 where a part
/// is missing. A serialized URL is ASCII, so that byte offsets are character offsets.
fn record<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Value<'js>> {
    let parts = url.components();
    let optional = |value: Option<u32>| value.map_or(-1.0, f64::from);
    let offsets = [
        f64::from(parts.protocol_end),
        f64::from(parts.username_end),
        f64::from(parts.host_start),
        f64::from(parts.host_end),
        optional(parts.port),
        optional(parts.pathname_start),
        optional(parts.search_start),
        optional(parts.hash_start),
    ];
    let engine = Engine::bare(ctx.as_raw().as_ptr());
    let href = engine.text(url.href())?;
    let [a, b, c, d, e, f, g, h] = offsets.map(|offset| engine.number_value(offset));
    let record = engine.array([href, a, b, c, d, e, f, g, h])?;
    Ok(record.into_value(ctx))
}

/// Runs one of the URL setters on `href`; undefined when it changed nothing.
fn set<'js>(
    ctx: Ctx<'js>,
    href: String,
    part: String,
    value: String,
) -> Result<Option<Value<'js>>> {
    let Ok(mut url) = Url::parse(href.as_str(), None) else {
        return Ok(None);
    };
    let given = (!value.is_empty()).then_some(value.as_str());
    let done = match part.as_str() {
        "protocol" => url.set_protocol(&value).is_ok(),
        "username" => url.set_username(Some(&value)).is_ok(),
        "password" => url.set_password(Some(&value)).is_ok(),
        "host" => url.set_host(Some(&value)).is_ok(),
        "hostname" => url.set_hostname(Some(&value)).is_ok(),
        "port" => url.set_port(given).is_ok(),
        "pathname" => url.set_pathname(Some(&value)).is_ok(),
        "search" => {
            url.set_search(given);
            true
        }
        "hash" => {
            url.set_hash(given);
            true
        }
        _ => false,
    };
    if done {
        record(&ctx, &url).map(Some)
    } else {
        Ok(None)
    }
}

/// The names and values of an `application/x-www-form-urlencoded` string, flat.
fn parse_form<'js>(ctx: Ctx<'js>, input: String) -> Result<Array<'js>> {
    let pairs = Array::new(ctx)?;
    let mut index = 0;
    for sequence in input.split('&').filter(|sequence| !sequence.is_empty()) {
        let (name, value) = sequence.split_once('=').unwrap_or((sequence, ""));
        for text in [name, value] {
            pairs.set(index, form_decode(text))?;
            index += 1;
        }
    }
    Ok(pairs)
}

fn form_decode(text: &str) -> String {
    let plain = !text.bytes().any(|byte| matches!(byte, b'+' | b'%'));
    if plain {
        return text.to_owned();
    }
    let spaced = text.replace('+', " ");
    let bytes = percent_decoded(spaced.as_bytes());
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |index: usize| {
        bytes
            .get(index)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(index + 1), digit(index + 2))
        {
            decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits fit a byte"));
            index += 3;
        } else {
            decoded.push(byte);
            index += 1;
        }
    }
    decoded
}

/// The bytes of a percent-encoded string.
fn percent_decode(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, percent_decoded(text.as_bytes()))
}

/// The `application/x-www-form-urlencoded` string of a flat list of names and values.
fn serialize_form(pairs: Vec<String>) -> String {
    let mut output = String::new();
    for (index, text) in pairs.iter().enumerate() {
        if index > 0 {
            output.push(if index % 2 == 0 { '&' } else { '=' });
        }
        for byte in text.bytes() {
            match byte {
                b' ' => output.push('+'),
                b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    output.push(char::from(byte));
                }
                _ => {
                    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                    output.push('%');
                    output.push(char::from(DIGITS[usize::from(byte >> 4)]));
                    output.push(char::from(DIGITS[usize::from(byte & 15)]));
                }
            }
        }
    }
    output
}
