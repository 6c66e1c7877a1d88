//! The network: what the global `fetch()` of a worker reaches.

mod addresses;
mod connector;
mod policy;
mod reserved;
mod rule;
mod sockets;
mod trust;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use protocol::limits::MAX_SOCKET_MESSAGE_BYTES;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

pub use addresses::Network;
pub use connector::{Addresses, Resolve, SystemResolver};
use connector::{Connector, Reach, Unreachable};
pub use policy::{Policy, PolicyOptions};
pub(crate) use reserved::ReservedPort;
pub use rule::{Piece, Rule};

use crate::body::{Body, BodyError};
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::socket::SocketEnd;
use crate::websocket::{Role, converse};
use crate::wire::WantsSocket;

/// Headers about one connection, which are not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Connections that are open at a time; more requests wait.
const MAX_CONNECTIONS: usize = 2048;
/// Connections to one host that wait for the next request.
const MAX_IDLE_CONNECTIONS: usize = 32;
/// How long they wait.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client for HTTP/1.1 and HTTP/2 with a shared pool of connections.
#[derive(Clone, Debug)]
pub struct Egress {
    client: Client<HttpsConnector<Connector>, Body>,
    /// WebSockets start with HTTP/1.1 only.
    sockets: Client<HttpsConnector<Connector>, Body>,
}

impl Egress {
    /// A client that trusts the usual certificate authorities, and those of this machine.
    #[must_use]
    pub fn new() -> Self {
        let resolver = Arc::new(SystemResolver);
        Self::with(Connector::new(resolver, Reach::Everything, MAX_CONNECTIONS))
    }

    /// The only client that connects to ports of this machine which are reserved.
    pub(crate) fn to_reserved_ports() -> Self {
        let resolver = Arc::new(SystemResolver);
        Self::with(Connector::new(resolver, Reach::Reserved, MAX_CONNECTIONS))
    }

    fn with(connector: Connector) -> Self {
        let plain = || {
            hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(trust::config())
                .https_or_http()
                .enable_http1()
        };
        let client = || {
            let mut builder = Client::builder(TokioExecutor::new());
            builder
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
                .pool_idle_timeout(IDLE_TIMEOUT);
            builder
        };
        let both = plain().enable_http2().wrap_connector(connector.clone());
        Self {
            client: client().build(both),
            sockets: client().build(plain().wrap_connector(connector)),
        }
    }

    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        if request.extensions().get::<WantsSocket>().is_some() {
            return self.connect(request).await;
        }
        let (mut parts, body) = request.into_parts();
        check_scheme(&parts.uri)?;
        parts
            .headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("br, gzip"));
        clean(&mut parts.headers);
        let mut request = http::Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| network(&parts.uri, &error))?;
        Ok(finish(response))
    }
}

impl Egress {
    /// Opens a WebSocket, or gives the response that refuses one.
    async fn connect(&self, request: Request) -> Result<Response, FetchError> {
        let (mut parts, _) = request.into_parts();
        check_scheme(&parts.uri)?;
        clean(&mut parts.headers);
        let key = generate_key();
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = parts.uri.clone();
        *request.version_mut() = http::Version::HTTP_11;
        *request.headers_mut() = parts.headers;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(
            SEC_WEBSOCKET_KEY,
            HeaderValue::from_str(&key).expect("base64 is visible ASCII"),
        );
        // Extensions would have to be spoken by us.
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        let mut response = self
            .sockets
            .request(request)
            .await
            .map_err(|error| network(&parts.uri, &error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(finish(response));
        }
        let accept = response
            .headers()
            .get(SEC_WEBSOCKET_ACCEPT)
            .map(HeaderValue::as_bytes);
        if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(FetchError::Network(
                "The server's answer to the WebSocket handshake is wrong.".to_owned(),
            ));
        }
        let upgraded = hyper::upgrade::on(&mut response)
            .await
            .map_err(|error| FetchError::Network(format!("Network connection lost: {error}")))?;
        let (near, far) = SocketEnd::pair();
        // Nothing tells a single socket to close when the process ends: its isolate goes first.
        let (never, closing) = watch::channel(false);
        tokio::spawn(async move {
            converse(
                upgraded,
                Role::Client,
                near,
                closing,
                MAX_SOCKET_MESSAGE_BYTES,
            )
            .await;
            drop(never);
        });
        let mut made = finish(response);
        *made.body_mut() = Body::empty();
        far.attach(made.extensions_mut());
        Ok(made)
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetcher for Egress {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.send(request))
    }

    fn describe(&self) -> String {
        "network".to_owned()
    }
}

fn check_scheme(uri: &Uri) -> Result<(), FetchError> {
    match uri.scheme_str() {
        Some("http" | "https") => Ok(()),
        _ => Err(FetchError::Refused(format!("Fetch API cannot load: {uri}"))),
    }
}

fn clean(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(HOST);
    // The body's own length counts, whatever the worker said.
    headers.remove(CONTENT_LENGTH);
}

fn network(uri: &Uri, error: &hyper_util::client::legacy::Error) -> FetchError {
    if let Some(reason) = trust::handshake_failure(error) {
        let host = uri.host().unwrap_or_default();
        return FetchError::Network(format!("TLS handshake with {host} failed: {reason}."));
    }
    let mut text = String::from("Network connection lost.");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(unreachable) = cause.downcast_ref::<Unreachable>() {
            return FetchError::Refused(unreachable.to_string());
        }
        let host = uri.host().unwrap_or_default();
        let port = uri
            .port_u16()
            .map_or(String::new(), |port| format!(":{port}"));
        text = format!("Network connection to {host}{port} failed: {cause}");
        source = cause.source();
    }
    FetchError::Network(text)
}

fn finish(response: http::Response<hyper::body::Incoming>) -> Response {
    let (mut parts, body) = response.into_parts();
    let body =
        Body::wrap(body.map_err(|error| BodyError(format!("Network connection lost: {error}"))));
    for name in HOP_BY_HOP
        .into_iter()
        .map(HeaderName::from_static)
        .chain([TRANSFER_ENCODING])
    {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, body)
}
