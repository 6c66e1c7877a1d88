//! YAML as lock files use it: mappings, lists and scalars. There are no references, with which a small file could be huge.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// How deep values may be nested.
const MAX_DEPTH: usize = 32;

/// Something that is not finished.
enum Open {
    List(Vec<Value>),
    Mapping {
        fields: Map<String, Value>,
        /// The name of the value that comes next.
        name: Option<String>,
    },
}

/// Reads the one document of a text. Scalars are texts, except for `true`, `false` and `null` without quotes.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let value = match event {
            Event::Alias(_) => return Err("it has references".to_owned()),
            Event::Scalar(text, style, ..) => Some(match (&*text, style) {
                ("true", ScalarStyle::Plain) => Value::Bool(true),
                ("false", ScalarStyle::Plain) => Value::Bool(false),
                ("" | "null" | "~", ScalarStyle::Plain) => Value::Null,
                (text, _) => Value::from(text),
            }),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Mapping {
                    fields: Map::new(),
                    name: None,
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(values)) => Some(Value::Array(values)),
                Some(Open::Mapping { fields, .. }) => Some(Value::Object(fields)),
                None => None,
            },
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err("it is nested too deep".to_owned());
        }
        let Some(value) = value else {
            continue;
        };
        match open.last_mut() {
            None if document.is_none() => document = Some(value),
            None => return Err("it has more than one document".to_owned()),
            Some(Open::List(values)) => values.push(value),
            Some(Open::Mapping { fields, name }) => match (name.take(), value) {
                (None, Value::String(text)) => *name = Some(text),
                (None, Value::Bool(value)) => *name = Some(value.to_string()),
                (None, _) => return Err("it has a name that is not a text".to_owned()),
                (Some(key), value) => {
                    if fields.insert(key.clone(), value).is_some() {
                        return Err(format!("it has {key:?} twice"));
                    }
                }
            },
        }
    }
    document.ok_or_else(|| "it is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_yaml_of_lock_files_is_read() {
        let text = "a: '9.0'\nb:\n  c@1.0.0:\n    - x\n    - {y: 1.0, z: true}\n  'd': {}\n";
        assert_eq!(
            parse(text).unwrap(),
            serde_json::json!({ "a": "9.0", "b": { "c@1.0.0": ["x", { "y": "1.0", "z": true }], "d": {} } })
        );
    }

    #[test]
    fn what_grows_is_refused() {
        let deep = "[".repeat(100);
        for text in [
            "a: &x [1]\nb: *x\n",
            "a: 1\na: 2\n",
            "a: [",
            "",
            "? {b: c}\n: d\n",
            &deep,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
