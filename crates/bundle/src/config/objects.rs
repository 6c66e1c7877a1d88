//! Durable Objects: the bindings to them and the migrations of their classes.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Value;
use super::reader::Reader;

/// A namespace of Durable Objects in `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectBinding {
    /// The property of `env`.
    pub binding: String,
    /// The class whose objects these are.
    pub class: String,
    /// The worker that has the class; `None` is this one.
    pub script: Option<String>,
}

/// One step in the life of a worker's object classes. It is applied once to a folder of state, and its tag is kept there.
///
/// Within a step deletions come first, then renames, then transfers, then new classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// Unique among the worker's migrations.
    pub tag: String,
    /// Classes whose objects are deleted with all they store.
    pub deleted: Vec<String>,
    /// Classes that have another name from now on.
    pub renamed: Vec<RenamedClass>,
    /// Classes that other workers had until now.
    pub transferred: Vec<TransferredClass>,
    /// Classes that begin: `new_sqlite_classes` and `new_classes`, whose objects also are on SQLite here.
    pub created: Vec<String>,
}

/// A class that keeps its objects under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedClass {
    /// The name until now.
    pub from: String,
    /// The name from now on.
    pub to: String,
}

/// A class whose objects come from another worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredClass {
    /// The worker that had it.
    pub from_script: String,
    /// Its name there.
    pub from: String,
    /// Its name here.
    pub to: String,
}

/// What a configuration says about Durable Objects.
pub(super) struct Objects {
    pub(super) bindings: Vec<ObjectBinding>,
    pub(super) migrations: Vec<Migration>,
    /// The worker's own classes after all migrations, with those that are bound and in no migration.
    pub(super) classes: Vec<String>,
}

/// Reads `durable_objects` and `migrations` of the worker `worker`, whose `env` has these other names `taken`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    worker: &str,
    taken: &[&str],
    durable_objects: Option<&Value>,
    migrations: Option<&Value>,
) -> Objects {
    let bound = bindings(reader, worker, taken, durable_objects);
    let (migrations, classes) = self::migrations(reader, migrations);
    check_classes(reader, &bound, &classes);
    let mut names = classes.alive;
    names.extend(
        bound
            .iter()
            .filter(|(_, binding)| binding.script.is_none())
            .map(|(_, binding)| binding.class.clone()),
    );
    Objects {
        bindings: bound.into_iter().map(|(_, binding)| binding).collect(),
        migrations,
        classes: names.into_iter().collect(),
    }
}

/// The bindings, each with the place of its class.
fn bindings(
    reader: &mut Reader<'_>,
    worker: &str,
    taken: &[&str],
    value: Option<&Value>,
) -> Vec<(usize, ObjectBinding)> {
    const KEY: &str = "durable_objects.bindings";
    reader.object("durable_objects", value);
    let Some(value) = value else {
        return Vec::new();
    };
    reader.unknown_keys(value, "durable_objects.", &["bindings"], false);
    let mut found: Vec<(usize, ObjectBinding)> = Vec::new();
    for item in reader.array(KEY, value.get("bindings")) {
        if reader.object(&format!("{KEY}[]"), Some(item)).is_empty() {
            continue;
        }
        let known = ["name", "class_name", "script_name", "environment"];
        reader.unknown_keys(item, &format!("{KEY}[]."), &known, false);
        let (name, class) = (
            reader.required(KEY, item, "name"),
            reader.required(KEY, item, "class_name"),
        );
        let script = reader.string(&format!("{KEY}[].script_name"), item.get("script_name"));
        reader.string(&format!("{KEY}[].environment"), item.get("environment"));
        if let Some(entry) = item.entry("environment") {
            reader.warn(
                entry.start,
                format!("`{KEY}[].environment` has no effect"),
                Some("name the worker of that environment in `script_name`, such as \"chat-staging\"".into()),
            );
        }
        let (Some(binding), Some(class)) = (name, class) else {
            continue;
        };
        let mut others = found.iter().map(|(_, other)| other.binding.as_str());
        if others.any(|other| other == binding) || taken.contains(&binding.as_str()) {
            let at = item.get("name").map_or(item.start, |name| name.start);
            reader.error(
                at,
                format!("two bindings are named `{binding}`"),
                Some("each is a property of `env`: give one another name".into()),
            );
            continue;
        }
        let at = item
            .get("class_name")
            .map_or(item.start, |class| class.start);
        found.push((
            at,
            ObjectBinding {
                binding,
                class,
                script: script.filter(|script| script != worker),
            },
        ));
    }
    found
}

/// The classes after some migrations.
#[derive(Default)]
struct Classes {
    alive: BTreeSet<String>,
    /// Why a class that once was there is not any more.
    gone: BTreeMap<String, String>,
}

impl Classes {
    fn begin(&mut self, reader: &mut Reader<'_>, class: &str, at: usize) {
        self.gone.remove(class);
        if !self.alive.insert(class.to_owned()) {
            reader.error(
                at,
                format!("the class `{class}` is there already"),
                Some("a class begins in one migration only; take it out of this one".into()),
            );
        }
    }

    fn end(&mut self, reader: &mut Reader<'_>, class: &str, at: usize, why: String) {
        if self.alive.remove(class) {
            self.gone.insert(class.to_owned(), why);
            return;
        }
        let hint = match self.gone.get(class) {
            Some(why) => format!("it was {why} before"),
            None => match crate::text::nearest(class, self.alive.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no migration before this one creates it".to_owned(),
            },
        };
        reader.error(
            at,
            format!("there is no class `{class}` at this migration"),
            Some(hint),
        );
    }
}

fn migrations(reader: &mut Reader<'_>, value: Option<&Value>) -> (Vec<Migration>, Classes) {
    const KEY: &str = "migrations";
    const KNOWN: [&str; 6] = [
        "tag",
        "new_classes",
        "new_sqlite_classes",
        "renamed_classes",
        "deleted_classes",
        "transferred_classes",
    ];
    let mut migrations: Vec<Migration> = Vec::new();
    let mut classes = Classes::default();
    for item in reader.array(KEY, value) {
        if reader.object("migrations[]", Some(item)).is_empty() {
            continue;
        }
        // A step that was applied without its mistyped part would never be applied again.
        reader.unknown_keys(item, "migrations[].", &KNOWN, true);
        let Some(tag) = reader.required(KEY, item, "tag") else {
            continue;
        };
        if migrations.iter().any(|other| other.tag == tag) {
            let at = item.get("tag").map_or(item.start, |tag| tag.start);
            reader.error(
                at,
                format!("two migrations have the tag {tag:?}"),
                Some("a tag says which migrations were applied already: it must be unique".into()),
            );
            continue;
        }
        migrations.push(migration(reader, item, tag, &mut classes));
    }
    (migrations, classes)
}

fn migration(
    reader: &mut Reader<'_>,
    item: &Value,
    tag: String,
    classes: &mut Classes,
) -> Migration {
    let mut migration = Migration {
        tag,
        ..Migration::default()
    };
    for (class, at) in names(reader, item, "deleted_classes") {
        let why = format!("deleted by {:?}", migration.tag);
        classes.end(reader, &class, at, why);
        migration.deleted.push(class);
    }
    for entry in reader.array("migrations[].renamed_classes", item.get("renamed_classes")) {
        let Some([from, to]) = fields(reader, "renamed_classes", entry, ["from", "to"]) else {
            continue;
        };
        let why = format!("renamed to `{to}` by {:?}", migration.tag);
        classes.end(reader, &from, entry.start, why);
        classes.begin(reader, &to, entry.start);
        migration.renamed.push(RenamedClass { from, to });
    }
    for entry in reader.array(
        "migrations[].transferred_classes",
        item.get("transferred_classes"),
    ) {
        let names = ["from", "from_script", "to"];
        let Some([from, from_script, to]) = fields(reader, "transferred_classes", entry, names)
        else {
            continue;
        };
        classes.begin(reader, &to, entry.start);
        migration.transferred.push(TransferredClass {
            from_script,
            from,
            to,
        });
    }
    if let Some(entry) = item.entry("new_classes") {
        reader.warn(
            entry.start,
            "`new_classes` gives objects SQLite here, as `new_sqlite_classes` does".into(),
            Some("outside Atoll their storage has no `sql`".into()),
        );
    }
    for key in ["new_sqlite_classes", "new_classes"] {
        for (class, at) in names(reader, item, key) {
            classes.begin(reader, &class, at);
            migration.created.push(class);
        }
    }
    migration
}

/// The class names of a list, each with its place.
fn names(reader: &mut Reader<'_>, item: &Value, key: &str) -> Vec<(String, usize)> {
    let key_path = format!("migrations[].{key}");
    let mut found = Vec::new();
    for value in reader.array(&key_path, item.get(key)) {
        if let Some(name) = reader.string(&format!("{key_path}[]"), Some(value)) {
            if name.is_empty() {
                reader.error(value.start, format!("`{key_path}` has an empty name"), None);
                continue;
            }
            found.push((name, value.start));
        }
    }
    found
}

/// The fields of an object that has exactly these, all text.
fn fields<const COUNT: usize>(
    reader: &mut Reader<'_>,
    key: &str,
    entry: &Value,
    names: [&str; COUNT],
) -> Option<[String; COUNT]> {
    let key = format!("migrations[].{key}");
    if entry.as_str().is_some() {
        reader.error(
            entry.start,
            format!("an entry of `{key}` must be an object, not a string"),
            Some(format!("it has {}", names.join(", "))),
        );
        return None;
    }
    reader.unknown_keys(entry, &format!("{key}[]."), &names, true);
    let found = names.map(|name| reader.required(&key, entry, name));
    let found: Option<Vec<String>> = found.into_iter().collect();
    found?.try_into().ok()
}

/// Bindings to classes that are no more are mistakes; classes that no migration mentions are made, and told of.
fn check_classes(reader: &mut Reader<'_>, bound: &[(usize, ObjectBinding)], classes: &Classes) {
    let own = || bound.iter().filter(|(_, binding)| binding.script.is_none());
    for (at, binding) in own() {
        if let Some(why) = classes.gone.get(&binding.class) {
            reader.error(
                *at,
                format!(
                    "`env.{}` is bound to the class `{}`, which was {why}",
                    binding.binding, binding.class
                ),
                Some("take the binding away, or name the class that it means".into()),
            );
        }
    }
    let mut missing: Vec<&(usize, ObjectBinding)> = own()
        .filter(|(_, binding)| {
            !classes.alive.contains(&binding.class) && !classes.gone.contains_key(&binding.class)
        })
        .collect();
    missing.dedup_by(|left, right| left.1.class == right.1.class);
    for (at, binding) in missing {
        let class = &binding.class;
        let hint = match crate::text::nearest(class, classes.alive.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!(
                    "add {{ \"tag\": \"…\", \"new_sqlite_classes\": [{class:?}] }} to `migrations`"
                )
            }
        };
        reader.warn(
            *at,
            format!("no migration creates the class `{class}`: it is made all the same"),
            Some(hint),
        );
    }
}
