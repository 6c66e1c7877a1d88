//! Objects whose ids begin alike: an object and its facets.

use std::ops::Bound::Included;

use crate::store::info;
use crate::{Namespace, ObjectInfo, Store};

/// Bytes that ids of the same family have in common.
const COMMON_BYTES: usize = 16;

impl Store {
    /// All objects of a namespace whose ids begin with the same 16 bytes as this one, in the order of their ids.
    #[must_use]
    pub fn family(&self, namespace: &Namespace, id: &[u8; 32]) -> Vec<ObjectInfo> {
        let (mut first, mut last) = (*id, *id);
        first[COMMON_BYTES..].fill(0);
        last[COMMON_BYTES..].fill(0xff);
        let core = self.shared.core();
        let Some(namespace) = core.catalog.namespaces.get(&namespace.number) else {
            return Vec::new();
        };
        let objects = namespace.objects.range((Included(first), Included(last)));
        objects
            .filter(|(_, entry)| entry.made)
            .map(|(id, entry)| info(*id, entry))
            .collect()
    }
}
