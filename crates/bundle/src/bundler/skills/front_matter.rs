//! The YAML between two lines of dashes with which a text begins.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// How deep values may be nested.
const MAX_DEPTH: usize = 16;

/// The fields at the beginning of a text, and the rest of it.
pub(super) fn split(text: &str) -> Result<(Map<String, Value>, &str), String> {
    let Some(rest) = after_dashes(text) else {
        return Ok((Map::new(), text));
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if let Some(body) = after_dashes(&rest[at..]) {
            return match parse(&rest[..at])? {
                Value::Object(fields) => Ok((fields, body)),
                _ => Ok((Map::new(), body)),
            };
        }
        at += line.len();
    }
    Ok((Map::new(), text))
}

/// What follows a line of dashes.
fn after_dashes(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    let rest = rest.strip_prefix('\r').unwrap_or(rest);
    match rest.strip_prefix('\n') {
        None if rest.is_empty() => Some(rest),
        rest => rest,
    }
}

/// Something that is not finished.
enum Open {
    List(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

/// One document, without references: they make a small text huge.
fn parse(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut document = Value::Null;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let value = match event {
            Event::Alias(_) => return Err("its fields have references".to_owned()),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Mapping(Map::new(), None));
                None
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => Some(plain(&text)),
            Event::Scalar(text, ..) => Some(Value::from(&*text)),
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(values)) => Some(Value::Array(values)),
                Some(Open::Mapping(fields, _)) => Some(Value::Object(fields)),
                None => None,
            },
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err("its fields are nested too deep".to_owned());
        }
        let Some(value) = value else {
            continue;
        };
        match open.last_mut() {
            None => document = value,
            Some(Open::List(values)) => values.push(value),
            Some(Open::Mapping(fields, name)) => match name.take() {
                Some(name) => drop(fields.insert(name, value)),
                None => {
                    *name = Some(match value {
                        Value::String(text) => text,
                        value => value.to_string(),
                    });
                }
            },
        }
    }
    Ok(document)
}

/// What a text without quotes means.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Value::from(number);
    }
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    match text.parse::<f64>() {
        Ok(number) if is_number && number.is_finite() => Value::from(number),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::split;

    #[test]
    fn fields_and_the_text_after_them_are_told_apart() {
        let text = "---\r\nname: a-b\ndescription: >\n  one\n  two\nmetadata: { version: 1.0, n: 2, tags: [x, 'y: z'] }\n---\n# Title\n---\n";
        let (fields, body) = split(text).unwrap();
        assert_eq!(
            Value::Object(fields),
            json!({ "name": "a-b", "description": "one two\n",
                "metadata": { "version": 1.0, "n": 2, "tags": ["x", "y: z"] } })
        );
        assert_eq!(body, "# Title\n---\n");
    }

    #[test]
    fn a_text_without_fields_is_left_alone() {
        for text in [
            "# Title",
            "---\nname: x\nno end",
            "--- \nname: x\n---\n",
            "",
        ] {
            let (fields, body) = split(text).unwrap();
            assert!(fields.is_empty() && body == text, "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told() {
        for text in ["---\na: [\n---\n", "---\na: &x 1\nb: *x\n---\n"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
