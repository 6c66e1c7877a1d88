//! What a server tells the one who operates it: on a port of its own, which no request to a worker reaches, and to the
//! service manager that started it.

use std::future::Future;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use gateway::{Gateway, Handle, Target};
use host::{Body, FetchError, Fetcher, Request, Response, Runtime};
use http::{HeaderValue, Method, StatusCode, header};

use crate::error::Error;
use crate::metrics::Metrics;

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// The version of the text format (Prometheus, "Exposition formats").
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What there is to tell.
pub(crate) struct Operator {
    pub(crate) metrics: Arc<Metrics>,
    phase: AtomicU8,
    server: OnceLock<(Runtime, Handle)>,
}

impl Operator {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            phase: AtomicU8::new(STARTING),
            server: OnceLock::new(),
        })
    }

    /// Begins to answer at an address, and gives the one that it got.
    pub(crate) fn listen(self: &Arc<Self>, address: SocketAddr) -> Result<SocketAddr, Error> {
        let target = Target {
            name: "operator".into(),
            fetcher: Arc::new(Pages(Arc::clone(self))),
        };
        let gateway = Gateway::bind(gateway::Options::new(address), target).map_err(of_port)?;
        let address = gateway.address();
        // It answers until the process ends: the last thing to be seen of a server is how it stops.
        tokio::spawn(gateway.run(std::future::pending()));
        Ok(address)
    }

    /// All workers run, and requests are answered from now on.
    pub(crate) fn ready(&self, runtime: Runtime, gateway: Handle) {
        drop(self.server.set((runtime, gateway)));
        self.phase.store(READY, Ordering::Relaxed);
        tell_manager("READY=1");
    }

    /// No new requests are taken.
    pub(crate) fn stopping(&self) {
        self.phase.store(STOPPING, Ordering::Relaxed);
        tell_manager("STOPPING=1");
    }

    fn answer(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "this is only to be read\n");
        }
        match request.uri().path() {
            "/metrics" => self.metrics(),
            "/healthz" => match self.failure() {
                None => plain(StatusCode::OK, "ok\n"),
                Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            "/readyz" => match (self.phase.load(Ordering::Relaxed), self.failure()) {
                (STARTING, _) => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
                (STOPPING, _) => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
                (_, Some(why)) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
                (_, None) => plain(StatusCode::OK, "ready\n"),
            },
            _ => plain(
                StatusCode::NOT_FOUND,
                "here are /metrics, /healthz and /readyz\n",
            ),
        }
    }

    /// Why this process has to be started anew.
    fn failure(&self) -> Option<String> {
        let (runtime, _) = self.server.get()?;
        let failure = runtime.figures().objects?.storage.failure?;
        Some(format!("storage has stopped: {failure}\n"))
    }

    fn metrics(&self) -> Response {
        let (figures, connections) = match self.server.get() {
            Some((runtime, gateway)) => (runtime.figures(), gateway.connections()),
            None => Default::default(),
        };
        let mut response = Response::new(Body::full(self.metrics.text(&figures, connections)));
        let kind = HeaderValue::from_static(METRICS_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// What is answered on the operator's port.
struct Pages(Arc<Operator>);

impl Fetcher for Pages {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(self.0.answer(&request))))
    }
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::full(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Its hint has to name the argument that is meant.
fn of_port(error: gateway::Error) -> Error {
    let hint = error
        .hint()
        .replace("--port", "--metrics-port")
        .replace("--ip", "--metrics-ip");
    Error::Failed {
        error: error.into(),
        hint: Some(hint),
    }
}

/// Tells systemd, if that started this process as a service that says when it is ready (sd_notify(3)).
fn tell_manager(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => UnixAddress::from_abstract_name(name),
        _ => UnixAddress::from_pathname(&path),
    };
    let told = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager cannot be told: {state}");
    }
}
