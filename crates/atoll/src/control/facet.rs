//! How facets are named: by the object that they belong to, and the names from there on.

use host::{FacetRecord, Store};
use protocol::{ObjectId, facet_id, id_belongs, jurisdiction_of, namespace_key, root_id};
use serde::{Deserialize, Serialize};
use storage::{Namespace, ObjectInfo};

use super::find::hex;

/// Stands for a name without letters.
const EMPTY: &str = "%-";

/// Where a facet belongs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FacetOf {
    /// The name or the id of the outermost object.
    pub(crate) object: String,
    /// Whether that is a name.
    pub(crate) is_named: bool,
    /// The names of the facets from there on, its own the last.
    pub(crate) path: Vec<String>,
    /// The class that it was last started with, when that is a deployed worker's.
    pub(crate) class: Option<String>,
}

impl FacetOf {
    /// What the store says of an object, if that is a facet.
    pub(super) fn find(store: &Store, namespace: &Namespace, object: &ObjectInfo) -> Option<Self> {
        let key = namespace_key(namespace.origin());
        if id_belongs(&key, &object.id) {
            return None;
        }
        let record = FacetRecord::parse(object.name.as_deref()?)?;
        let root = root_id(&key, &object.id);
        let stored = store.object(namespace, root).ok();
        let name = stored
            .and_then(|root| root.name)
            .or_else(|| record.object.clone())
            // With a jurisdiction, it means another object.
            .filter(|_| jurisdiction_of(&root).is_none());
        Some(Self {
            is_named: name.is_some(),
            object: name.unwrap_or_else(|| hex(&root)),
            class: record.class().map(|(_, class)| class.to_owned()),
            path: record.path,
        })
    }

    /// What to type for it.
    pub(super) fn name(&self) -> String {
        let names = self.path.iter().map(|name| encode(name));
        let all: Vec<String> = std::iter::once(self.object.clone()).chain(names).collect();
        all.join("/")
    }
}

/// The id of a facet that is called so in an object.
pub(super) fn id_in(object: &ObjectId, path: &str) -> Option<ObjectId> {
    path.split('/')
        .try_fold(*object, |id, name| Some(facet_id(&id, &decode(name)?)))
}

fn encode(name: &str) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '%' | '/' | '\0'..='\x1f' | '\x7f' => {
                text.push_str(&format!("%{:02x}", u32::from(letter)));
            }
            letter => text.push(letter),
        }
    }
    text
}

fn decode(text: &str) -> Option<String> {
    if text == EMPTY {
        return Some(String::new());
    }
    let mut pieces = text.split('%');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        let code = u8::from_str_radix(piece.get(..2)?, 16).ok()?;
        name.push(char::from(code));
        name.push_str(&piece[2..]);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["Chat", "Sub\0alice", "a/b%c", "", "\u{7f}é "] {
            let text = encode(name);
            assert!(!text.contains(['/', '\0']) && !text.is_empty(), "{text}");
            assert_eq!(decode(&text).as_deref(), Some(name));
        }
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%4"), None);
    }
}
