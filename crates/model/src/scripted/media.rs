//! Images, speech, transcription and reranking, as far as they can be had without a model.

use std::collections::HashSet;

use base64ct::{Base64, Encoding as _};
use host::{Body, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use pictures::Picture;
use serde_json::{Value, json};

use crate::form::{Part, parts};

use super::{failure, json_response, picture, sound};

/// The most pictures of one request, as OpenAI has it.
const MAX_PICTURES: u64 = 10;

/// `POST /images/generations`
pub(super) fn images(prompt: &str, body: &Value) -> Response {
    let count = body["n"].as_u64().unwrap_or(1);
    match picture::size(body["size"].as_str()) {
        Some(size) => drawn(&picture::draw(prompt.as_bytes(), size), prompt, count),
        None => failure(StatusCode::BAD_REQUEST, &wrong_size()),
    }
}

pub(super) fn wrong_size() -> String {
    format!("`size` is WxH, each from 1 to {}", picture::MAX_SIDE)
}

/// So many times the same picture, with the prompt in it.
pub(super) fn drawn(picture: &Picture, prompt: &str, count: u64) -> Response {
    if !(1..=MAX_PICTURES).contains(&count) {
        let message = format!("`n` is from 1 to {MAX_PICTURES}");
        return failure(StatusCode::BAD_REQUEST, &message);
    }
    let image = Base64::encode_string(&picture.write(Some(prompt)));
    let data: Vec<Value> = (0..count).map(|_| json!({ "b64_json": image })).collect();
    json_response(StatusCode::OK, &json!({ "created": 0, "data": data }))
}

/// `POST /audio/speech`: a WAV file whatever format is wanted, but for raw samples.
pub(super) fn speech(text: &str, body: &Value) -> Response {
    if text.is_empty() || text.len() > sound::MAX_TEXT_BYTES {
        let message = format!("`input` has 1 to {} bytes", sound::MAX_TEXT_BYTES);
        return failure(StatusCode::BAD_REQUEST, &message);
    }
    let (kind, bytes) = match body["response_format"].as_str() {
        Some("pcm") => ("audio/pcm", sound::samples(text)),
        _ => ("audio/wav", sound::wav(text)),
    };
    let mut response = Response::new(Body::full(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The form of `POST /audio/transcriptions`.
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) model: String,
    pub(super) asked: Value,
    seconds: f64,
}

impl Heard {
    /// What a form's file says. Nothing if it has no file.
    pub(super) fn of(kind: &str, body: &[u8]) -> Option<Self> {
        let mut fields = serde_json::Map::new();
        let mut file = None;
        for Part { name, bytes, .. } in parts(kind, body)? {
            if name == "file" {
                file = Some(bytes);
            } else {
                fields.insert(name, String::from_utf8_lossy(bytes).into());
            }
        }
        let (text, seconds) = sound::heard(file?);
        let model = fields.get("model").and_then(Value::as_str);
        Some(Self {
            text,
            model: model.unwrap_or("scripted").to_owned(),
            asked: fields.into(),
            seconds,
        })
    }

    /// The answer in the format that is wanted.
    pub(super) fn answer(&self) -> Response {
        let (text, seconds) = (&self.text, self.seconds);
        let value = match self.asked["response_format"].as_str() {
            None | Some("json") => json!({ "text": text }),
            Some("verbose_json") => {
                let words: Vec<&str> = text.split_whitespace().collect();
                let count = u32::try_from(words.len()).unwrap_or(u32::MAX).max(1);
                let step = seconds / f64::from(count);
                let words = (0_u32..).zip(words).map(|(index, word)| {
                    let start = step * f64::from(index);
                    json!({ "word": word, "start": start, "end": start + step })
                });
                let words: Vec<Value> = words.collect();
                json!({
                    "task": "transcribe", "language": "english", "duration": seconds, "text": text,
                    "segments": [{ "id": 0, "start": 0.0, "end": seconds, "text": text }], "words": words,
                })
            }
            Some(other) => {
                let message =
                    format!("the scripted model hears as json or verbose_json, not {other}");
                return failure(StatusCode::BAD_REQUEST, &message);
            }
        };
        json_response(StatusCode::OK, &value)
    }
}

/// `POST /rerank`: by how many of the query's words a document has.
pub(super) fn ranking(query: &str, body: &Value) -> Response {
    let words = |text: &str| -> HashSet<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let wanted = words(query);
    let Some(documents) = body["documents"].as_array() else {
        return failure(StatusCode::BAD_REQUEST, "`documents` is a list of texts");
    };
    let mut ranked: Vec<(usize, f64)> = documents
        .iter()
        .map(|document| document.as_str().or(document["text"].as_str()))
        .map(|document| words(document.unwrap_or_default()))
        .map(|words| {
            let shared = u32::try_from(wanted.intersection(&words).count()).unwrap_or(u32::MAX);
            let all = u32::try_from(wanted.len()).unwrap_or(u32::MAX).max(1);
            f64::from(shared) / f64::from(all)
        })
        .enumerate()
        .collect();
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let top = body["top_n"]
        .as_u64()
        .and_then(|top| usize::try_from(top).ok());
    ranked.truncate(top.unwrap_or(usize::MAX));
    let results = ranked.iter().map(|(index, score)| {
        json!({ "index": index, "relevance_score": score, "document": { "text": documents[*index] } })
    });
    let results: Vec<Value> = results.collect();
    let answer = json!({ "id": "rerank-scripted", "model": body["model"], "results": results });
    json_response(StatusCode::OK, &answer)
}
