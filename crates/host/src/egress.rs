//! The network: what the global `fetch()` of a worker reaches.

mod decode;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use protocol::Redirect;
use protocol::limits::MAX_SOCKET_MESSAGE_BYTES;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::body::{Body, BodyError};
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::socket::SocketEnd;
use crate::websocket::{Role, converse};
use crate::wire::{Fetched, Redirects, WantsSocket};

/// As in the Fetch standard.
const MAX_REDIRECTS: usize = 20;

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

/// A client for HTTP/1.1 and HTTP/2 with a shared pool of connections.
#[derive(Clone, Debug)]
pub struct Egress {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    /// WebSockets start with HTTP/1.1 only.
    sockets: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Egress {
    /// A client that trusts the usual certificate authorities.
    #[must_use]
    pub fn new() -> Self {
        // Whoever came first has installed the same provider.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let connector = || {
            hyper_rustls::HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_http1()
        };
        let client = || {
            let mut builder = Client::builder(TokioExecutor::new());
            builder.pool_timer(TokioTimer::new());
            builder
        };
        Self {
            client: client().build(connector().enable_http2().build()),
            sockets: client().build(connector().build()),
        }
    }

    async fn follow(&self, request: Request) -> Result<Response, FetchError> {
        if request.extensions().get::<WantsSocket>().is_some() {
            return self.connect(request).await;
        }
        let (mut parts, body) = request.into_parts();
        let redirects = parts
            .extensions
            .get::<Redirects>()
            .map_or(Redirect::Follow, |redirects| redirects.0);
        check_scheme(&parts.uri)?;
        let decode = !parts.headers.contains_key(ACCEPT_ENCODING);
        if decode {
            parts
                .headers
                .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        }
        clean(&mut parts.headers);
        // A body can be sent once. One that is here already can be sent again to where a redirect leads.
        let mut again = Resend::Nothing;
        let mut body = match whole(body).await {
            Ok(bytes) => {
                again = Resend::Bytes(bytes.clone());
                Body::full(bytes)
            }
            Err(stream) => {
                if !http_body::Body::is_end_stream(&stream) {
                    again = Resend::Impossible;
                }
                stream
            }
        };
        for hop in 0..=MAX_REDIRECTS {
            let mut request = http::Request::new(body);
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = parts.uri.clone();
            *request.headers_mut() = parts.headers.clone();
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| network(&error))?;
            let target = redirect_target(&parts.uri, &response);
            let Some(target) = target else {
                return Ok(finish(response, &parts.uri, hop > 0, decode));
            };
            match redirects {
                Redirect::Manual => return Ok(finish(response, &parts.uri, hop > 0, decode)),
                Redirect::Error => {
                    return Err(FetchError::Refused(
                        "Unexpected redirect: the request was made with redirect mode 'error'."
                            .to_owned(),
                    ));
                }
                Redirect::Follow => {}
            }
            let target = target.map_err(FetchError::Refused)?;
            check_scheme(&target)?;
            let status = response.status();
            if (status == StatusCode::SEE_OTHER && parts.method != Method::HEAD)
                || (matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
                    && parts.method == Method::POST)
            {
                if parts.method != Method::GET {
                    parts.headers.remove(CONTENT_TYPE);
                    parts.headers.remove(CONTENT_LENGTH);
                    parts.headers.remove(CONTENT_ENCODING);
                }
                parts.method = Method::GET;
                again = Resend::Nothing;
            }
            if target.authority() != parts.uri.authority() || target.scheme() != parts.uri.scheme()
            {
                for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                    parts.headers.remove(name);
                }
            }
            parts.uri = target;
            body = match &again {
                Resend::Nothing => Body::empty(),
                Resend::Bytes(bytes) => Body::full(bytes.clone()),
                Resend::Impossible => {
                    return Err(FetchError::Refused(
                        "A request with a one-time-use body (it was initialized from a stream, not a buffer) \
                         encountered a redirect requiring the body to be retransmitted. To avoid this error in the \
                         future, construct this request from a buffer-like body initializer."
                            .to_owned(),
                    ));
                }
            };
        }
        Err(FetchError::Refused("Too many redirects.".to_owned()))
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
            .map_err(|error| network(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(finish(response, &parts.uri, false, false));
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
        let mut made = finish(response, &parts.uri, false, false);
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
        Box::pin(self.follow(request))
    }
}

enum Resend {
    Nothing,
    Bytes(Bytes),
    Impossible,
}

/// The whole body, when it is there already.
async fn whole(body: Body) -> Result<Bytes, Body> {
    match http_body::Body::size_hint(&body).exact() {
        // Only bodies that came inside their frame end with their first piece.
        Some(length) if length <= protocol::limits::MAX_INLINE_BODY_BYTES as u64 && length > 0 => {
            match body.collect().await {
                Ok(collected) => Ok(collected.to_bytes()),
                Err(_) => Err(Body::empty()),
            }
        }
        _ => Err(body),
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
}

fn network(error: &hyper_util::client::legacy::Error) -> FetchError {
    let mut text = String::from("Network connection lost.");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("Network connection failed: {cause}");
        source = cause.source();
    }
    FetchError::Network(text)
}

/// Where a response redirects to, if it does.
fn redirect_target<B>(base: &Uri, response: &http::Response<B>) -> Option<Result<Uri, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(
        std::str::from_utf8(location.as_bytes())
            .ok()
            .and_then(|location| join(base, location))
            .ok_or_else(|| "Invalid Location header in a redirect.".to_owned()),
    )
}

/// Resolves a reference against an absolute URL, as far as HTTP needs it (RFC 3986, section 5.2).
fn join(base: &Uri, reference: &str) -> Option<Uri> {
    let reference = reference.split('#').next().unwrap_or_default();
    if reference.contains("://") {
        return reference.parse().ok();
    }
    let mut parts = base.clone().into_parts();
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{}://{rest}", base.scheme_str()?).parse().ok();
    }
    let path = if reference.is_empty() {
        base.path_and_query()?.to_string()
    } else if reference.starts_with('/') {
        reference.to_owned()
    } else if reference.starts_with('?') {
        format!("{}{reference}", base.path())
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{folder}/{reference}")
    };
    let (path, query) = path
        .split_once('?')
        .map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    let pieces: Vec<&str> = path.split('/').skip(1).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        match *piece {
            "." if last => segments.push(""),
            "." => {}
            ".." => {
                segments.pop();
                if last {
                    segments.push("");
                }
            }
            piece => segments.push(piece),
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    if let Some(query) = query {
        path.push('?');
        path.push_str(query);
    }
    parts.path_and_query = Some(path.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

fn finish(
    response: http::Response<hyper::body::Incoming>,
    url: &Uri,
    redirected: bool,
    decode: bool,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let body =
        Body::wrap(body.map_err(|error| BodyError(format!("Network connection lost: {error}"))));
    let coding = parts
        .headers
        .get(CONTENT_ENCODING)
        .and_then(|value| decode::Coding::from_header(value.as_bytes()));
    let body = match coding {
        Some(coding) if decode => {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
            Body::wrap(decode::Decoded::new(body, coding))
        }
        _ => body,
    };
    for name in HOP_BY_HOP
        .into_iter()
        .map(HeaderName::from_static)
        .chain([TRANSFER_ENCODING])
    {
        parts.headers.remove(name);
    }
    parts.extensions.insert(Fetched {
        url: url.to_string(),
        redirected,
    });
    Response::from_parts(parts, body)
}
