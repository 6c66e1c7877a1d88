//! Following redirects, wherever the responses come from: the network, another worker, static assets.

use std::future::Future;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION,
    PROXY_AUTHORIZATION,
};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use http_body_util::BodyExt;
use protocol::Redirect;

use crate::body::Body;
use crate::fetcher::{FetchError, Request, Response};
use crate::wire::{Fetched, Redirects};

/// As in the Fetch standard.
const MAX_REDIRECTS: usize = 20;

/// Has `send` answer a request, and goes where redirects lead as far as the request wants that.
pub(crate) async fn follow<F>(
    request: Request,
    send: impl Fn(Request) -> F,
) -> Result<Response, FetchError>
where
    F: Future<Output = Result<Response, FetchError>>,
{
    let (parts, body) = request.into_parts();
    // A body can be sent once. One that is here already can be sent again to where a redirect leads.
    let (body, again) = match whole(body).await {
        Ok(bytes) => (Body::full(bytes.clone()), Resend::Bytes(bytes)),
        Err(stream) if http_body::Body::is_end_stream(&stream) => (stream, Resend::Nothing),
        Err(stream) => (stream, Resend::Impossible),
    };
    let mut trail = Trail::new(parts.clone(), again);
    let mut request = Request::from_parts(parts, body);
    loop {
        let mut response = send(request).await?;
        match trail.next(&mut response)? {
            Some(next) => request = next,
            None => return Ok(response),
        }
    }
}

/// A request on its way through redirects.
pub(crate) struct Trail {
    parts: http::request::Parts,
    again: Resend,
    hops: usize,
}

impl Trail {
    /// Of a request that has been sent, whose body cannot be sent again.
    pub(crate) fn of(request: &Request) -> Self {
        let mut head = http::Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.headers_mut() = request.headers().clone();
        *head.extensions_mut() = request.extensions().clone();
        let again = match http_body::Body::is_end_stream(request.body()) {
            true => Resend::Nothing,
            false => Resend::Impossible,
        };
        Self::new(head.into_parts().0, again)
    }

    fn new(parts: http::request::Parts, again: Resend) -> Self {
        Self {
            parts,
            again,
            hops: 0,
        }
    }

    /// The request that a response leads to. `None` when it is the answer, which then says where it comes from.
    pub(crate) fn next(&mut self, response: &mut Response) -> Result<Option<Request>, FetchError> {
        let parts = &mut self.parts;
        let redirects = parts
            .extensions
            .get::<Redirects>()
            .map_or(Redirect::Follow, |redirects| redirects.0);
        let target = redirect_target(&parts.uri, response);
        let (target, redirects) = match (target, redirects) {
            (Some(target), Redirect::Follow | Redirect::Error) => (target, redirects),
            _ => {
                response.extensions_mut().insert(Fetched {
                    url: parts.uri.to_string(),
                    redirected: self.hops > 0,
                });
                return Ok(None);
            }
        };
        if redirects == Redirect::Error {
            return Err(FetchError::Refused(
                "Unexpected redirect: the request was made with redirect mode 'error'.".to_owned(),
            ));
        }
        let target = target.map_err(FetchError::Refused)?;
        if self.hops == MAX_REDIRECTS {
            return Err(FetchError::Refused("Too many redirects.".to_owned()));
        }
        self.hops += 1;
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
            self.again = Resend::Nothing;
        }
        if target.authority() != parts.uri.authority() || target.scheme() != parts.uri.scheme() {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                parts.headers.remove(name);
            }
        }
        parts.uri = target;
        let body = match &self.again {
            Resend::Nothing => Body::empty(),
            Resend::Bytes(bytes) => Body::full(bytes.clone()),
            Resend::Impossible => {
                return Err(FetchError::Refused(
                    "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a \
                     redirect requiring the body to be retransmitted. To avoid this error in the future, construct \
                     this request from a buffer-like body initializer."
                        .to_owned(),
                ));
            }
        };
        Ok(Some(Request::from_parts(parts.clone(), body)))
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
