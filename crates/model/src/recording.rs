//! A recording as OpenAI's API takes it: a form with a file. <https://platform.openai.com/docs/api-reference/audio>

use crate::form::{File, Form};

/// What a worker may say of a recording; anything else would be a part of the form that nobody has looked at.
const FIELDS: [&str; 6] = [
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
];

/// Servers go by the name of the file.
const ENDINGS: [(&str, &str); 12] = [
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/flac", "flac"),
    ("audio/webm", "webm"),
    ("video/webm", "webm"),
    ("audio/mp4", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("video/mp4", "mp4"),
];

/// What is to be heard.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    /// Its media type, if that is one of audio.
    pub(crate) kind: &'a str,
    pub(crate) audio: &'a [u8],
}

impl Recording<'_> {
    /// The fields of a query, with this model in place of the one that it names.
    ///
    /// # Errors
    /// A field that nothing is known of.
    pub(crate) fn fields(
        query: &str,
        model: Option<&str>,
    ) -> Result<Vec<(String, String)>, String> {
        let mut fields = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, model) {
                ("model", Some(_)) => {}
                (known, _) if FIELDS.contains(&known) => {
                    fields.push((known.to_owned(), value.into_owned()));
                }
                (other, _) => return Err(format!("A recording has no field {other:?}.")),
            }
        }
        fields.extend(model.map(|model| ("model".to_owned(), model.to_owned())));
        Ok(fields)
    }

    /// The form with these fields.
    pub(crate) fn form(&self, fields: &[(String, String)]) -> Form {
        let kind = self.kind.split(';').next().unwrap_or_default().trim();
        let known = ENDINGS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(kind));
        let (kind, ending) = known
            .copied()
            .unwrap_or(("application/octet-stream", "bin"));
        let file = File {
            name: "file",
            filename: format!("audio.{ending}"),
            kind,
            bytes: self.audio,
        };
        Form::of(fields, &[file])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_cannot_name_another_model_than_the_one_that_is_to_be_asked() {
        let query = "model=large&model=larger&language=de&prompt=%C3%A4%0D%0A";
        let fields = Recording::fields(query, Some("small")).expect("all of it is known");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(
            fields,
            [
                ("language", "de"),
                ("prompt", "\u{e4}\r\n"),
                ("model", "small")
            ]
        );
        let smuggled = "x%22%0D%0A%0D%0A--=1";
        assert!(Recording::fields(smuggled, Some("small")).is_err());
    }

    #[test]
    fn a_file_is_named_as_its_kind_is() {
        let form = Recording {
            kind: "audio/MPEG; codecs=x",
            audio: b"\xff\xfb",
        }
        .form(&[("model".to_owned(), "m".to_owned())]);
        let text = String::from_utf8_lossy(&form.bytes);
        assert!(text.contains("filename=\"audio.mp3\"\r\ncontent-type: audio/mpeg\r\n\r\n"));
        let unknown = Recording {
            kind: "text/\"x",
            audio: b"",
        }
        .form(&[]);
        let text = String::from_utf8_lossy(&unknown.bytes);
        assert!(text.contains("filename=\"audio.bin\"\r\ncontent-type: application/octet-stream"));
    }
}
