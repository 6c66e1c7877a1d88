//! JSON with comments and TOML as one tree that knows where each value stands.

use std::path::{Path, PathBuf};

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use toml::de::{DeTable, DeValue};

use crate::error::{Diagnostic, Error};

/// A parsed file with its text, so that mistakes can be shown in place.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) root: Value,
}

/// A value and the byte where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) node: Node,
    pub(crate) start: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<Entry>),
}

/// A key, the byte where it starts, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) start: usize,
    pub(crate) value: Value,
}

impl Document {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::one(
                Diagnostic::error(format!("cannot read the configuration: {error}")).path(path),
            )
        })?;
        // Some editors begin a file with a mark of its encoding.
        match text.strip_prefix('\u{feff}') {
            Some(rest) => Self::parse(path, rest.to_owned()),
            None => Self::parse(path, text),
        }
    }

    fn is_toml(path: &Path) -> bool {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    }

    /// How a setting is written in this file.
    pub(crate) fn setting(&self, key: &str, value: &str) -> String {
        match Self::is_toml(&self.path) {
            true => format!("{key} = {value:?}"),
            false => format!("{key:?}: {value:?}"),
        }
    }

    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, Error> {
        let root = if Self::is_toml(path) {
            parse_toml(path, &text)?
        } else {
            parse_jsonc(path, &text)?
        };
        let document = Self {
            path: path.to_path_buf(),
            text,
            root,
        };
        match document.root.node {
            Node::Object(_) => Ok(document),
            _ => Err(Error::one(document.error(
                document.root.start,
                "the configuration must be an object".into(),
            ))),
        }
    }

    pub(crate) fn error(&self, offset: usize, message: String) -> Diagnostic {
        Diagnostic::error(message).at(&self.path, &self.text, offset)
    }

    pub(crate) fn warning(&self, offset: usize, message: String) -> Diagnostic {
        Diagnostic::warning(message).at(&self.path, &self.text, offset)
    }
}

impl Value {
    pub(crate) fn is_string(&self) -> bool {
        matches!(self.node, Node::String(_))
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.node {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Number(_) => "a number",
            Node::String(_) => "a string",
            Node::Array(_) => "an array",
            Node::Object(_) => "an object",
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.node {
            Node::Object(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        // The last of equal keys wins, as in `JSON.parse`.
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// JSON source of the same value.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.node {
            Node::Null => serde_json::Value::Null,
            Node::Bool(value) => (*value).into(),
            Node::Number(text) => text
                .parse::<i64>()
                .map(Into::into)
                .or_else(|_| text.parse::<f64>().map(Into::into))
                .unwrap_or_default(),
            Node::String(text) => text.clone().into(),
            Node::Array(items) => items.iter().map(Value::to_json).collect(),
            Node::Object(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn parse_jsonc(path: &Path, text: &str) -> Result<Value, Error> {
    let options = jsonc_parser::ParseOptions {
        allow_loose_object_property_names: false,
        ..Default::default()
    };
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &options);
    let parsed = parsed.map_err(|error| {
        let message = error.kind().to_string();
        let mut characters = message.chars();
        let first = characters.next().map(|first| first.to_lowercase());
        let message: String = first.into_iter().flatten().chain(characters).collect();
        Error::one(
            Diagnostic::error(format!("broken JSON: {message}"))
                .at(path, text, error.range().start)
                .hint("comments and trailing commas are fine; every key needs double quotes"),
        )
    })?;
    let value = parsed
        .value
        .ok_or_else(|| Error::one(Diagnostic::error("the configuration is empty").path(path)))?;
    if let Some(place) = missing_comma(text, &value) {
        let missing = Diagnostic::error("broken JSON: a comma is missing before this");
        return Err(Error::one(missing.at(path, text, place)));
    }
    Ok(from_jsonc(&value))
}

/// The first item of an object or array that no comma parts from the one before: the parser does not mind.
fn missing_comma(text: &str, value: &ast::Value<'_>) -> Option<usize> {
    let (ranges, values): (Vec<_>, Vec<_>) = match value {
        ast::Value::Array(array) => array
            .elements
            .iter()
            .map(|item| (item.range(), item))
            .unzip(),
        ast::Value::Object(object) => object
            .properties
            .iter()
            .map(|property| (property.range, &property.value))
            .unzip(),
        _ => return None,
    };
    let pairs = ranges.iter().zip(ranges.iter().skip(1));
    let here = pairs
        .filter(|(before, after)| !has_comma(&text[before.end..after.start]))
        .map(|(_, after)| after.start)
        .next();
    let within = values.iter().find_map(|value| missing_comma(text, value));
    here.into_iter().chain(within).min()
}

/// Whether there is a comma outside of comments.
fn has_comma(mut between: &str) -> bool {
    loop {
        let comma = between.find(',');
        let line = between.find("//");
        let block = between.find("/*");
        let Some(start) = line.into_iter().chain(block).min() else {
            return comma.is_some();
        };
        if comma.is_some_and(|comma| comma < start) {
            return true;
        }
        let end = if Some(start) == line { "\n" } else { "*/" };
        let rest = &between[start + 2..];
        between = rest.find(end).map_or("", |at| &rest[at + end.len()..]);
    }
}

fn from_jsonc(value: &ast::Value<'_>) -> Value {
    let node = match value {
        ast::Value::StringLit(literal) => Node::String(literal.value.to_string()),
        ast::Value::NumberLit(literal) => Node::Number(literal.value.to_string()),
        ast::Value::BooleanLit(literal) => Node::Bool(literal.value),
        ast::Value::NullKeyword(_) => Node::Null,
        ast::Value::Array(array) => Node::Array(array.elements.iter().map(from_jsonc).collect()),
        ast::Value::Object(object) => Node::Object(
            object
                .properties
                .iter()
                .map(|property| Entry {
                    key: property.name.as_str().to_owned(),
                    start: property.range.start,
                    value: from_jsonc(&property.value),
                })
                .collect(),
        ),
    };
    Value {
        node,
        start: value.range().start,
    }
}

/// The value at a place where a word stands that is none of TOML's.
fn bare_word(text: &str, at: usize) -> Option<&str> {
    let (before, rest) = text.split_at_checked(at)?;
    let is_value = before.trim_end_matches([' ', '\t']).ends_with('=');
    let word = rest.split(['\n', '#']).next()?.trim();
    (is_value && word.starts_with(|sign: char| sign.is_alphabetic())).then_some(word)
}

fn parse_toml(path: &Path, text: &str) -> Result<Value, Error> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let broken = |message| Error::one(Diagnostic::error(message).at(path, text, at));
        match bare_word(text, at) {
            Some(word) => broken(format!("broken TOML: text needs quotes: \"{word}\"")),
            None => broken(format!("broken TOML: {}", error.message())),
        }
    })?;
    Ok(Value {
        node: from_toml_table(table.get_ref()),
        start: 0,
    })
}

fn from_toml_table(table: &DeTable<'_>) -> Node {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            start: key.span().start,
            value: from_toml(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.start);
    Node::Object(entries)
}

fn from_toml(value: &toml::Spanned<DeValue<'_>>) -> Value {
    let node = match value.get_ref() {
        DeValue::String(text) => Node::String(text.to_string()),
        DeValue::Integer(integer) => Node::Number(
            i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix())
                .map_or_else(|_| integer.to_string(), |number| number.to_string()),
        ),
        DeValue::Float(float) => Node::Number(float.as_str().replace('_', "")),
        DeValue::Boolean(value) => Node::Bool(*value),
        DeValue::Datetime(datetime) => Node::String(datetime.to_string()),
        DeValue::Array(items) => Node::Array(items.iter().map(from_toml).collect()),
        DeValue::Table(table) => from_toml_table(table),
    };
    Value {
        node,
        start: value.span().start,
    }
}
