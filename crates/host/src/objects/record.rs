//! What the store keeps of a facet beside its database: where it belongs, and what it takes to start it again.

use std::sync::Arc;

use protocol::{CodeLimits, ObjectId};
use serde::{Deserialize, Serialize};

use super::facets::{Identity, Start};
use crate::class::{Class, Source};
use crate::services::Services;

/// A facet, as the store has it in place of an object's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetRecord {
    /// The name of the outermost object, when it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The names of the facets from the outermost object on, its own the last.
    pub path: Vec<String>,
    /// The worker and the class that it was last started with. Without them only its parent can start it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<(String, String)>,
    /// Its `ctx.id`, in hexadecimal digits, and the name that the id was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<(String, Option<String>)>,
    /// Its `ctx.id`, when that is a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl FacetRecord {
    /// What the store says of an object that is a facet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn new(object: Option<&str>, path: &[Box<str>], start: &Start) -> Self {
        let (id, text) = match &start.identity {
            Identity::Object(id, name) => {
                (Some((hex(id), name.as_deref().map(str::to_owned))), None)
            }
            Identity::Text(text) => (None, Some(text.to_string())),
        };
        let worker = start.class.lasting_worker();
        Self {
            object: object.map(str::to_owned),
            path: path.iter().map(ToString::to_string).collect(),
            class: worker.map(|worker| (worker.to_owned(), start.class.name().to_owned())),
            id,
            text,
        }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a record is plain data")
    }

    /// The class that it was last started with, if that was a deployed worker's.
    #[must_use]
    pub fn class(&self) -> Option<(&str, &str)> {
        let (worker, class) = self.class.as_ref()?;
        Some((worker, class))
    }

    /// How it was started last, if it can be started so again.
    pub(super) fn start(&self, runtime: &std::sync::Weak<crate::runtime::Inner>) -> Option<Start> {
        let (worker, class) = self.class()?;
        let services = Services {
            runtime: std::sync::Weak::clone(runtime),
            name: worker.into(),
        };
        let identity = match (&self.id, &self.text) {
            (Some((id, name)), _) => {
                Identity::Object(from_hex(id)?, name.as_deref().map(Arc::from))
            }
            (None, Some(text)) => Identity::Text(text.as_str().into()),
            (None, None) => return None,
        };
        let source = Source::Deployed(services);
        Some(Start {
            class: Class::new(source, Some(class), None, CodeLimits::default()),
            identity,
        })
    }
}

pub(crate) fn hex(id: &ObjectId) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<ObjectId> {
    let mut id = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(id)
}
