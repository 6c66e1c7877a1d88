//! What is asked, whichever of the two forms it came in.

use serde_json::Value;

/// What matters of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    pub(super) model: String,
    pub(super) stream: bool,
    /// The stream is to end with what it cost.
    pub(super) wants_usage: bool,
    /// The user's last message.
    pub(super) prompt: String,
    /// What the model has said of its answer already: it goes on from there.
    pub(super) partial: String,
    /// The results of tools since the user's last message, with the tools' names.
    pub(super) results: Vec<(String, String)>,
    pub(super) tools: Vec<Tool>,
    pub(super) messages: usize,
}

/// A tool that may be called.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) parameters: Value,
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Question {
    /// `POST /chat/completions`.
    pub(super) fn of_chat(body: &Value) -> Self {
        let mut question = Self::basic(body);
        question.wants_usage = body["stream_options"]["include_usage"] == true;
        let messages = list(&body["messages"]);
        question.messages = messages.len();
        let mut names: Vec<(&str, &str)> = Vec::new();
        for message in messages {
            let text = text_of(&message["content"]);
            match message["role"].as_str().unwrap_or_default() {
                "user" => question.user_said(text),
                "assistant" => {
                    for call in list(&message["tool_calls"]) {
                        let id = call["id"].as_str().unwrap_or_default();
                        names.push((id, call["function"]["name"].as_str().unwrap_or_default()));
                    }
                    question.partial = text;
                }
                "tool" => {
                    let id = message["tool_call_id"].as_str().unwrap_or_default();
                    let name = names.iter().rev().find(|(other, _)| *other == id);
                    let name = name.map_or("", |(_, name)| name).to_owned();
                    question.partial.clear();
                    question.results.push((name, text));
                }
                _ => {}
            }
        }
        question
    }

    /// `POST /responses`.
    pub(super) fn of_responses(body: &Value) -> Self {
        let mut question = Self::basic(body);
        if let Value::String(prompt) = &body["input"] {
            question.prompt.clone_from(prompt);
            question.messages = 1;
        }
        let items = list(&body["input"]);
        question.messages += items.len();
        let mut names: Vec<(&str, &str)> = Vec::new();
        for item in items {
            match (item["type"].as_str(), item["role"].as_str()) {
                (Some("function_call"), _) => {
                    let id = item["call_id"].as_str().unwrap_or_default();
                    names.push((id, item["name"].as_str().unwrap_or_default()));
                }
                (Some("function_call_output"), _) => {
                    let id = item["call_id"].as_str().unwrap_or_default();
                    let name = names.iter().rev().find(|(other, _)| *other == id);
                    let name = name.map_or("", |(_, name)| name).to_owned();
                    question.partial.clear();
                    question.results.push((name, text_of(&item["output"])));
                }
                (_, Some("user")) => question.user_said(text_of(&item["content"])),
                (_, Some("assistant")) => question.partial = text_of(&item["content"]),
                _ => {}
            }
        }
        question
    }

    fn basic(body: &Value) -> Self {
        let tools = list(&body["tools"]).iter().filter_map(|tool| {
            let function = match tool.get("function") {
                Some(function) => function,
                None => tool,
            };
            Some(Tool {
                name: function["name"].as_str()?.to_owned(),
                parameters: function["parameters"].clone(),
            })
        });
        Self {
            model: body["model"].as_str().unwrap_or("scripted").to_owned(),
            stream: body["stream"] == true,
            tools: tools.collect(),
            ..Self::default()
        }
    }

    fn user_said(&mut self, text: String) {
        self.prompt = text;
        self.partial.clear();
        self.results.clear();
    }
}
