//! Ids of Durable Objects. Both sides make them: an isolate without asking, the host to check.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::message::ObjectId;

/// Where an object's data may be, as Workers have it. It is part of the id.
pub const JURISDICTIONS: [&str; 4] = ["eu", "fedramp", "fedramp-high", "us"];

const HALF: usize = 16;
const JURISDICTION_AT: usize = HALF - 1;

/// What a namespace's ids are made with.
#[must_use]
pub fn namespace_key(namespace: &str) -> [u8; 32] {
    Sha256::digest(namespace.as_bytes()).into()
}

/// The id that a name stands for. `jurisdiction` is an index into [`JURISDICTIONS`].
#[must_use]
pub fn id_from_name(key: &[u8; 32], name: &str, jurisdiction: Option<u8>) -> ObjectId {
    let hash = keyed_hash(key, &[b"name\0", name.as_bytes()]);
    id_from_half(key, hash, jurisdiction)
}

/// An id that no name stands for.
#[must_use]
pub fn id_from_random(key: &[u8; 32], random: [u8; HALF], jurisdiction: Option<u8>) -> ObjectId {
    id_from_half(key, random, jurisdiction)
}

/// Whether an id was made for the namespace of `key`.
#[must_use]
pub fn id_belongs(key: &[u8; 32], id: &ObjectId) -> bool {
    let mut half = [0; HALF];
    half.copy_from_slice(&id[..HALF]);
    usize::from(half[JURISDICTION_AT]) <= JURISDICTIONS.len() && id[HALF..] == seal(key, &half)
}

/// The jurisdiction that an id was made for.
#[must_use]
pub fn jurisdiction_of(id: &ObjectId) -> Option<&'static str> {
    let index = usize::from(id[JURISDICTION_AT]).checked_sub(1)?;
    JURISDICTIONS.get(index).copied()
}

/// Where the storage of an object's facet is, among the objects of a namespace: beside the object that it belongs to in
/// the end, under an id that no isolate can name.
#[must_use]
pub fn facet_id(parent: &ObjectId, name: &str) -> ObjectId {
    let mut id = *parent;
    id[HALF..].copy_from_slice(&keyed_hash(parent, &[b"facet\0", name.as_bytes()]));
    id
}

/// The object that a facet belongs to in the end. Of an object that is no facet it is that object.
#[must_use]
pub fn root_id(key: &[u8; 32], id: &ObjectId) -> ObjectId {
    let mut half = [0; HALF];
    half.copy_from_slice(&id[..HALF]);
    let mut root = *id;
    root[HALF..].copy_from_slice(&seal(key, &half));
    root
}

fn id_from_half(key: &[u8; 32], mut half: [u8; HALF], jurisdiction: Option<u8>) -> ObjectId {
    half[JURISDICTION_AT] = jurisdiction.map_or(0, |index| index + 1);
    let mut id = [0; 32];
    id[..HALF].copy_from_slice(&half);
    id[HALF..].copy_from_slice(&seal(key, &half));
    id
}

fn seal(key: &[u8; 32], half: &[u8; HALF]) -> [u8; HALF] {
    keyed_hash(key, &[b"id\0", half])
}

fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; HALF] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    let mut half = [0; HALF];
    half.copy_from_slice(&mac.finalize().into_bytes()[..HALF]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_belong_to_their_namespace_alone() {
        let (rooms, users) = (namespace_key("chat-Room"), namespace_key("chat-User"));
        let id = id_from_name(&rooms, "lobby", None);
        assert_eq!(id, id_from_name(&rooms, "lobby", None));
        assert_ne!(id, id_from_name(&rooms, "Lobby", None));
        assert_ne!(id, id_from_name(&rooms, "lobby", Some(0)));
        assert!(id_belongs(&rooms, &id));
        assert!(!id_belongs(&users, &id));
        for byte in 0..32 {
            let mut other = id;
            other[byte] ^= 1;
            assert!(!id_belongs(&rooms, &other), "byte {byte} can be changed");
        }
    }

    #[test]
    fn facets_are_beside_their_object_and_belong_to_no_namespace() {
        let key = namespace_key("n");
        let room = id_from_name(&key, "room", None);
        let facet = facet_id(&room, "a");
        let inner = facet_id(&facet, "a");
        for id in [facet, inner] {
            assert!(!id_belongs(&key, &id));
            assert_eq!(root_id(&key, &id), room);
        }
        assert_ne!(facet, inner);
        assert_ne!(facet, facet_id(&room, "b"));
        assert_ne!(facet, facet_id(&id_from_name(&key, "hall", None), "a"));
        assert_eq!(root_id(&key, &room), room);
    }

    #[test]
    fn ids_know_their_jurisdiction() {
        let key = namespace_key("n");
        for (index, name) in (0u8..).zip(JURISDICTIONS) {
            let id = id_from_random(&key, [9; HALF], Some(index));
            assert_eq!(jurisdiction_of(&id), Some(name));
            assert!(id_belongs(&key, &id));
        }
        assert_eq!(
            jurisdiction_of(&id_from_random(&key, [9; HALF], None)),
            None
        );
    }
}
