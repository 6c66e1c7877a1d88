//! Workers that are made of strings while others run.

use serde::{Deserialize, Serialize};

use crate::graph::ModuleKind;
use crate::message::CapabilityId;
use crate::rpc::{Parcel, Passed};

/// What a dynamic worker is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code<'a> {
    /// The name of the module whose exports are its entrypoints.
    pub main: &'a str,
    /// `YYYY-MM-DD`.
    pub compatibility_date: &'a str,
    /// As in `wrangler.jsonc`.
    #[serde(borrow)]
    pub compatibility_flags: Vec<&'a str>,
    /// All modules, the main one included.
    #[serde(borrow)]
    pub modules: Vec<CodeModule<'a>>,
    /// The object that its `env` is.
    #[serde(borrow = "'a")]
    pub env: Option<Parcel<'a, Passed>>,
    /// What its global `fetch()` uses.
    pub outbound: Outbound,
    /// Who follows it.
    pub tails: Vec<CapabilityId>,
    /// Its bounds.
    pub limits: CodeLimits,
}

/// One module of a dynamic worker, as its author wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeModule<'a> {
    /// The specifier that other modules import it by.
    pub name: &'a str,
    /// What its content means.
    pub kind: ModuleKind,
    /// Source or bytes.
    #[serde(with = "serde_bytes")]
    pub content: &'a [u8],
}

/// What the global `fetch()` of a dynamic worker uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outbound {
    /// Whatever the one who makes it uses.
    Inherit,
    /// Nothing: it throws.
    Nothing,
    /// This capability of the one who makes it.
    Capability(CapabilityId),
}

/// What one event may use. `None` is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Processor time, in milliseconds.
    pub cpu_ms: Option<u32>,
    /// JavaScript heap of the isolate while it works for the event, in bytes.
    pub memory_bytes: Option<u64>,
}

impl CodeLimits {
    /// What the isolate has to see to of them.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            cpu_ms: self.cpu_ms,
            memory_bytes: self.memory_bytes,
        }
    }
}

/// Bounds of a dynamic worker, or of one of its entrypoints. `None` is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeLimits {
    /// Processor time of an event, in milliseconds.
    pub cpu_ms: Option<u32>,
    /// Calls of one event.
    pub subrequests: Option<u32>,
    /// JavaScript heap, in bytes.
    pub memory_bytes: Option<u64>,
    /// Time from the start of an event to its answer, in milliseconds.
    pub wall_ms: Option<u32>,
}
