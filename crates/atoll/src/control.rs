//! What a person can do to stored objects, whether a server has them open or not.
//!
//! A server listens on a socket in its folder of state; without one, the command opens the folder itself. Both do the
//! same [`Operation`]s with [`perform`].

mod facet;
mod find;
mod perform;
mod socket;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use facet::FacetOf;
pub(crate) use perform::{perform, shell_word};
pub(crate) use socket::{connect, listen};

/// How somebody names an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    /// `CLASS` or `WORKER:CLASS`.
    pub(crate) class: String,
    /// Its name or its id.
    pub(crate) name: String,
}

/// A moment in the life of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Moment {
    /// Milliseconds since 1970.
    Time(u64),
    Bookmark(String),
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Operation {
    List {
        class: Option<String>,
    },
    Show {
        object: Address,
    },
    Sql {
        object: Address,
        query: String,
        /// The most rows to give.
        limit: u64,
    },
    Export {
        object: Address,
        at: Option<Moment>,
        to: PathBuf,
    },
    Import {
        object: Address,
        from: PathBuf,
    },
    Restore {
        object: Address,
        to: Moment,
    },
    Fork {
        object: Address,
        to: Address,
        at: Option<Moment>,
    },
    Delete {
        object: Address,
    },
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Objects(Vec<Listed>),
    Shown(Box<Shown>),
    Rows(Rows),
    /// It is done to this object.
    Done(Listed),
    /// It is as it was; the bookmark undoes that.
    Restored {
        object: Listed,
        undo: String,
    },
}

/// An object in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) worker: String,
    pub(crate) class: String,
    /// How its class is to be called so that it is no other worker's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) label: Option<String>,
    pub(crate) name: Option<String>,
    /// Part of its id: objects of several jurisdictions may have the same name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) jurisdiction: Option<String>,
    /// Its name, typed, means no object or another one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) by_id: bool,
    /// Where it belongs, when it is a facet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) facet: Option<FacetOf>,
    pub(crate) id: String,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970.
    pub(crate) alarm_ms: Option<u64>,
    /// Milliseconds since 1970.
    pub(crate) changed_ms: u64,
    pub(crate) awake: bool,
}

impl Listed {
    /// What to type for its class.
    pub(crate) fn class_label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.class)
    }

    /// What to type for it in its class.
    pub(crate) fn name_or_id(&self) -> &str {
        let name = self.name.as_deref().filter(|_| !self.by_id);
        name.unwrap_or(&self.id)
    }
}

/// One object, in detail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) object: Listed,
    pub(crate) bookmark: String,
    /// How many facets it has, theirs included.
    pub(crate) facets: u64,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What is in an object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) tables: Vec<Table>,
    /// How many keys have a value.
    pub(crate) keys: u64,
    /// The first of them, with short descriptions of their values.
    pub(crate) first_keys: Vec<(String, String)>,
    /// Why the keys that follow were not counted.
    pub(crate) trouble: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Unknown when counting them fails.
    pub(crate) rows: Option<u64>,
}

/// The result of a query. Bytes are objects with one property `hex`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<serde_json::Value>>,
    /// There are more.
    pub(crate) more: bool,
}

/// Why it cannot be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// What was asked for cannot be; otherwise it could be, and failed.
    pub(crate) is_mistake: bool,
}

impl Refusal {
    fn mistake(message: impl std::fmt::Display, hint: impl std::fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: Some(hint.to_string()),
            is_mistake: true,
        }
    }

    fn failed(message: impl std::fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            is_mistake: false,
        }
    }
}
