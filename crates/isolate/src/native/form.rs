//! `atoll:native/form`: takes `multipart/form-data` bodies apart (RFC 7578).

use rquickjs::{Array, Ctx, Exception, Function, Object, Result, TypedArray};

use super::bytes::with_bytes;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set(
        "parseMultipart",
        Function::new(ctx.clone(), parse_multipart)?,
    )?;
    Ok(exports)
}

/// One part of a form.
struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

/// The parts, flat: `[name, filename | undefined, type | undefined, text | bytes, …]`; a part with a file name has bytes.
fn parse_multipart<'js>(
    ctx: Ctx<'js>,
    body: TypedArray<'js, u8>,
    boundary: String,
) -> Result<Array<'js>> {
    let parts = with_bytes(&body, |bytes| parts(bytes, boundary.as_bytes()))
        .map_err(|message| Exception::throw_type(&ctx, &message))?;
    let flat = Array::new(ctx.clone())?;
    for (index, part) in parts.into_iter().enumerate() {
        let start = index * 4;
        flat.set(start, part.name)?;
        if let Some(filename) = part.filename {
            flat.set(start + 1, filename)?;
            flat.set(start + 2, part.content_type)?;
            flat.set(start + 3, TypedArray::new(ctx.clone(), part.content)?)?;
        } else {
            flat.set(start + 1, rquickjs::Undefined)?;
            flat.set(start + 2, part.content_type)?;
            flat.set(start + 3, String::from_utf8_lossy(&part.content).as_ref())?;
        }
    }
    Ok(flat)
}

type Parsed<T> = std::result::Result<T, String>;

fn parts(body: &[u8], boundary: &[u8]) -> Parsed<Vec<Part>> {
    // A delimiter is found by its line feed, so that a missing carriage return does no harm.
    let mut delimiter = b"\n--".to_vec();
    delimiter.extend_from_slice(boundary);
    let first = find(body, &delimiter[1..])
        .ok_or("No initial boundary string (or you have a truncated message).")?;
    let mut rest = &body[first + delimiter.len() - 1..];
    if rest.is_empty() {
        return Err("No initial boundary string (or you have a truncated message).".into());
    }
    let mut parts = Vec::new();
    loop {
        rest = match rest {
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
            [b'-', b'-', ..] => return Ok(parts),
            _ => {
                return Err("Boundary string was not succeeded by CRLF, LF, or '--'.".into());
            }
        };
        let (headers, content) =
            split_headers(rest).ok_or("No multipart message header termination found.")?;
        let headers = String::from_utf8_lossy(headers);
        let end = find(content, &delimiter)
            .ok_or("No subsequent boundary string after multipart message.")?;
        rest = &content[end + delimiter.len()..];
        if rest.is_empty() {
            return Err("No subsequent boundary string after multipart message.".into());
        }
        let content = &content[..end];
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        parts.push(part(&headers, content)?);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let at = from
            + haystack
                .get(from..)?
                .iter()
                .position(|byte| *byte == first)?;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Splits after the empty line that ends the headers.
fn split_headers(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let line_end = from + text.get(from..)?.iter().position(|byte| *byte == b'\n')?;
        let after = &text[line_end + 1..];
        match after {
            [b'\n', content @ ..] | [b'\r', b'\n', content @ ..] => {
                return Some((&text[..line_end], content));
            }
            _ => from = line_end + 1,
        }
    }
}

fn part(headers: &str, content: &[u8]) -> Parsed<Part> {
    let mut disposition = None;
    let mut content_type = None;
    for line in headers.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line
            .split_once(':')
            .ok_or("FormData part had invalid headers.")?;
        if name.eq_ignore_ascii_case("content-disposition") {
            disposition = Some(value.trim());
        } else if name.eq_ignore_ascii_case("content-type") {
            content_type = Some(value.trim().to_owned());
        }
    }
    let disposition =
        disposition.ok_or("No valid Content-Disposition header found in FormData part.")?;
    let (name, filename) = disposition_parameters(disposition)?;
    Ok(Part {
        name,
        filename,
        content_type,
        content: content.to_vec(),
    })
}

/// The `name` and `filename` of a `Content-Disposition: form-data` header.
fn disposition_parameters(text: &str) -> Parsed<(String, Option<String>)> {
    let (kind, mut rest) = match text.find(';') {
        Some(at) => (text[..at].trim(), &text[at..]),
        None => (text.trim(), ""),
    };
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err(format!(
            "Content-Disposition header for FormData part must have the value \"form-data\", possibly followed by \
             parameters. Got: \"{kind}\""
        ));
    }
    let mut name = None;
    let mut filename = None;
    while let Some(parameter) = rest.strip_prefix(';') {
        let parameter = parameter.trim_start();
        let Some((key, value)) = parameter.split_once('=') else {
            break;
        };
        let (value, after) = parameter_value(value.trim_start());
        match key.trim() {
            key if key.eq_ignore_ascii_case("name") => name = Some(value),
            key if key.eq_ignore_ascii_case("filename") => filename = Some(value),
            _ => {}
        }
        rest = after.trim_start();
    }
    let name = name.ok_or("Content-Disposition header in FormData part is missing a name.")?;
    Ok((name, filename))
}

/// A token or quoted string, and what follows it. Percent escapes stay, as in Workers.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}
