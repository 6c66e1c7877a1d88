//! What the host and an isolate say to each other.
//!
//! A connection carries *frames*: a four byte little-endian length and one [`ToIsolate`] or
//! [`FromIsolate`] in `postcard` form. Everything here is plain data. Nothing here does I/O, and
//! nothing here trusts its input: decoding is bounded by [`limits`] and never panics.

/// The first argument of a program that is started for its processes to be forked from.
pub const ZYGOTE_ARGUMENT: &str = "--zygote";

mod code;
pub mod compatibility;
mod facet;
mod failure;
mod frame;
mod graph;
pub mod limits;
mod message;
mod node;
mod object;
mod object_id;
pub mod pages;
mod rpc;
mod stream;
mod trace;
mod wire;

pub use code::{Bounds, Code, CodeLimits, CodeModule, Outbound};
pub use facet::{FacetChange, FacetId, FacetStart};
pub use failure::{CallError, Failure, FailureKind, LogLevel, Mistake};
pub use frame::{DecodeError, FrameBuffer, decode, encode_into};
pub use graph::{
    Binding, BindingValue, Environment, Module, ModuleKind, Program, ServiceKind, Workflow,
};
pub use message::*;
pub use node::NODE_BUILTINS;
pub use object::{AlarmChange, Commit, KeptSocket, ObjectCall, Opening, StorageCall};
pub use object_id::{
    JURISDICTIONS, facet_id, id_belongs, id_from_name, id_from_random, jurisdiction_of,
    namespace_key, root_id,
};
pub use rpc::{DERIVED, Derive, ExportId, Given, Invocation, Parcel, Passed, Returned, Target};
pub use stream::{Flow, StreamPart};
pub use trace::{Outcome, Trace, TraceEvent, TraceLog, TraceSocket};
