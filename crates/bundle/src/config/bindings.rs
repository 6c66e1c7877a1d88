//! Bindings that name one thing each: what they are called in `env`, and what they lead to.

use super::document::{Document, Node, Value};
use super::keys::UNSUPPORTED_BINDINGS;
use super::project::{
    BucketBinding, EmailBinding, KeyValueBinding, Project, UnsupportedBinding, Variable,
    WorkflowBinding,
};
use super::reader::Reader;
use super::settings;
use crate::error::Diagnostic;
use crate::text;

/// What a configuration binds.
pub(super) struct Bindings {
    pub(super) loaders: Vec<String>,
    pub(super) ai: Option<String>,
    pub(super) browser: Option<String>,
    pub(super) tail_consumers: Vec<String>,
    pub(super) key_values: Vec<KeyValueBinding>,
    pub(super) buckets: Vec<BucketBinding>,
    pub(super) workflows: Vec<WorkflowBinding>,
    pub(super) emails: Vec<EmailBinding>,
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
        browser: browser(reader, get("browser")),
        tail_consumers: names(reader, "tail_consumers", "service", &get),
        key_values: key_values(reader, get("kv_namespaces")),
        buckets: buckets(reader, get("r2_buckets")),
        workflows: workflows(reader, get("workflows")),
        emails: emails(reader, get("send_email")),
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

fn browser(reader: &mut Reader<'_>, value: Option<&Value>) -> Option<String> {
    const KEY: &str = "browser";
    reader.object(KEY, value);
    let value = value?;
    reader.unknown_keys(value, "browser.", &["binding", "remote"], false);
    warn_of_remote(reader, KEY, value, "the browser runs on this machine");
    reader.required(KEY, value, "binding")
}

/// The text of a field, unless it is empty or missing.
fn named(reader: &mut Reader<'_>, key: &str, item: &Value, field: &str) -> Option<String> {
    let text = reader.string(&format!("{key}.{field}"), item.get(field));
    text.filter(|text| !text.is_empty())
}

/// Where what the binding stores is.
const STORED_HERE: &str = "what the binding stores is kept on this machine";

/// What bindings lead to is on this machine, wherever the configuration wants it.
fn warn_of_remote(reader: &mut Reader<'_>, key: &str, item: &Value, hint: &str) {
    let field = format!("{key}.remote");
    let Some(value) = item.get("remote") else {
        return;
    };
    if reader.bool(&field, Some(value)) == Some(true) {
        reader.warn(
            value.start,
            format!("`{field}` has no effect"),
            Some(hint.to_owned()),
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
        warn_of_remote(reader, KEY, item, STORED_HERE);
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

fn buckets(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<BucketBinding> {
    const KEY: &str = "r2_buckets";
    const KNOWN: &[&str] = &[
        "binding",
        "bucket_name",
        "preview_bucket_name",
        "jurisdiction",
        "remote",
    ];
    let mut found: Vec<BucketBinding> = Vec::new();
    for item in reader.array(KEY, value) {
        let Some(binding) = reader.required(KEY, item, "binding") else {
            continue;
        };
        reader.unknown_keys(item, &format!("{KEY}."), KNOWN, false);
        warn_of_remote(reader, KEY, item, STORED_HERE);
        let bucket = named(reader, KEY, item, "bucket_name").unwrap_or_else(|| binding.clone());
        let is_name = |text: &str| {
            let letters =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (3..=63).contains(&text.len()) && text.bytes().all(letters) && !text.starts_with('-')
        };
        if item.get("bucket_name").is_some() && !is_name(&bucket) {
            let hint = "it has 3 to 63 lower case letters, digits and hyphens";
            let message = format!("`{KEY}.bucket_name` cannot be {bucket:?}");
            reader.error(item.start, message, Some(hint.to_owned()));
            continue;
        }
        found.push(BucketBinding { binding, bucket });
    }
    found
}

/// Steps of an instance unless the configuration says otherwise, and the most that it may say (Workers: the same).
const DEFAULT_STEPS: u32 = 10_000;
const MAX_STEPS: u64 = 25_000;

fn workflows(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<WorkflowBinding> {
    const KEY: &str = "workflows";
    const KNOWN: &[&str] = &[
        "binding",
        "name",
        "class_name",
        "script_name",
        "remote",
        "limits",
    ];
    let mut found: Vec<WorkflowBinding> = Vec::new();
    for item in reader.array(KEY, value) {
        let binding = reader.required(KEY, item, "binding");
        let name = reader.required(KEY, item, "name");
        let class = reader.required(KEY, item, "class_name");
        let (Some(binding), Some(name), Some(class)) = (binding, name, class) else {
            continue;
        };
        reader.unknown_keys(item, &format!("{KEY}."), KNOWN, false);
        warn_of_remote(reader, KEY, item, STORED_HERE);
        let script = named(reader, KEY, item, "script_name");
        let limits = item.get("limits");
        reader.object(&format!("{KEY}.limits"), limits);
        let steps = limits.and_then(|limits| limits.get("steps"));
        let steps = reader.whole_number(&format!("{KEY}.limits.steps"), steps, MAX_STEPS);
        let is_name = name.len() <= 64
            && !name.starts_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_name {
            let hint = "it has at most 64 letters, digits, `-` and `_`";
            let message = format!("`{KEY}.name` cannot be {name:?}");
            reader.error(item.start, message, Some(hint.to_owned()));
            continue;
        }
        let is_other = |other: &&WorkflowBinding| {
            other.name == name && other.script == script && other.class != class
        };
        if let Some(other) = found.iter().find(is_other) {
            let message = format!(
                "the Workflow {name} cannot be both {} and {class}",
                other.class
            );
            reader.error(item.start, message, None);
            continue;
        }
        let steps = steps.and_then(|steps| u32::try_from(steps).ok());
        found.push(WorkflowBinding {
            binding,
            name,
            class,
            script,
            steps: steps.unwrap_or(DEFAULT_STEPS),
        });
    }
    found
}

fn emails(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<EmailBinding> {
    const KEY: &str = "send_email";
    const DESTINATIONS: &str = "allowed_destination_addresses";
    const SENDERS: &str = "allowed_sender_addresses";
    const KNOWN: &[&str] = &[
        "name",
        "destination_address",
        DESTINATIONS,
        SENDERS,
        "remote",
    ];
    let mut found = Vec::new();
    for item in reader.array(KEY, value) {
        let Some(binding) = reader.required(KEY, item, "name") else {
            continue;
        };
        reader.unknown_keys(item, &format!("{KEY}."), KNOWN, false);
        warn_of_remote(reader, KEY, item, STORED_HERE);
        let destination = named(reader, KEY, item, "destination_address");
        let mut list = |field: &str| {
            let value = item.get(field)?;
            Some(reader.strings(&format!("{KEY}.{field}"), Some(value)))
        };
        let (destinations, senders) = (list(DESTINATIONS), list(SENDERS));
        if destination.is_some() && destinations.is_some() {
            let message = format!("`{KEY}` has both `destination_address` and `{DESTINATIONS}`");
            reader.error(
                item.start,
                message,
                Some("leave one of them out".to_owned()),
            );
        }
        found.push(EmailBinding {
            binding,
            destination,
            destinations,
            senders,
        });
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

/// What `atoll.jsonc` binds has names of its own, and what it says of loaders is said of some that are there.
pub(super) fn check(
    project: &Project,
    document: &Document,
    vars: &[Variable],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let path = settings::path_in(&project.root);
    let vars = vars.iter().map(|variable| variable.name.as_str());
    let services = project
        .services
        .iter()
        .map(|service| service.binding.as_str());
    let objects = project.objects.iter().map(|object| object.binding.as_str());
    let assets = project
        .assets
        .iter()
        .filter_map(|assets| assets.binding.as_deref());
    let loaders = project.loaders.iter().map(String::as_str);
    let taken: Vec<&str> = vars
        .chain(services)
        .chain(objects)
        .chain(assets)
        .chain(loaders.clone())
        .chain(project.ai.as_deref())
        .chain(project.browser.as_deref())
        .collect();
    let emails = project.emails.iter().map(|email| email.binding.as_str());
    let stored: Vec<&str> = project.stored_bindings().chain(emails).collect();
    for (index, name) in stored.iter().enumerate() {
        if taken.contains(name) || stored[..index].contains(name) {
            let twice = format!("`env.{name}` is bound twice");
            let hint = "rename one of the two bindings";
            let error = match last_named(&document.root, name) {
                Some(at) => document.error(at, twice),
                None => Diagnostic::error(twice).path(&project.config_path),
            };
            diagnostics.push(error.hint(hint));
        }
    }
    let taken = [taken, stored].concat();
    for binding in &project.settings.bindings {
        if taken.contains(&binding.binding.as_str()) {
            let twice = format!("`env.{}` is bound twice", binding.binding);
            let hint = "the configuration of the worker binds something of that name: rename one";
            diagnostics.push(Diagnostic::error(twice).path(&path).hint(hint));
        }
    }
    for loader in &project.settings.loaders {
        if !project.loaders.contains(&loader.binding) {
            let absent = format!(
                "`loaders.{}` is no Worker Loader of this worker",
                loader.binding
            );
            let hint = match text::nearest(&loader.binding, loaders.clone()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "bind one with `worker_loaders` in the worker's configuration".to_owned(),
            };
            diagnostics.push(Diagnostic::error(absent).path(&path).hint(hint));
        }
    }
}

/// Where the last binding of this name stands in a list.
fn last_named(value: &Value, name: &str) -> Option<usize> {
    match &value.node {
        Node::Array(items) => items.iter().rev().find_map(|item| last_named(item, name)),
        Node::Object(entries) => entries.iter().rev().find_map(|entry| {
            let is_name = ["binding", "name"].contains(&entry.key.as_str());
            match &entry.value.node {
                Node::String(text) if is_name && text == name => Some(entry.value.start),
                _ => last_named(&entry.value, name),
            }
        }),
        _ => None,
    }
}
