//! Pictures to draw from, as OpenAI's API takes them: a form. <https://platform.openai.com/docs/api-reference/images>

use serde::Deserialize;

use crate::form::{File, Form};

/// Which files there may be.
const NAMES: [&str; 3] = ["image", "image[]", "mask"];

/// Servers go by the name of the file.
const KINDS: [(&str, &str); 4] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
];

/// How many files there may be: OpenAI takes 16 pictures, and a mask.
const MAX_FILES: usize = 17;

/// What an isolate says before the pictures themselves, in one line of JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    fields: serde_json::Map<String, serde_json::Value>,
    files: Vec<Length>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Length {
    name: String,
    kind: Option<String>,
    bytes: usize,
}

/// The form of a line of JSON and the files that follow it, with this model in place of the one that it names.
///
/// # Errors
/// The line is not what it should be, or the files are not those that it tells.
pub(crate) fn form(body: &[u8], model: Option<&str>) -> Result<Form, String> {
    let end = body.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or("Pictures to draw from begin with a line that tells them.")?;
    let (line, mut rest) = (&body[..end], &body[end + 1..]);
    let mut head: Head = serde_json::from_slice(line)
        .map_err(|error| format!("The line before pictures to draw from: {error}."))?;
    if let Some(model) = model {
        head.fields.insert("model".to_owned(), model.into());
    }
    if head.files.len() > MAX_FILES {
        return Err(format!(
            "There are more than {MAX_FILES} pictures to draw from."
        ));
    }
    let mut fields = Vec::new();
    for (name, value) in head.fields {
        let text = match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        fields.push((name, text));
    }
    let mut files = Vec::new();
    for Length { name, kind, bytes } in head.files {
        let known = NAMES.iter().find(|known| **known == name);
        let name = known.ok_or_else(|| format!("A picture to draw from has no name {name:?}."))?;
        let (file, after) = rest
            .split_at_checked(bytes)
            .ok_or("A picture to draw from is shorter than its length.")?;
        rest = after;
        let known = KINDS
            .iter()
            .find(|(known, _)| kind.as_deref() == Some(known));
        let (kind, ending) = known
            .copied()
            .unwrap_or(("application/octet-stream", "bin"));
        files.push(File {
            name,
            filename: format!("{}.{ending}", name.trim_end_matches("[]")),
            kind,
            bytes: file,
        });
    }
    if !rest.is_empty() {
        return Err("A picture to draw from is longer than its length.".to_owned());
    }
    Ok(Form::of(&fields, &files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::parts;

    type Told = (String, Option<String>, Vec<u8>);

    fn sent(body: &[u8], model: Option<&str>) -> Result<Vec<Told>, String> {
        let form = form(body, model)?;
        let kind = form.kind.expect("a form has a type");
        let parts = parts(kind.to_str().unwrap(), &form.bytes).unwrap();
        let told = parts
            .into_iter()
            .map(|part| (part.name, part.kind, part.bytes.to_vec()));
        Ok(told.collect())
    }

    #[test]
    fn pictures_are_files_of_the_form_and_the_model_is_the_one_to_be_asked() {
        let body = b"{\"fields\":{\"model\":\"large\",\"n\":1},\"files\":[{\"name\":\"image\",\"kind\":\"image/jpeg\",\
            \"bytes\":3},{\"name\":\"mask\",\"bytes\":2}]}\n\n\0\nab";
        let text = |name: &str, value: &str| (name.to_owned(), None, value.as_bytes().to_vec());
        let file = |name: &str, kind: &str, bytes: &[u8]| {
            (name.to_owned(), Some(kind.to_owned()), bytes.to_vec())
        };
        let told = sent(body, Some("small")).unwrap();
        assert_eq!(
            told,
            [
                text("model", "small"),
                text("n", "1"),
                file("image", "image/jpeg", b"\n\0\n"),
                file("mask", "application/octet-stream", b"ab"),
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = [
            (&b"no line"[..], "begin with a line"),
            (b"{}\n", "missing field"),
            (
                b"{\"fields\":{},\"files\":[{\"name\":\"x\",\"bytes\":0}]}\n",
                "no name \"x\"",
            ),
            (
                b"{\"fields\":{},\"files\":[{\"name\":\"mask\",\"bytes\":2}]}\na",
                "shorter",
            ),
            (b"{\"fields\":{},\"files\":[]}\na", "longer"),
        ];
        for (body, reason) in refused {
            let said = sent(body, None).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
    }
}
