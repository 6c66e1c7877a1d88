//! From a request on the wire to the request that a worker gets.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use host::{Body, BodyError};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, StatusCode, Uri, Version, request};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::options::Limits;

/// Why a request does not reach the worker: a status and a sentence for whoever wrote the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
}

const fn refusal(status: StatusCode, text: &'static str) -> Refusal {
    Refusal { status, text }
}

const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Headers that speak about one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Takes away what speaks about one connection only: the known headers, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most have none. To look at each is quicker than to look each of those up.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    if let Some(named) = headers.remove(header::CONNECTION) {
        for name in named.to_str().unwrap_or_default().split(',') {
            let name = name.trim();
            // Nobody may talk the host of a request or the length of a body away.
            if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-length") {
                headers.remove(name);
            }
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Where a connection comes from and goes to.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) peer_ip: HeaderValue,
    pub(crate) local: Authority,
}

impl Ends {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        let text = peer.ip().to_canonical().to_string();
        Self {
            peer_ip: HeaderValue::from_str(&text).expect("an IP address is visible ASCII"),
            local: Authority::try_from(local.to_string())
                .expect("a socket address has the form of an authority"),
        }
    }
}

/// Checks the head against the limits and makes it what a worker expects: an absolute URL, no header that speaks about
/// the connection, and the client's address.
pub(crate) fn prepare(
    head: &mut request::Parts,
    limits: &Limits,
    ends: &Ends,
    wants_socket: bool,
) -> Result<(), Refusal> {
    check_size(head, limits)?;
    if head.method == Method::CONNECT {
        return Err(refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "this server is no proxy",
        ));
    }
    head.uri = absolute_uri(head, ends)?;
    strip_hop_by_hop(&mut head.headers);
    if wants_socket {
        // Workers decide by this header whether a WebSocket is wanted.
        head.headers
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        head.extensions.insert(host::WantsSocket);
    }
    head.headers.insert(CONNECTING_IP, ends.peer_ip.clone());
    Ok(())
}

fn check_size(head: &request::Parts, limits: &Limits) -> Result<(), Refusal> {
    const FIELDS: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let url_bytes = head
        .uri
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    if url_bytes > limits.url_bytes {
        return Err(refusal(
            StatusCode::URI_TOO_LONG,
            "the request's URL is too long",
        ));
    }
    if head.headers.len() > limits.header_count {
        return Err(refusal(FIELDS, "the request has too many headers"));
    }
    let header_bytes: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if header_bytes > limits.header_bytes {
        return Err(refusal(FIELDS, "the request's headers are too long"));
    }
    Ok(())
}

fn absolute_uri(head: &request::Parts, ends: &Ends) -> Result<Uri, Refusal> {
    const NO_HOST: Refusal = refusal(
        StatusCode::BAD_REQUEST,
        "the request needs one Host header with a valid host name",
    );
    const NO_TARGET: Refusal = refusal(
        StatusCode::BAD_REQUEST,
        "the request's target must be a path or a URL",
    );
    if let Some(authority) = head.uri.authority() {
        // A target without a scheme, a bare name, is for proxies.
        if !matches!(head.uri.scheme_str(), Some("http" | "https")) {
            return Err(NO_TARGET);
        }
        return match names_a_host(authority) {
            true => Ok(head.uri.clone()),
            false => Err(NO_HOST),
        };
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let authority = match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.is_empty() => {
            Authority::try_from(host.as_bytes()).map_err(|_| NO_HOST)?
        }
        (None, None) if head.version == Version::HTTP_10 => ends.local.clone(),
        _ => return Err(NO_HOST),
    };
    if !names_a_host(&authority) {
        return Err(NO_HOST);
    }
    let path = head
        .uri
        .path_and_query()
        .filter(|path| path.as_str().starts_with('/'))
        .ok_or(NO_TARGET)?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).map_err(|_| NO_HOST)
}

/// Whether URLs with this authority can be parsed: a worker that gets another one could not even read its request.
fn names_a_host(authority: &Authority) -> bool {
    let host = authority.host();
    // What stands behind the host is nothing, or a colon and a port, which may be empty.
    let port_fits = match authority.as_str().strip_prefix(host) {
        Some("" | ":") => true,
        Some(_) => authority.port_u16().is_some(),
        None => false,
    };
    let is_name = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let mut labels = host.trim_end_matches('.').rsplit('.');
            let last = labels.next().unwrap_or_default();
            let is_number = last.starts_with(|sign: char| sign.is_ascii_digit())
                && last.bytes().all(|byte| byte.is_ascii_digit());
            let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !last.is_empty()
                && host.bytes().all(is_sign)
                && (!is_number || host.parse::<std::net::Ipv4Addr>().is_ok())
        }
    };
    port_fits && is_name
}

/// Whether `Connection: Upgrade` and `Upgrade: websocket` are there, and can be.
pub(crate) fn wants_socket(head: &request::Parts) -> bool {
    head.version < Version::HTTP_2
        && has_token(&head.headers, &header::UPGRADE, "websocket")
        && has_token(&head.headers, &header::CONNECTION, "upgrade")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value
            .to_str()
            .unwrap_or_default()
            .split(',')
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    })
}

/// A request's body with a bound, and whether it was passed.
pub(crate) fn bounded_body(
    incoming: Incoming,
    limits: &Limits,
) -> Result<(Body, Option<Arc<AtomicBool>>), Refusal> {
    if incoming.is_end_stream() {
        return Ok((Body::empty(), None));
    }
    if incoming.size_hint().lower() > limits.body_bytes {
        return Err(TOO_LARGE);
    }
    let passed = Arc::new(AtomicBool::new(false));
    let body = Body::wrap(Upload {
        incoming,
        left: limits.body_bytes,
        passed: passed.clone(),
    });
    Ok((body, Some(passed)))
}

/// The answer to a body above the limit.
pub(crate) const TOO_LARGE: Refusal = refusal(
    StatusCode::PAYLOAD_TOO_LARGE,
    "the request's body is too large",
);

struct Upload {
    incoming: Incoming,
    left: u64,
    passed: Arc<AtomicBool>,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let data = match Pin::new(&mut self.incoming).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    let text = format!("the client's request ended early: {error}");
                    return Poll::Ready(Some(Err(BodyError(text))));
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => data,
                    // Workers have no trailers.
                    Err(_trailers) => continue,
                },
            };
            return Poll::Ready(Some(match self.left.checked_sub(data.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Ok(Frame::data(data))
                }
                None => {
                    self.left = 0;
                    self.passed.store(true, Ordering::Release);
                    Err(BodyError(TOO_LARGE.text.to_owned()))
                }
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
