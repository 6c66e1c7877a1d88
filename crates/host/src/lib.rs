//! The trusted side: which isolates run which worker, what each may do, and how calls find their way.
//!
//! The host never runs user code and treats every frame from an isolate as hostile input. Nothing here parses HTTP/1
//! or HTTP/2: requests and responses arrive and leave as [`Request`] and [`Response`].

mod audit;
mod bases;
mod body;
pub mod browser;
mod builds;
mod cache;
mod capability;
mod class;
mod clock;
mod decode;
mod egress;
mod email;
mod fetcher;
mod figures;
mod held;
pub mod journal;
mod link;
mod loader;
mod logs;
mod loss;
mod memory;
mod metered;
mod objects;
mod parcel;
mod reading;
mod redirects;
mod renewal;
mod routes;
mod runtime;
mod script;
pub mod secrets;
mod services;
mod socket;
mod spares;
mod tail;
mod template;
mod wall_time;
mod watchdog;
pub mod websocket;
mod wire;
mod woken;
mod worker;

pub use audit::Audit;
pub use body::{Body, BodyError};
pub use builds::{Building, Installed, Packages, Wanted};
pub use cache::Cache;
pub use capability::{Capability, Entrypoints};
pub use class::Class;
pub use egress::{
    Addresses, Egress, Network, Piece, Policy, PolicyOptions, Resolve, Rule, SystemResolver,
};
pub use fetcher::{Caller, Depth, FetchError, Fetcher, Life, Request, Response};
pub use figures::{BuildFigures, Figures, ObjectFigures, WorkerFigures};
pub use link::Remote;
pub use loader::Loader;
pub use logs::{LogKind, LogRecord};
pub use objects::{Facet, FacetRecord, Namespace, StorageOptions};
pub use parcel::{MethodCall, Props};
pub use reading::Reading;
pub use runtime::{DeployError, Deployment, Error, Limits, Options, Runtime};
pub use script::{Script, ScriptError};
pub use socket::{SocketEnd, SocketMessage, SocketReceiver, SocketSender, Unreceived, Utf8Bytes};
pub use storage::{Store, disk};
pub use tail::TraceItem;
pub use wire::{Cf, Fetched, Redirects, WantsSocket};
pub use worker::{SingleUse, Worker};
