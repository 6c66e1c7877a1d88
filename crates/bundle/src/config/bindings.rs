//! Bindings that name one thing each: what they are called in `env`, and what they lead to.

use super::document::{Node, Value};
use super::keys::UNSUPPORTED_BINDINGS;
use super::project::{KeyValueBinding, UnsupportedBinding};
use super::reader::Reader;

/// What a configuration binds.
pub(super) struct Bindings {
    pub(super) loaders: Vec<String>,
    pub(super) ai: Option<String>,
    pub(super) tail_consumers: Vec<String>,
    pub(super) key_values: Vec<KeyValueBinding>,
    pub(super) unsupported: Vec<UnsupportedBinding>,
}

/// `get` finds the value of a key, for the environment that was chosen.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    get: impl Fn(&str) -> Option<&'a Value>,
) -> Bindings {
    Bindings {
        loaders: names(reader, "worker_loaders", "binding", &get),
        ai: ai(reader, get("ai")),
        tail_consumers: names(reader, "tail_consumers", "service", &get),
        key_values: key_values(reader, get("kv_namespaces")),
        unsupported: unsupported(reader, &get),
    }
}

/// One field of each entry of a list.
fn names<'a>(
    reader: &mut Reader<'_>,
    key: &str,
    field: &str,
    get: &impl Fn(&str) -> Option<&'a Value>,
) -> Vec<String> {
    let items = reader.array(key, get(key));
    items
        .iter()
        .filter_map(|item| reader.required(key, item, field))
        .collect()
}

fn ai(reader: &mut Reader<'_>, value: Option<&Value>) -> Option<String> {
    reader.object("ai", value);
    reader.required("ai", value?, "binding")
}

/// The text of a field, unless it is empty or missing.
fn named(reader: &mut Reader<'_>, key: &str, item: &Value, field: &str) -> Option<String> {
    let text = reader.string(&format!("{key}.{field}"), item.get(field));
    text.filter(|text| !text.is_empty())
}

/// What is stored is on this machine, wherever the configuration wants it.
fn warn_of_remote(reader: &mut Reader<'_>, key: &str, item: &Value) {
    let field = format!("{key}.remote");
    let Some(value) = item.get("remote") else {
        return;
    };
    if reader.bool(&field, Some(value)) == Some(true) {
        reader.warn(
            value.start,
            format!("`{field}` has no effect"),
            Some("what the binding stores is kept on this machine".to_owned()),
        );
    }
}

fn key_values(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<KeyValueBinding> {
    const KEY: &str = "kv_namespaces";
    const KNOWN: &[&str] = &["binding", "id", "preview_id", "remote"];
    let mut found = Vec::new();
    for item in reader.array(KEY, value) {
        let Some(binding) = reader.required(KEY, item, "binding") else {
            continue;
        };
        reader.unknown_keys(item, &format!("{KEY}."), KNOWN, false);
        warn_of_remote(reader, KEY, item);
        // As when wrangler makes a namespace by itself, the binding says which one it is.
        let namespace = named(reader, KEY, item, "id").unwrap_or_else(|| binding.clone());
        if namespace.len() > MAX_NAME_BYTES {
            reader.error(
                item.start,
                format!("`{KEY}.id` is longer than {MAX_NAME_BYTES} bytes"),
                None,
            );
            continue;
        }
        found.push(KeyValueBinding { binding, namespace });
    }
    found
}

/// The longest name that something stored has: it is that of an object.
const MAX_NAME_BYTES: usize = protocol::limits::MAX_OBJECT_NAME_BYTES;

fn unsupported<'a>(
    reader: &mut Reader<'_>,
    get: &impl Fn(&str) -> Option<&'a Value>,
) -> Vec<UnsupportedBinding> {
    let mut found = Vec::new();
    for (kind, list, name_field) in UNSUPPORTED_BINDINGS {
        let Some(value) = get(kind) else {
            continue;
        };
        let nested = list.map_or(Some(value), |list| value.get(list));
        let items: Vec<&Value> = match nested.map(|nested| (&nested.node, nested)) {
            Some((Node::Array(items), _)) => items.iter().collect(),
            Some((Node::Object(_), object)) => vec![object],
            _ => Vec::new(),
        };
        for item in items {
            let name = item.get(name_field).and_then(Value::as_str);
            let Some(name) = name.or_else(|| item.get("name").and_then(Value::as_str)) else {
                continue;
            };
            reader.warn(
                item.start,
                format!("binding kind `{kind}` is not supported yet"),
                Some(format!("`env.{name}` will be undefined")),
            );
            found.push(UnsupportedBinding {
                kind: (*kind).to_owned(),
                name: name.to_owned(),
            });
        }
    }
    found
}
