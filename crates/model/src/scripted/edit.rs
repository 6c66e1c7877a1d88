//! `POST /images/edits`: pictures that are drawn from others, as far as that can be had without a model.

use host::Response;
use http::StatusCode;
use pictures::Picture;
use serde_json::{Map, Value, json};

use super::{failure, media, picture};
use crate::form::{Part, parts};

/// The form of such a request.
pub(super) struct Edit {
    pub(super) prompt: String,
    pub(super) model: String,
    /// Its fields, and of its files the name, the type, the length and a checksum.
    pub(super) asked: Value,
    /// What the squares come from: the prompt and all files.
    seed: Vec<u8>,
    original: Vec<u8>,
    mask: Option<Vec<u8>>,
}

impl Edit {
    /// What a form wants. Nothing if it has no prompt or no picture.
    pub(super) fn of(kind: &str, body: &[u8]) -> Option<Self> {
        let mut fields = Map::new();
        let (mut original, mut mask, mut files, mut seed) = (None, None, Vec::new(), Vec::new());
        for Part { name, kind, bytes } in parts(kind, body)? {
            let Some(kind) = kind else {
                fields.insert(name, String::from_utf8_lossy(bytes).into());
                continue;
            };
            let sum = crc32fast::hash(bytes);
            files.push(json!({ "name": name, "type": kind, "bytes": bytes.len(), "crc32": sum }));
            seed.extend(sum.to_be_bytes());
            match &*name {
                "image" | "image[]" if original.is_none() => original = Some(bytes.to_vec()),
                "mask" => mask = Some(bytes.to_vec()),
                _ => {}
            }
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let (prompt, model) = (text("prompt")?.to_owned(), text("model"));
        let model = model.unwrap_or("scripted").to_owned();
        seed.extend(prompt.as_bytes());
        fields.insert("files".to_owned(), files.into());
        Some(Self {
            prompt,
            model,
            asked: fields.into(),
            seed,
            original: original?,
            mask,
        })
    }

    /// Squares in place of the picture, or of what of it the mask leaves open.
    pub(super) fn answer(&self) -> Response {
        match self.draw() {
            Ok((picture, count)) => media::drawn(&picture, &self.prompt, count),
            Err(message) => failure(StatusCode::BAD_REQUEST, &message),
        }
    }

    fn draw(&self) -> Result<(Picture, u64), String> {
        let field = |name: &str| self.asked[name].as_str();
        let count = field("n").map_or(Ok(1), str::parse);
        let count = count.map_err(|_| "`n` is a number".to_owned())?;
        let size = picture::size(field("size")).ok_or_else(media::wrong_size)?;
        let Some(mask) = &self.mask else {
            return Ok((picture::draw(&self.seed, size), count));
        };
        let read = |what: &str, png: &[u8]| {
            Picture::read(png).map_err(|error| format!("`{what}` cannot be read: {error}"))
        };
        let (original, mask) = (read("image", &self.original)?, read("mask", mask)?);
        let is_as_large = mask.width == original.width && mask.height() == original.height();
        if !is_as_large {
            return Err("`mask` is not as large as `image`".to_owned());
        }
        if mask.is_opaque() {
            return Err("`mask` leaves nothing open: no point of it is transparent".to_owned());
        }
        Ok((picture::redraw(&self.seed, original, &mask), count))
    }
}
