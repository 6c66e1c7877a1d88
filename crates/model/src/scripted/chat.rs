//! OpenAI's chat completions. <https://platform.openai.com/docs/api-reference/chat>

use serde_json::{Value, json};

use super::Wire;
use super::answer::Answer;
use super::question::Question;
use super::script::ToolCall;
use crate::sse;

const ID: &str = "chatcmpl-scripted";

/// One answer in this form.
pub(super) struct Chat {
    model: String,
    wants_usage: bool,
    /// Calls before this answer, so that ids of calls differ within a conversation.
    before: usize,
}

impl Chat {
    pub(super) fn new(question: &Question) -> Self {
        Self {
            model: question.model.clone(),
            wants_usage: question.wants_usage,
            before: question.messages,
        }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Vec<u8> {
        sse::encode(&json!({
            "id": ID, "object": "chat.completion.chunk", "created": 0, "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        }))
    }

    fn calls(&self, calls: &[ToolCall]) -> Vec<Value> {
        let numbered = calls.iter().enumerate();
        let made = numbered.map(|(index, call)| {
            json!({
                "index": index, "id": format!("call_{}_{index}", self.before), "type": "function",
                "function": { "name": call.name, "arguments": Value::from(call.arguments.clone()).to_string() },
            })
        });
        made.collect()
    }
}

fn finish(answer: &Answer) -> &'static str {
    match answer.calls.is_empty() {
        true => "stop",
        false => "tool_calls",
    }
}

fn usage(answer: &Answer) -> Value {
    let tokens = answer.tokens.len();
    json!({ "prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1 })
}

impl Wire for Chat {
    fn whole(&self, answer: &Answer) -> Value {
        let mut message = json!({ "role": "assistant", "content": answer.text() });
        if !answer.calls.is_empty() {
            message["tool_calls"] = self.calls(&answer.calls).into();
        }
        json!({
            "id": ID, "object": "chat.completion", "created": 0, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish(answer) }],
            "usage": usage(answer),
        })
    }

    fn begin(&mut self, _: &Answer) -> Vec<u8> {
        self.chunk(&json!({ "role": "assistant", "content": "" }), None)
    }

    fn token(&mut self, token: &str) -> Vec<u8> {
        self.chunk(&json!({ "content": token }), None)
    }

    fn end(&mut self, answer: &Answer) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !answer.calls.is_empty() {
            let calls = self.calls(&answer.calls);
            bytes.extend(self.chunk(&json!({ "tool_calls": calls }), None));
        }
        bytes.extend(self.chunk(&json!({}), Some(finish(answer))));
        if self.wants_usage {
            bytes.extend(sse::encode(&json!({
                "id": ID, "object": "chat.completion.chunk", "created": 0, "model": self.model,
                "choices": [], "usage": usage(answer),
            })));
        }
        bytes.extend_from_slice(b"data: [DONE]\n\n");
        bytes
    }
}
