//! `multipart/form-data`, as OpenAI's API takes files: what is sent, and what the scripted model makes of it.

use bytes::Bytes;
use http::HeaderValue;

/// A body with its type.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) kind: Option<HeaderValue>,
    pub(crate) bytes: Bytes,
}

/// A file of a form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct File<'a> {
    /// The field that it is.
    pub(crate) name: &'a str,
    /// Its own name, which servers go by.
    pub(crate) filename: String,
    /// Its media type.
    pub(crate) kind: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl Form {
    /// The form of these fields and files. Names and types are ours, or escaped; what fields and files hold may be anything.
    pub(crate) fn of(fields: &[(String, String)], files: &[File<'_>]) -> Self {
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has randomness");
        let boundary = format!("atoll-{:032x}", u128::from_le_bytes(random));
        let room: usize = files.iter().map(|file| file.bytes.len() + 512).sum();
        let mut bytes = Vec::with_capacity(room + 1024);
        for (name, value) in fields {
            let part = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n",
                escaped(name)
            );
            bytes.extend(part.as_bytes());
        }
        for file in files {
            let head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
                escaped(file.name),
                file.filename,
                file.kind
            );
            bytes.extend(head.as_bytes());
            bytes.extend(file.bytes);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("--{boundary}--\r\n").as_bytes());
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        Self {
            kind: Some(kind.expect("a boundary is hexadecimal")),
            bytes: bytes.into(),
        }
    }
}

/// A field's name as it stands between quotes. <https://html.spec.whatwg.org/#multipart-form-data>
fn escaped(name: &str) -> String {
    let name = name.replace('"', "%22");
    name.replace('\r', "%0D").replace('\n', "%0A")
}

/// A part of a form that came: its name, the file's type if it is a file, and what it holds.
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    pub(crate) bytes: &'a [u8],
}

/// The parts of a body of this type; nothing if it is no form.
pub(crate) fn parts<'a>(kind: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = kind.split("boundary=").nth(1)?.trim_matches('"');
    let parts = between(body, boundary).into_iter().filter_map(|part| {
        let at = part.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..at]).into_owned();
        let is_file = head.contains("filename=\"");
        let kind = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_type = name.eq_ignore_ascii_case("content-type");
            is_type.then(|| value.trim().to_owned())
        });
        Some(Part {
            name: named(&head)?.to_owned(),
            kind: is_file.then(|| kind.unwrap_or_default()),
            bytes: &part[at + 4..],
        })
    });
    Some(parts.collect())
}

/// What lies between the boundaries of a form.
fn between<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}").into_bytes();
    let mut found = Vec::new();
    let mut rest = body;
    let mut start = None;
    let mut offset = 0;
    while let Some(at) = rest.windows(mark.len()).position(|bytes| bytes == mark) {
        if let Some(start) = start {
            let part: &[u8] = &body[start..offset + at];
            found.push(part.strip_suffix(b"\r\n").unwrap_or(part));
        }
        offset += at + mark.len();
        rest = &body[offset..];
        start = Some(offset);
    }
    found
}

fn named(head: &str) -> Option<&str> {
    let (_, rest) = head.split_once(" name=\"")?;
    rest.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_comes() {
        let fields = [("a\"\r\nb: c".to_owned(), "\u{e4}\r\n--x".to_owned())];
        let file = File {
            name: "image[]",
            filename: "image.png".to_owned(),
            kind: "image/png",
            bytes: b"\r\n\r\n\0--",
        };
        let form = Form::of(&fields, std::slice::from_ref(&file));
        let kind = form.kind.expect("a form has a type");
        let came = parts(kind.to_str().unwrap(), &form.bytes).unwrap();
        let came: Vec<_> = came
            .iter()
            .map(|part| (&*part.name, part.kind.as_deref(), part.bytes))
            .collect();
        assert_eq!(
            came,
            [
                ("a%22%0D%0Ab: c", None, "\u{e4}\r\n--x".as_bytes()),
                ("image[]", Some("image/png"), file.bytes),
            ]
        );
        assert!(parts("application/json", b"{}").is_none());
    }
}
