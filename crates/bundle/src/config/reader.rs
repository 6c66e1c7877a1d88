//! Typed reading of a [`Document`]: a value of the wrong type becomes a diagnostic at its place
//! and reading goes on, so that one run shows every mistake.

use super::document::{Document, Entry, Node, Value};
use crate::error::Diagnostic;
use crate::text;

pub(crate) struct Reader<'a> {
    pub(crate) document: &'a Document,
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, at: usize, message: String, hint: Option<String>) {
        let mut diagnostic = self.document.error(at, message);
        diagnostic.hint = hint;
        self.diagnostics.push(diagnostic);
    }

    pub(crate) fn warn(&mut self, at: usize, message: String, hint: Option<String>) {
        let mut diagnostic = self.document.warning(at, message);
        diagnostic.hint = hint;
        self.diagnostics.push(diagnostic);
    }

    fn wrong_type(&mut self, key: &str, value: &Value, expected: &str) {
        let message = format!("`{key}` must be {expected}, not {}", value.type_name());
        self.error(value.start, message, None);
    }

    pub(crate) fn string(&mut self, key: &str, value: Option<&Value>) -> Option<String> {
        let value = value?;
        match &value.node {
            Node::String(text) => Some(text.clone()),
            _ => {
                self.wrong_type(key, value, "a string");
                None
            }
        }
    }

    /// A string that must be there and hold something.
    pub(crate) fn required(&mut self, key: &str, parent: &Value, field: &str) -> Option<String> {
        match parent.get(field) {
            Some(value) => {
                let text = self.string(&format!("{key}.{field}"), Some(value))?;
                if text.is_empty() {
                    self.error(
                        value.start,
                        format!("`{key}.{field}` must not be empty"),
                        None,
                    );
                    return None;
                }
                Some(text)
            }
            None => {
                let message = format!("an entry of `{key}` has no `{field}`");
                self.error(parent.start, message, None);
                None
            }
        }
    }

    pub(crate) fn bool(&mut self, key: &str, value: Option<&Value>) -> Option<bool> {
        let value = value?;
        match value.node {
            Node::Bool(flag) => Some(flag),
            _ => {
                self.wrong_type(key, value, "true or false");
                None
            }
        }
    }

    pub(crate) fn whole_number(
        &mut self,
        key: &str,
        value: Option<&Value>,
        most: u64,
    ) -> Option<u64> {
        let value = value?;
        let Node::Number(text) = &value.node else {
            self.wrong_type(key, value, "a number");
            return None;
        };
        match text.parse::<u64>() {
            Ok(number) if number <= most => Some(number),
            _ => {
                let message = format!("`{key}` must be a whole number from 0 to {most}");
                self.error(value.start, message, None);
                None
            }
        }
    }

    pub(crate) fn array<'v>(&mut self, key: &str, value: Option<&'v Value>) -> &'v [Value] {
        match value.map(|value| (&value.node, value)) {
            None => &[],
            Some((Node::Array(items), _)) => items,
            Some((_, value)) => {
                self.wrong_type(key, value, "an array");
                &[]
            }
        }
    }

    pub(crate) fn object<'v>(&mut self, key: &str, value: Option<&'v Value>) -> &'v [Entry] {
        match value.map(|value| (&value.node, value)) {
            None => &[],
            Some((Node::Object(entries), _)) => entries,
            Some((_, value)) => {
                self.wrong_type(key, value, "an object");
                &[]
            }
        }
    }

    pub(crate) fn strings(&mut self, key: &str, value: Option<&Value>) -> Vec<String> {
        let items = self.array(key, value);
        items
            .iter()
            .filter_map(|item| self.string(&format!("{key}[]"), Some(item)))
            .collect()
    }

    pub(crate) fn string_map(
        &mut self,
        key: &str,
        value: Option<&Value>,
    ) -> std::collections::BTreeMap<String, String> {
        let entries = self.object(key, value);
        entries
            .iter()
            .filter_map(|entry| {
                let field = format!("{key}.{}", entry.key);
                Some((entry.key.clone(), self.string(&field, Some(&entry.value))?))
            })
            .collect()
    }

    /// One of a closed set of words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &str,
        value: Option<&Value>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let value = value?;
        let word = self.string(key, Some(value))?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(*choice);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.error(
            value.start,
            format!("`{key}` cannot be {word:?}"),
            Some(format!("it is one of {}", names.join(", "))),
        );
        None
    }

    /// Reports keys that stand in one object twice, of which the last counts.
    pub(crate) fn repeated_keys(&mut self, of: &Value, prefix: &str) {
        let entries = of.entries();
        for (index, entry) in entries.iter().enumerate() {
            let key = format!("{prefix}{}", entry.key);
            if entries[..index].iter().any(|other| other.key == entry.key) {
                let message = format!("`{key}` stands here twice");
                self.warn(entry.start, message, Some("the last one counts".to_owned()));
            }
            self.repeated_keys(&entry.value, &format!("{key}."));
        }
    }

    /// Reports keys that nobody reads, each with the known key it resembles.
    pub(crate) fn unknown_keys(&mut self, of: &Value, prefix: &str, known: &[&str], fatal: bool) {
        for entry in of.entries() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("unknown key `{prefix}{}`", entry.key);
            let begun = || {
                let mut known = known.iter().copied();
                known.find(|known| known.starts_with(&format!("{}_", entry.key)))
            };
            let near = text::nearest(&entry.key, known.iter().copied()).or_else(begun);
            let hint = match near {
                Some(near) => format!("did you mean `{prefix}{near}`?"),
                None if fatal => format!("known keys: {}", known.join(", ")),
                None => "it has no effect".to_owned(),
            };
            if fatal {
                self.error(entry.start, message, Some(hint));
            } else {
                self.warn(entry.start, message, Some(hint));
            }
        }
    }
}
