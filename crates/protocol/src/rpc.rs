//! What the messages say about calls of methods, and about values that refer to more than they hold.

use serde::{Deserialize, Serialize};

use crate::code::{Code, CodeLimits};
use crate::message::{CapabilityId, ObjectId, ObjectNumber, StreamId};

/// Something that an isolate lets others call, numbered by that isolate.
pub type ExportId = u32;

/// Set in the numbers of capabilities that the isolate itself has named with
/// [`FromIsolate::Derive`](crate::FromIsolate::Derive). The others are numbered by the host.
pub const DERIVED: CapabilityId = 1 << 31;

/// A value on its way to another isolate, and what it refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel<'a, T> {
    /// The value as bytes. Places in it are indexes into `refers`.
    #[serde(with = "serde_bytes")]
    pub value: &'a [u8],
    /// What it refers to.
    pub refers: Vec<T>,
}

/// What a value from an isolate refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Passed {
    /// Something of the isolate's own that the receiver may call. The host says with
    /// [`ToIsolate::Release`](crate::ToIsolate::Release) when nobody can call it any more; it is given away once.
    Export {
        /// Its number.
        id: ExportId,
        /// The object that it belongs to, if it belongs to one.
        object: Option<ObjectNumber>,
    },
    /// A capability, which the isolate keeps as well.
    Capability(CapabilityId),
    /// A stream of bytes that the isolate sends.
    Stream {
        /// Its number.
        id: StreamId,
        /// Its length, when it is known.
        length: Option<u64>,
    },
    /// A stream of bytes that the host sends to the isolate, and that goes elsewhere from now on.
    Forward(StreamId),
}

/// What a value to an isolate refers to. Capabilities are the isolate's own from now on, until it releases them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// Something that can be called.
    Stub(CapabilityId),
    /// Something that answers requests, and may have methods.
    Fetcher(CapabilityId),
    /// A Durable Object namespace.
    Namespace {
        /// Calls on its objects.
        capability: CapabilityId,
        /// What its ids are made with.
        key: [u8; 32],
    },
    /// A Durable Object.
    Object {
        /// Calls on it.
        capability: CapabilityId,
        /// Which one.
        id: ObjectId,
        /// The name that its id was made from, if it was.
        name: Option<String>,
    },
    /// Something that runs code from strings.
    Loader(CapabilityId),
    /// A class of Durable Objects.
    Class(CapabilityId),
    /// A stream of bytes that the host sends.
    Stream {
        /// Its number.
        id: StreamId,
        /// Its length, when it is known.
        length: Option<u64>,
    },
    /// There is something, and a worker cannot have it.
    Nothing,
}

/// Whose method is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target<'a> {
    /// An export of the worker; `None` is the default export.
    Entrypoint {
        /// Its name.
        name: Option<&'a str>,
        /// What its `ctx.props` are.
        #[serde(borrow)]
        props: Option<Parcel<'a, Given>>,
    },
    /// The object that the event happens to.
    Object,
    /// What the isolate has given away under this number.
    Export(ExportId),
}

/// Which of a target's properties, and what to do with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invocation<'a, T> {
    /// Names, one inside the other. Empty for the target itself.
    #[serde(borrow)]
    pub path: Vec<&'a str>,
    /// The array of its arguments. Without one the property is not called but read.
    #[serde(borrow = "'a")]
    pub arguments: Option<Parcel<'a, T>>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Returned<'a, T> {
    /// It gave this.
    Value(#[serde(borrow = "'a")] Parcel<'a, T>),
    /// It threw this value.
    Thrown(#[serde(with = "serde_bytes")] &'a [u8]),
}

/// How an isolate makes a capability out of one that it has, without waiting for the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Derive<'a> {
    /// The isolate's own export, as others have it.
    Export {
        /// Its number.
        id: ExportId,
        /// The object that it belongs to, if it belongs to one.
        object: Option<ObjectNumber>,
    },
    /// One object of a namespace.
    Object {
        /// The namespace.
        from: CapabilityId,
        /// Which object.
        id: ObjectId,
        /// The name that the id was made from, if it was and the isolate knows.
        name: Option<&'a str>,
    },
    /// A worker made of code.
    Worker {
        /// What runs it.
        from: CapabilityId,
        /// Under which name it can be found again, if it can.
        id: Option<&'a str>,
        /// What it is made of.
        #[serde(borrow)]
        code: Box<Code<'a>>,
    },
    /// One entrypoint of a worker.
    Entrypoint {
        /// The worker.
        from: CapabilityId,
        /// The export; `None` is the default one.
        name: Option<&'a str>,
        /// What its `ctx.props` are.
        #[serde(borrow)]
        props: Option<Parcel<'a, Passed>>,
        /// Bounds that are narrower than those of the worker.
        limits: CodeLimits,
    },
    /// One class of Durable Objects of a worker.
    Class {
        /// The worker.
        from: CapabilityId,
        /// The export.
        name: &'a str,
        /// What its objects' `ctx.props` are.
        #[serde(borrow)]
        props: Option<Parcel<'a, Passed>>,
        /// Bounds that are narrower than those of the worker.
        limits: CodeLimits,
    },
    /// A facet of an object that lives in the isolate.
    Facet {
        /// The object.
        object: ObjectNumber,
        /// The facet's name.
        name: &'a str,
    },
}
