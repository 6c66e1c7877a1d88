//! Whether a request asks for the rest of an answer that is here.
//!
//! An agent that lost its isolate in the middle of an answer asks again: with the same conversation, or with what it had
//! kept of the answer as the last message of it. Both mean the answer that the host is still reading. Think asks a model to
//! continue in a message of the user after that, as some models take no beginning of their answer.

use serde_json::Value;

use crate::run::{Asked, Kept};
use crate::sse;

/// What `@cloudflare/think` says after the beginning of an answer, and keeps nowhere.
const CHECKPOINT: &str =
    "Continue your previous response from exactly where it left off. Do not repeat any of it.";

/// How much of the answer who asks has already: nothing if this is not about the same answer.
pub(crate) fn known_text(asked: &Asked, endpoint: &str, request: &Value) -> Option<String> {
    if asked.endpoint != endpoint {
        return None;
    }
    let (before, now) = (asked.request.as_object()?, request.as_object()?);
    let list = if before.contains_key("messages") {
        "messages"
    } else {
        "input"
    };
    let same = before.len() == now.len()
        && before
            .iter()
            .all(|(key, value)| key == list || now.get(key) == Some(value));
    if !same {
        return None;
    }
    let (Value::Array(before), Value::Array(now)) = (before.get(list)?, now.get(list)?) else {
        return (before.get(list) == now.get(list)).then(String::new);
    };
    let mut known = String::new();
    let more = match now.strip_prefix(before.as_slice())? {
        [more @ .., last]
            if !more.is_empty() && text_of("user", last).as_deref() == Some(CHECKPOINT) =>
        {
            more
        }
        more => more,
    };
    // An agent may have kept the beginning more than once, as it was saved by it and by a client of it.
    for message in more {
        let text = text_of("assistant", message)?;
        if text.starts_with(&known) {
            known = text;
        } else if !known.starts_with(&text) {
            return None;
        }
    }
    Some(known)
}

/// The text of a message that has this role and nothing but text.
fn text_of(role: &str, message: &Value) -> Option<String> {
    if message["role"] != role {
        return None;
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    if calls.is_some_and(|calls| !calls.is_empty()) {
        return None;
    }
    match &message["content"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| part["text"].as_str())
            .collect::<Option<String>>(),
        _ => None,
    }
}

/// Where the answer goes on for somebody who has this text of it: an event to begin with, and the byte after it.
pub(crate) fn place_after(kept: &Kept, known: &str) -> Option<(Option<Vec<u8>>, usize)> {
    let mut rest = known;
    let mut start = 0;
    if rest.is_empty() {
        return Some((None, 0));
    }
    for &end in &kept.events {
        let event = sse::json(&kept.bytes[start..end]);
        start = end;
        let Some(event) = event else { continue };
        let text = sse::text(&event);
        match rest.strip_prefix(text) {
            Some("") => return Some((None, end)),
            Some(more) => rest = more,
            None => {
                let left = text.strip_prefix(rest)?.to_owned();
                return Some((Some(sse::with_text(event, &left)), end));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(request: Value) -> Asked {
        Asked {
            scope: String::new(),
            endpoint: "chat/completions".to_owned(),
            request,
        }
    }

    #[test]
    fn the_same_conversation_and_one_that_has_a_part_of_the_answer_go_on() {
        let question = json!({ "role": "user", "content": "Tell" });
        let first = asked(json!({ "model": "m", "stream": true, "messages": [question] }));
        let again = |messages: Value, model: &str| {
            let request = json!({ "model": model, "stream": true, "messages": messages });
            known_text(&first, "chat/completions", &request)
        };
        assert_eq!(again(json!([question]), "m").as_deref(), Some(""));
        let part = json!({ "role": "assistant", "content": "Once" });
        assert_eq!(again(json!([question, part]), "m").as_deref(), Some("Once"));
        assert_eq!(
            again(json!([question, part, part]), "m").as_deref(),
            Some("Once")
        );
        let checkpoint =
            json!({ "role": "user", "content": [{ "type": "text", "text": CHECKPOINT }] });
        assert_eq!(
            again(json!([question, part, checkpoint]), "m").as_deref(),
            Some("Once")
        );
        assert_eq!(again(json!([question, checkpoint]), "m"), None);
        assert_eq!(again(json!([question, part]), "other"), None);
        assert_eq!(again(json!([question, part, question]), "m"), None);
        let tool = json!({ "role": "assistant", "content": "", "tool_calls": [{ "id": "1" }] });
        assert_eq!(again(json!([question, tool]), "m"), None);
    }

    #[test]
    fn what_is_known_ends_between_events_or_inside_one() {
        let mut kept = Kept::default();
        for text in ["Once ", "upon ", "a time"] {
            let event = json!({ "choices": [{ "delta": { "content": text } }] });
            kept.bytes.extend(sse::encode(&event));
            kept.events.push(kept.bytes.len());
        }
        let at = |known: &str| place_after(&kept, known);
        assert_eq!(at(""), Some((None, 0)));
        assert_eq!(at("Once "), Some((None, kept.events[0])));
        let (event, end) = at("Once up").expect("a place");
        assert_eq!(end, kept.events[1]);
        let event = sse::json(&event.expect("an event")).expect("JSON");
        assert_eq!(sse::text(&event), "on ");
        assert_eq!(at("Twice"), None);
        assert_eq!(at("Once upon a time and more"), None);
    }
}
