//! Between HTTP types and frames.

use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Method, StatusCode, Uri};
use protocol::limits::MAX_URL_BYTES;
use protocol::{Headers, Redirect};

use crate::body::Body;
use crate::fetcher::{Request, Response};

/// More than most schemes and hosts have, with what stands around them.
const USUAL_ORIGIN_BYTES: usize = 64;

/// A request's URL as text.
pub(crate) fn url(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let mut url = String::with_capacity(USUAL_ORIGIN_BYTES + path);
    write!(url, "{uri}").expect("a string takes whatever is written");
    url
}

/// How a response was got, in its extensions.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The URL after redirects.
    pub url: String,
    /// A redirect was followed.
    pub redirected: bool,
}

/// How a request wants redirects handled, in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Redirects(pub Redirect);

/// A response's own reason phrase.
#[derive(Clone, Debug)]
pub(crate) struct Reason(String);

/// A request as an isolate describes it.
pub(crate) fn request(request: &protocol::Request<'_>, body: Body) -> Result<Request, String> {
    if request.url.len() > MAX_URL_BYTES {
        return Err("a URL that is too long".to_owned());
    }
    let uri: Uri = request
        .url
        .parse()
        .map_err(|_| "a URL that is none".to_owned())?;
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| "a method that is none".to_owned())?;
    let mut made = Request::new(body);
    *made.method_mut() = method;
    *made.uri_mut() = uri;
    *made.headers_mut() = headers(&request.headers);
    made.extensions_mut().insert(Redirects(request.redirect));
    if request.websocket {
        made.extensions_mut().insert(WantsSocket);
    }
    if let Some(cf) = request.cf {
        made.extensions_mut().insert(Cf(cf.into()));
    }
    Ok(made)
}

/// The request asks for a WebSocket, in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct WantsSocket;

/// JSON for `request.cf`, in the extensions of a request.
#[derive(Clone, Debug)]
pub struct Cf(pub Arc<str>);

/// A response as an isolate describes it.
pub(crate) fn response(response: &protocol::Response<'_>, body: Body) -> Result<Response, String> {
    let status =
        StatusCode::from_u16(response.status).map_err(|_| "a status that is none".to_owned())?;
    if !(200..=599).contains(&response.status)
        && (response.status, response.socket.is_some()) != (101, true)
    {
        return Err("a status that a response cannot have".to_owned());
    }
    let mut made = Response::new(body);
    *made.status_mut() = status;
    *made.headers_mut() = headers(&response.headers);
    if !response.status_text.is_empty() && status.canonical_reason() != Some(response.status_text) {
        made.extensions_mut()
            .insert(Reason(response.status_text.to_owned()));
    }
    Ok(made)
}

/// The reason phrase of a response.
pub(crate) fn reason(status: StatusCode, extensions: &Extensions) -> &str {
    match extensions.get::<Reason>() {
        Some(Reason(text)) => text,
        None => status.canonical_reason().unwrap_or(""),
    }
}

/// Headers that HTTP cannot carry are left out: control characters in a value, mostly.
fn headers(wire: &Headers<'_>) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(wire.0.len());
    for (name, value) in &wire.0 {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

/// The headers of a request or response for a frame.
pub(crate) fn response_headers(map: &HeaderMap) -> Headers<'_> {
    Headers(
        map.iter()
            .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
            .collect(),
    )
}
