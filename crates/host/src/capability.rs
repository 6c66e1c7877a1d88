//! What an isolate may do: the entries of its table.

use std::fmt;
use std::sync::Arc;

use crate::cache::Cache;
use crate::fetcher::Fetcher;
use crate::objects::Namespace;

/// One power, held under a number by an isolate.
#[derive(Clone)]
pub enum Capability {
    /// Requests to a worker, to static assets or to the network.
    Fetch(Arc<dyn Fetcher>),
    /// The Cache API.
    Cache(Arc<Cache>),
    /// The Durable Objects of a namespace.
    Namespace(Namespace),
}

impl fmt::Debug for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fetch(_) => "Fetch",
            Self::Cache(_) => "Cache",
            Self::Namespace(_) => "Namespace",
        })
    }
}
