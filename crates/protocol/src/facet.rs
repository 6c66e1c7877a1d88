//! What the messages say about facets: objects in the care of another object.

use serde::{Deserialize, Serialize};

use crate::message::{CapabilityId, ObjectId};

/// What a facet is when it starts, as its parent's code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetStart<'a> {
    /// The class.
    pub class: CapabilityId,
    /// Its `ctx.id`.
    #[serde(borrow)]
    pub id: FacetId<'a>,
}

/// `ctx.id` of a facet. It says nothing about where its storage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FacetId<'a> {
    /// A `DurableObjectId`.
    Object {
        /// The id.
        id: ObjectId,
        /// The name that it was made from, if it was.
        name: Option<&'a str>,
    },
    /// A string.
    Text(&'a str),
}

/// What an object does to its facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FacetChange<'a> {
    /// Ends its instance. The next call starts another one.
    Abort {
        /// Which facet.
        name: &'a str,
        /// What the facet's code is told.
        reason: &'a str,
    },
    /// Deletes it with all facets in it.
    Delete {
        /// Which facet.
        name: &'a str,
    },
    /// Deletes all facets of the object.
    DeleteAll,
    /// Makes one facet, with all facets in it, a copy of another one.
    Clone {
        /// The one that is copied.
        from: &'a str,
        /// The one that becomes the copy.
        to: &'a str,
    },
}
