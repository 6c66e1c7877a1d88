//! Server-sent events as models send them: `data:` lines with JSON, and an empty line after each event.

use serde_json::Value;

/// Where each complete event ends.
pub(crate) fn boundaries(bytes: &[u8], from: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = from;
    while let Some(found) = bytes[at..].windows(2).position(|pair| pair == b"\n\n") {
        at += found + 2;
        ends.push(at);
    }
    ends
}

/// The JSON of an event; nothing for `[DONE]`, comments and the like.
pub(crate) fn json(event: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(event).ok()?;
    let data: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| data.strip_prefix(' ').unwrap_or(data))
        .collect();
    serde_json::from_str(&data.join("\n")).ok()
}

/// The text that a streamed event adds to an answer, in either of OpenAI's forms.
pub(crate) fn text(event: &Value) -> &str {
    let delta = &event["choices"][0]["delta"]["content"];
    let delta = match event["type"].as_str() {
        Some("response.output_text.delta") => &event["delta"],
        _ => delta,
    };
    delta.as_str().unwrap_or_default()
}

/// The event has to do with tools, which a text alone does not continue.
pub(crate) fn has_tools(event: &Value) -> bool {
    !event["choices"][0]["delta"]["tool_calls"].is_null()
        || event["item"]["type"] == "function_call"
}

/// The same event with another text.
pub(crate) fn with_text(mut event: Value, text: &str) -> Vec<u8> {
    let place = match event["type"].as_str() {
        Some("response.output_text.delta") => &mut event["delta"],
        _ => &mut event["choices"][0]["delta"]["content"],
    };
    *place = text.into();
    encode(&event)
}

/// An event of this JSON.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_at_empty_lines_and_carry_text() {
        let bytes =
            b"data: {\"choices\":[{\"delta\":{\"content\":\"a\\n\"}}]}\n\ndata: [DONE]\n\nda";
        let ends = boundaries(bytes, 0);
        assert_eq!(ends.len(), 2);
        let first = json(&bytes[..ends[0]]).expect("JSON");
        assert_eq!(text(&first), "a\n");
        assert!(json(&bytes[ends[0]..ends[1]]).is_none());
        let changed = with_text(first, "b");
        assert_eq!(text(&json(&changed).expect("JSON")), "b");
    }
}
