//! What an isolate may do: the entries of its table.

use std::fmt;
use std::sync::Arc;

use protocol::{CodeLimits, ObjectId};

use crate::cache::Cache;
use crate::class::Class;
use crate::fetcher::Fetcher;
use crate::link::Remote;
use crate::loader::Loader;
use crate::objects::{Facet, Namespace};
use crate::parcel::Props;

/// One power, held under a number by an isolate.
#[derive(Clone)]
pub enum Capability {
    /// Requests to a worker, to static assets or to the network.
    Fetch(Arc<dyn Fetcher>),
    /// The Cache API.
    Cache(Arc<Cache>),
    /// The Durable Objects of a namespace.
    Namespace(Namespace),
    /// One Durable Object.
    Object {
        /// Its namespace.
        namespace: Namespace,
        /// Which one.
        id: ObjectId,
        /// The name that the id was made from, if it was and somebody knows.
        name: Option<Arc<str>>,
    },
    /// Something that an isolate lets others call.
    Stub(Arc<Remote>),
    /// What runs code from strings.
    Loader(Loader),
    /// A class of Durable Objects, for facets to be of.
    Class(Arc<Class>),
    /// A facet of an object that lives where this is held.
    Facet(Facet),
    /// A worker with all its entrypoints.
    Worker(Arc<dyn Entrypoints>),
}

/// A worker whose entrypoints can be had one by one.
pub trait Entrypoints: Send + Sync + 'static {
    /// An entrypoint that sees `props` as its `ctx.props`; `None` is the default export.
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<dyn Fetcher>;

    /// A class of Durable Objects whose objects see `props` as their `ctx.props`; `None` is the default export.
    fn class(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<Class>;
}

impl fmt::Debug for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fetch(_) => "Fetch",
            Self::Cache(_) => "Cache",
            Self::Namespace(_) => "Namespace",
            Self::Object { .. } => "Object",
            Self::Stub(_) => "Stub",
            Self::Worker(_) => "Worker",
            Self::Loader(_) => "Loader",
            Self::Class(_) => "Class",
            Self::Facet(_) => "Facet",
        })
    }
}
