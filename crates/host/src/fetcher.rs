//! Whatever answers a request: a worker, static assets, the network.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::body::Body;
use crate::parcel::MethodCall;
use crate::tail::TraceItem;

/// A request with an absolute URI.
pub type Request = http::Request<Body>;
/// A response. A 101 carries a [`SocketEnd`](crate::SocketEnd): see [`SocketEnd::attach`](crate::SocketEnd::attach).
pub type Response = http::Response<Body>;

/// Why there is no response.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The worker's code threw, or a limit ended it. The text is for developers: message and mapped stack.
    #[error("{}", .0.message)]
    Worker(protocol::Failure),
    /// The isolate died or was replaced while it worked on the request.
    #[error("{message}")]
    Lost {
        /// What a caller's code sees.
        message: String,
        /// Whether trying again can help.
        retryable: bool,
    },
    /// Too much is under way.
    #[error("{0}")]
    Overloaded(String),
    /// The request cannot be sent: a bad URL, a refused address, a failing connection.
    #[error("{0}")]
    Network(String),
    /// The request asks for something that is not allowed or not possible: a caller's mistake.
    #[error("{0}")]
    Refused(String),
}

/// Something that answers requests.
pub trait Fetcher: Send + Sync + 'static {
    /// Answers one request.
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>>;

    /// Calls one of its methods, if it has any.
    fn call(&self, call: MethodCall) {
        call.refuse();
    }

    /// What it is, for those who read what was used.
    fn describe(&self) -> String {
        "service".to_owned()
    }

    /// Tells it of an event of a worker that it follows, if it can. `room` is given back once it has dealt with that.
    fn tail(&self, item: Arc<TraceItem>, room: OwnedSemaphorePermit) {
        drop((item, room));
    }
}

/// Which worker makes a request, in its extensions.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its name.
    pub worker: std::sync::Arc<str>,
    /// A hash of the code of a dynamic worker, if somebody wants to know.
    pub code: Option<std::sync::Arc<str>>,
    /// It is code from a string.
    pub is_dynamic: bool,
}

/// One of a worker's entrypoints, for those who read what was used.
pub(crate) fn described(worker: &str, entrypoint: Option<&str>) -> String {
    match entrypoint {
        Some(entrypoint) => format!("worker {worker}#{entrypoint}"),
        None => format!("worker {worker}"),
    }
}

/// How many workers a request has passed through, in its extensions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth(pub u32);

/// Which life of an object makes a request, in its extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// The id of the Durable Object in hexadecimal; empty outside of objects.
    pub object: String,
    /// Another number after it slept, died, or was replaced.
    pub number: u64,
}

/// What is no more.
pub(crate) struct Gone;

impl Fetcher for Gone {
    fn fetch(
        &self,
        _request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(std::future::ready(Err(crate::link::lost())))
    }
}
