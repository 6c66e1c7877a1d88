//! The trusted side: which isolates run which worker, what each may do, and how calls find their way.
//!
//! The host never runs user code and treats every frame from an isolate as hostile input. Nothing here parses HTTP/1
//! or HTTP/2: requests and responses arrive and leave as [`Request`] and [`Response`].

mod body;
mod fetcher;
mod socket;

pub use body::{Body, BodyError};
pub use fetcher::{FetchError, Fetcher, Request, Response};
pub use socket::{SocketEnd, SocketMessage};
