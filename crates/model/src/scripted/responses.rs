//! OpenAI's responses. <https://platform.openai.com/docs/api-reference/responses>

use serde_json::{Value, json};

use super::Wire;
use super::answer::Answer;
use super::question::Question;
use crate::sse;

const ID: &str = "resp_scripted";
const MESSAGE: &str = "msg_scripted";

/// One answer in this form.
pub(super) struct Responses {
    model: String,
    /// Calls before this answer, so that ids of calls differ within a conversation.
    before: usize,
    events: usize,
}

impl Responses {
    pub(super) fn new(question: &Question) -> Self {
        Self {
            model: question.model.clone(),
            before: question.messages,
            events: 0,
        }
    }

    fn event(&mut self, kind: &str, mut event: Value) -> Vec<u8> {
        event["type"] = kind.into();
        event["sequence_number"] = self.events.into();
        self.events += 1;
        let mut bytes = format!("event: {kind}\n").into_bytes();
        bytes.extend(sse::encode(&event));
        bytes
    }

    fn response(&self, status: &str, output: Vec<Value>, tokens: usize) -> Value {
        json!({
            "id": ID, "object": "response", "created_at": 0, "status": status, "model": self.model, "error": null,
            "incomplete_details": null, "instructions": null, "metadata": {}, "output": output,
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
            "usage": {
                "input_tokens": 1, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": tokens,
                "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": tokens + 1,
            },
        })
    }

    fn output(&self, answer: &Answer) -> Vec<Value> {
        let mut items = Vec::new();
        if !answer.tokens.is_empty() {
            items.push(message("completed", &[text_part(&answer.text())]));
        }
        items.extend(self.calls(answer, true));
        items
    }

    fn calls(&self, answer: &Answer, with_arguments: bool) -> Vec<Value> {
        let numbered = answer.calls.iter().enumerate();
        let made = numbered.map(|(index, call)| {
            let arguments = match with_arguments {
                true => Value::from(call.arguments.clone()).to_string(),
                false => String::new(),
            };
            json!({
                "type": "function_call", "id": format!("fc_{}_{index}", self.before),
                "call_id": format!("call_{}_{index}", self.before), "name": call.name, "arguments": arguments,
                "status": if with_arguments { "completed" } else { "in_progress" },
            })
        });
        made.collect()
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn message(status: &str, content: &[Value]) -> Value {
    json!({ "type": "message", "id": MESSAGE, "status": status, "role": "assistant", "content": content })
}

impl Wire for Responses {
    fn whole(&self, answer: &Answer) -> Value {
        self.response("completed", self.output(answer), answer.tokens.len())
    }

    fn begin(&mut self, answer: &Answer) -> Vec<u8> {
        let response = self.response("in_progress", Vec::new(), 0);
        let mut bytes = self.event("response.created", json!({ "response": response }));
        if !answer.tokens.is_empty() {
            let item = message("in_progress", &[]);
            bytes.extend(self.event(
                "response.output_item.added",
                json!({ "output_index": 0, "item": item }),
            ));
            bytes.extend(self.event(
                "response.content_part.added",
                json!({ "item_id": MESSAGE, "output_index": 0, "content_index": 0, "part": text_part("") }),
            ));
        }
        bytes
    }

    fn token(&mut self, token: &str) -> Vec<u8> {
        let event =
            json!({ "item_id": MESSAGE, "output_index": 0, "content_index": 0, "delta": token });
        self.event("response.output_text.delta", event)
    }

    fn end(&mut self, answer: &Answer) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut index = 0;
        if !answer.tokens.is_empty() {
            let text = answer.text();
            bytes.extend(self.event(
                "response.output_text.done",
                json!({ "item_id": MESSAGE, "output_index": 0, "content_index": 0, "text": text }),
            ));
            bytes.extend(self.event(
                "response.content_part.done",
                json!({ "item_id": MESSAGE, "output_index": 0, "content_index": 0, "part": text_part(&text) }),
            ));
            let item = message("completed", &[text_part(&text)]);
            bytes.extend(self.event(
                "response.output_item.done",
                json!({ "output_index": 0, "item": item }),
            ));
            index = 1;
        }
        let begun = self.calls(answer, false);
        let done = self.calls(answer, true);
        for (begun, done) in begun.into_iter().zip(done) {
            let arguments = done["arguments"].clone();
            let id = done["id"].clone();
            bytes.extend(self.event(
                "response.output_item.added",
                json!({ "output_index": index, "item": begun }),
            ));
            bytes.extend(self.event(
                "response.function_call_arguments.delta",
                json!({ "item_id": id, "output_index": index, "delta": arguments }),
            ));
            bytes.extend(self.event(
                "response.function_call_arguments.done",
                json!({ "item_id": id, "output_index": index, "arguments": arguments }),
            ));
            bytes.extend(self.event(
                "response.output_item.done",
                json!({ "output_index": index, "item": done }),
            ));
            index += 1;
        }
        let response = self.response("completed", self.output(answer), answer.tokens.len());
        bytes.extend(self.event("response.completed", json!({ "response": response })));
        bytes
    }
}
