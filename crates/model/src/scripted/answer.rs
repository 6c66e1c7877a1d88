//! What is said, and how.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::question::{Question, Tool};
use super::script::{Rule, Script, ToolCall};

/// An answer with its manner.
#[derive(Debug)]
pub(super) struct Answer {
    /// The text, in pieces that come one by one.
    pub(super) tokens: Vec<String>,
    /// Tools to call after it.
    pub(super) calls: Vec<ToolCall>,
    pub(super) delay: Duration,
    /// Before each token.
    pub(super) pause: Duration,
    pub(super) status: Option<StatusCode>,
    pub(super) break_after: Option<usize>,
}

impl Answer {
    /// What the script answers to a question; `used` counts how often each rule was followed.
    pub(super) fn to(question: &Question, script: &Script, used: &mut [u32]) -> Self {
        let fits = |(index, rule): &(usize, &Rule)| fits(rule, question, used[*index]);
        let rule = script.rules.iter().enumerate().find(fits);
        if let Some((index, _)) = rule {
            used[index] += 1;
        }
        let rule = rule.map(|(_, rule)| rule);
        let (text, calls) = match rule {
            Some(rule) if rule.say.is_some() || !rule.call.is_empty() => (
                filled(rule.say.as_deref().unwrap_or_default(), question),
                rule.call
                    .iter()
                    .map(|call| filled_call(call, question))
                    .collect(),
            ),
            _ => unscripted(question),
        };
        let rest = text.strip_prefix(&question.partial).unwrap_or(&text);
        let rate = rule.and_then(|rule| rule.rate).unwrap_or(script.rate);
        let delay = rule
            .and_then(|rule| rule.delay_ms)
            .unwrap_or(script.delay_ms);
        Self {
            tokens: tokens(rest),
            calls,
            delay: Duration::from_millis(delay),
            pause: match rate {
                rate if rate > 0.0 => Duration::from_secs_f64((1.0 / rate).min(3600.0)),
                _ => Duration::ZERO,
            },
            status: rule
                .and_then(|rule| rule.status)
                .and_then(|status| StatusCode::from_u16(status).ok()),
            break_after: rule.and_then(|rule| rule.break_after),
        }
    }

    pub(super) fn text(&self) -> String {
        self.tokens.concat()
    }
}

fn fits(rule: &Rule, question: &Question, used: u32) -> bool {
    let last_tool = question.results.last().map(|(name, _)| name);
    let in_time = match &rule.after_tool {
        Some(tool) => last_tool == Some(tool),
        None => last_tool.is_none(),
    };
    let has_said = rule.when.as_ref().is_none_or(|when| {
        let prompt = question.prompt.to_lowercase();
        prompt.contains(&when.to_lowercase())
    });
    in_time && has_said && rule.times.is_none_or(|times| used < times)
}

fn filled(text: &str, question: &Question) -> String {
    let result = question.results.last().map_or("", |(_, result)| result);
    text.replace("{prompt}", &question.prompt)
        .replace("{result}", result)
}

fn filled_call(call: &ToolCall, question: &Question) -> ToolCall {
    fn fill(value: &Value, question: &Question) -> Value {
        match value {
            Value::String(text) => filled(text, question).into(),
            Value::Array(items) => items.iter().map(|item| fill(item, question)).collect(),
            Value::Object(fields) => fill_all(fields, question).into(),
            other => other.clone(),
        }
    }
    fn fill_all(fields: &Map<String, Value>, question: &Question) -> Map<String, Value> {
        let filled = fields
            .iter()
            .map(|(name, value)| (name.clone(), fill(value, question)));
        filled.collect()
    }
    ToolCall {
        name: call.name.clone(),
        arguments: fill_all(&call.arguments, question),
    }
}

/// Words with the blanks after them.
fn tokens(text: &str) -> Vec<String> {
    let pieces = text.split_inclusive(char::is_whitespace);
    pieces.map(str::to_owned).collect()
}

/// What is said where no rule fits.
fn unscripted(question: &Question) -> (String, Vec<ToolCall>) {
    if let Some((name, result)) = question.results.last() {
        return (format!("{name} answered: {result}"), Vec::new());
    }
    if let Some(tool) = question
        .tools
        .iter()
        .find(|tool| is_named(tool, &question.prompt))
    {
        let call = ToolCall {
            name: tool.name.clone(),
            arguments: arguments(tool, &question.prompt),
        };
        return (String::new(), vec![call]);
    }
    if let Some(last) = counts_to(&question.prompt) {
        let numbers: Vec<String> = (1..=last).map(|number| number.to_string()).collect();
        return (numbers.join(" "), Vec::new());
    }
    (story(&question.prompt), Vec::new())
}

fn is_named(tool: &Tool, prompt: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    plain(prompt).contains(&plain(&tool.name))
}

/// JSON in the message, else something of the right type for each argument that has to be there.
fn arguments(tool: &Tool, prompt: &str) -> Map<String, Value> {
    let written = prompt
        .find('{')
        .and_then(|start| Some(&prompt[start..=prompt.rfind('}').filter(|end| *end >= start)?]));
    if let Some(Ok(Value::Object(written))) = written.map(serde_json::from_str) {
        return written;
    }
    let required = tool.parameters["required"].as_array();
    let required = required.map_or(&[] as &[Value], Vec::as_slice);
    let names = required.iter().filter_map(Value::as_str);
    let made = names.map(|name| {
        let schema = &tool.parameters["properties"][name];
        let value = match (&schema["enum"][0], schema["type"].as_str()) {
            (Value::Null, Some("number" | "integer")) => json!(1),
            (Value::Null, Some("boolean")) => json!(true),
            (Value::Null, Some("array")) => json!([]),
            (Value::Null, Some("object")) => json!({}),
            (Value::Null, _) => json!(prompt),
            (first, _) => first.clone(),
        };
        (name.to_owned(), value)
    });
    made.collect()
}

fn counts_to(prompt: &str) -> Option<u32> {
    const MOST: u32 = 10_000;
    let lower = prompt.to_lowercase();
    let (_, after) = lower.split_once("count to ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|last| *last <= MOST)
}

const SENTENCES: [&str; 12] = [
    "An atoll begins as a volcano that nobody remembers.",
    "The mountain rises, cools, and slowly goes back into the sea.",
    "Around its shore the corals keep building, a finger's width each year, always towards the light.",
    "When the last rock has gone under, the ring is still there.",
    "Inside it the water is calm, and the waves are a sound from far away.",
    "Terns nest on the sand, and crabs carry houses that others left behind.",
    "At night the plankton glows wherever something moves.",
    "Whoever arrives by boat has to find the one gap in the reef.",
    "The people who live here read the swell with their backs, lying in the canoe.",
    "They say that an island is not a place but a habit of the sea.",
    "In the morning the tide has written something new on the beach.",
    "And then it starts again, as slowly as before.",
];

/// A few sentences that begin elsewhere for each prompt.
fn story(prompt: &str) -> String {
    const LENGTH: usize = 7;
    let short: String = prompt
        .split_whitespace()
        .take(12)
        .collect::<Vec<_>>()
        .join(" ");
    let start: usize = prompt.bytes().map(usize::from).sum();
    let sentences = (0..LENGTH).map(|step| SENTENCES[(start + step) % SENTENCES.len()]);
    let sentences: Vec<&str> = sentences.collect();
    format!(
        "You said: \u{201c}{short}\u{201d}. Here is what the sea says. {}",
        sentences.join(" ")
    )
}

/// Vectors that are equal for equal texts.
pub(super) fn embeddings(body: &Value) -> Value {
    const SIZE: usize = 16;
    let input = match &body["input"] {
        Value::Array(items) => items.clone(),
        other => vec![other.clone()],
    };
    let vector = |text: &str| -> Vec<f64> {
        let mut sums = [0.0; SIZE];
        for (index, byte) in text.bytes().enumerate() {
            sums[(usize::from(byte) + index) % SIZE] += f64::from(byte);
        }
        let length = sums
            .iter()
            .map(|sum| sum * sum)
            .sum::<f64>()
            .sqrt()
            .max(1.0);
        sums.iter().map(|sum| sum / length).collect()
    };
    let data: Vec<Value> = input
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let embedding = vector(text.as_str().unwrap_or_default());
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    json!({ "object": "list", "data": data, "model": body["model"], "usage": { "prompt_tokens": 1, "total_tokens": 1 } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(prompt: &str, partial: &str) -> Question {
        Question {
            prompt: prompt.to_owned(),
            partial: partial.to_owned(),
            ..Question::default()
        }
    }

    #[test]
    fn an_answer_goes_on_from_what_was_said() {
        let script = Script::default();
        let whole = Answer::to(&asked("Count to 5", ""), &script, &mut []);
        assert_eq!(whole.tokens, ["1 ", "2 ", "3 ", "4 ", "5"]);
        let rest = Answer::to(&asked("Count to 5", "1 2 "), &script, &mut []);
        assert_eq!(rest.tokens, ["3 ", "4 ", "5"]);
    }

    #[test]
    fn rules_are_used_as_often_as_they_say() {
        let script = Script::parse(
            r#"{ "rules": [{ "when": "HELLO", "times": 1, "status": 503 }, { "say": "You said {prompt}" }] }"#,
        )
        .expect("a script");
        let mut used = vec![0; 2];
        let first = Answer::to(&asked("hello", ""), &script, &mut used);
        assert_eq!(first.status, Some(StatusCode::SERVICE_UNAVAILABLE));
        let second = Answer::to(&asked("hello", ""), &script, &mut used);
        assert_eq!(
            (second.status, second.text()),
            (None, "You said hello".to_owned())
        );
        assert!(Script::parse(r#"{ "rule": [] }"#).is_err());
    }

    #[test]
    fn a_tool_that_is_named_is_called_with_what_it_needs() {
        let mut question = asked("Please use get_weather {\"city\":\"Apia\"}", "");
        question.tools.push(Tool {
            name: "getWeather".to_owned(),
            parameters: json!({ "required": ["city"], "properties": { "city": { "type": "string" } } }),
        });
        let answer = Answer::to(&question, &Script::default(), &mut []);
        assert_eq!(answer.calls[0].arguments["city"], "Apia");
        question
            .results
            .push(("getWeather".to_owned(), "rain".to_owned()));
        let answer = Answer::to(&question, &Script::default(), &mut []);
        assert_eq!(answer.text(), "getWeather answered: rain");
    }
}
