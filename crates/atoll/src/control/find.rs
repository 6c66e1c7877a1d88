//! From what somebody typed to an object, or to what it might have been.

use host::Store;
use protocol::{ObjectId, id_belongs, id_from_name, jurisdiction_of, namespace_key, root_id};
use storage::{Namespace, ObjectInfo};

use super::facet::{FacetOf, id_in};
use super::{Address, Listed, Refusal};

/// Objects that are looked at for a name that might have been meant.
const MOST_COMPARED: usize = 20_000;
/// Names that are offered.
const OFFERED: usize = 3;

/// An object that there is.
pub(super) struct Found {
    pub(super) namespace: Namespace,
    pub(super) object: ObjectInfo,
}

/// The worker and the class of a namespace.
fn parts(namespace: &Namespace) -> (&str, &str) {
    namespace
        .key()
        .rsplit_once(':')
        .unwrap_or(("", namespace.key()))
}

/// Describes an object.
pub(super) fn listed(store: &Store, namespace: &Namespace, object: &ObjectInfo) -> Listed {
    let (worker, class) = parts(namespace);
    let is_shared = store
        .namespaces()
        .iter()
        .any(|other| other != namespace && parts(other).1 == class);
    let facet = FacetOf::find(store, namespace, object);
    // What is no name of it, and what cannot be typed.
    let is_by_id = |name: &str| id(namespace, name) != object.id || name.contains(char::is_control);
    Listed {
        worker: worker.to_owned(),
        class: class.to_owned(),
        label: is_shared.then(|| namespace.key().to_owned()),
        name: match &facet {
            Some(facet) => Some(facet.name()),
            None => object.name.clone(),
        },
        jurisdiction: jurisdiction_of(&object.id).map(str::to_owned),
        by_id: facet.is_none() && object.name.as_deref().is_some_and(is_by_id),
        facet,
        id: hex(&object.id),
        bytes: object.bytes,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` takes the nearest, and alarms before 1970 ring now as well"
        )]
        alarm_ms: object.alarm.map(|alarm| alarm as u64),
        changed_ms: object.modified_ms,
        awake: object.open,
    }
}

/// The class that is called `CLASS` or `WORKER:CLASS`.
pub(super) fn namespace(store: &Store, class: &str) -> Result<Namespace, Refusal> {
    if let Some(namespace) = store.find_namespace(class) {
        return Ok(namespace);
    }
    let all = store.namespaces();
    let mut matching = all.iter().filter(|other| parts(other).1 == class);
    match (matching.next(), matching.next()) {
        (Some(namespace), None) => Ok(namespace.clone()),
        (Some(first), Some(second)) => Err(Refusal::mistake(
            format_args!("several workers have a class {class}"),
            format_args!("say which: {} or {}", first.key(), second.key()),
        )),
        (None, _) => {
            let wanted = class.rsplit_once(':').map_or(class, |(_, class)| class);
            let mut names: Vec<&str> = all.iter().map(|other| parts(other).1).collect();
            names.sort_unstable();
            names.dedup();
            Err(Refusal::mistake(
                format_args!("there is no class {class} here"),
                match (nearest(wanted, names.iter().copied()), &names[..]) {
                    (near, _) if !near.is_empty() => format!("did you mean {}?", or(&near)),
                    (_, []) => "no class has stored objects yet: they come with the first run of a worker that has \
                                some"
                        .to_owned(),
                    (_, names) => format!("there are: {}", names.join(", ")),
                },
            ))
        }
    }
}

/// The object that is called so.
pub(super) fn object(store: &Store, address: &Address) -> Result<Found, Refusal> {
    let namespace = namespace(store, &address.class)?;
    // Ids of facets are no ids that somebody could have made.
    let ids = [Some(id(&namespace, &address.name)), parse_id(&address.name)];
    let mut stored = ids.into_iter().flatten();
    if let Some(object) = stored.find_map(|id| store.object(&namespace, id).ok()) {
        return Ok(Found { namespace, object });
    }
    if let Some(object) = facet(store, &namespace, &address.name) {
        return Ok(Found { namespace, object });
    }
    // With a jurisdiction, the id says more than the name.
    let mut same = store
        .objects(&namespace)
        .filter(|object| object.name.as_deref() == Some(&address.name));
    match (same.next(), same.next()) {
        (Some(object), None) => return Ok(Found { namespace, object }),
        (Some(one), Some(other)) => {
            return Err(Refusal::mistake(
                format_args!(
                    "objects of several jurisdictions are called {:?}",
                    address.name
                ),
                format_args!("say which: {} or {}", hex(&one.id), hex(&other.id)),
            ));
        }
        (None, _) => {}
    }
    let names: Vec<String> = store
        .objects(&namespace)
        .take(MOST_COMPARED)
        .map(|object| {
            let facet = FacetOf::find(store, &namespace, &object);
            let name = facet.map(|facet| facet.name()).or(object.name);
            name.unwrap_or_else(|| hex(&object.id))
        })
        .collect();
    let near = nearest(&address.name, names.iter().map(String::as_str));
    let class = &address.class;
    Err(Refusal::mistake(
        format_args!("there is no object {:?} of class {class}", address.name),
        match (near.is_empty(), names.is_empty()) {
            (false, _) => format!("did you mean {}?", or(&near)),
            (true, true) => format!("no object of class {class} has stored anything"),
            (true, false) => format!("see what there is with: atoll objects list {class}"),
        },
    ))
}

/// The class and the id of an object that need not be there, and its name if it is no id.
pub(super) fn place(
    store: &Store,
    address: &Address,
) -> Result<(Namespace, ObjectId, Option<String>), Refusal> {
    let namespace = namespace(store, &address.class)?;
    let key = namespace_key(namespace.origin());
    let (name, too_long) = (
        &address.name,
        address.name.len() > protocol::limits::MAX_OBJECT_NAME_BYTES,
    );
    if too_long || name.is_empty() {
        return Err(Refusal::mistake(
            "a name of an object has 1 to 1024 bytes",
            "give it another name",
        ));
    }
    match parse_id(name) {
        Some(id) if id_belongs(&key, &id) => Ok((namespace, id, None)),
        Some(id) if store.object(&namespace, root_id(&key, &id)).is_ok() => Err(Refusal::mistake(
            "this is the id of a facet, which only its object can make",
            "give it a name instead",
        )),
        _ => {
            let id = id_from_name(&key, name, None);
            Ok((namespace, id, Some(name.clone())))
        }
    }
}

/// The facet that is called so: the name or the id of the object that it belongs to, and its path there.
fn facet(store: &Store, namespace: &Namespace, name: &str) -> Option<ObjectInfo> {
    name.match_indices('/').find_map(|(at, _)| {
        let root = id(namespace, &name[..at]);
        let facet = id_in(&root, &name[at + 1..])?;
        store.object(namespace, facet).ok()
    })
}

/// What a name stands for. 64 digits are an id where they are one of that class, and otherwise a name.
fn id(namespace: &Namespace, name: &str) -> ObjectId {
    let key = namespace_key(namespace.origin());
    parse_id(name)
        .filter(|id| id_belongs(&key, id))
        .unwrap_or_else(|| id_from_name(&key, name, None))
}

fn parse_id(text: &str) -> Option<ObjectId> {
    let mut id = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(id)
}

pub(super) fn hex(id: &ObjectId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn or(names: &[&str]) -> String {
    names.join(" or ")
}

/// Those that somebody may have meant who wrote `wanted`, the best first.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let other = name.to_lowercase();
            let distance = distance(&wanted, &other);
            let begins = wanted.len() >= 3 && other.starts_with(&wanted);
            (distance <= allowed || begins).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(OFFERED)
        .map(|(_, name)| name)
        .collect()
}

/// How many letters have to be added, removed or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != *candidate);
            corner = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_have_been_meant_are_offered() {
        let names = ["lobby", "kitchen", "user-1", "user-2", "user-30", "office"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("loby"), ["lobby"]);
        assert_eq!(near("LOBBY"), ["lobby"]);
        assert_eq!(near("user"), ["user-1", "user-2", "user-30"]);
        assert_eq!(near("garden"), [""; 0]);
    }
}
