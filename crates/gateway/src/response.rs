//! From what a worker answers to the response on the wire.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use host::{Body, BodyError, FetchError};
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};

use crate::access::Pending;
use crate::request::strip_hop_by_hop;
use crate::wire::Activity;

/// Tells a connection that a request is over, and the access log what became of it.
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    pub(crate) record: Option<Pending>,
}

impl InFlight {
    pub(crate) fn new(activity: Arc<Activity>) -> Self {
        activity.request_began();
        Self {
            activity,
            record: None,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.request_ended();
    }
}

/// A response's body on its way to hyper.
pub(crate) struct Outgoing {
    body: Option<Body>,
    in_flight: InFlight,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        loop {
            let frame = match ready!(Pin::new(&mut *body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => frame,
            };
            if let Some(data) = frame.data_ref() {
                if let Some(record) = &mut self.in_flight.record {
                    record.add_bytes(data.len());
                }
                return Poll::Ready(Some(Ok(frame)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

/// Makes a worker's response one that can be sent: its own connection headers and trailers go, and a body where HTTP
/// has none.
pub(crate) fn finish(
    response: host::Response,
    method: &Method,
    mut in_flight: InFlight,
) -> Response<Outgoing> {
    let (mut head, body) = response.into_parts();
    strip_hop_by_hop(&mut head.headers);
    let exact = body.size_hint().exact();
    let bodyless = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    ) || head.status.is_informational();
    let body = if bodyless {
        if head.status != StatusCode::NOT_MODIFIED {
            head.headers.remove(header::CONTENT_LENGTH);
        }
        None
    } else if method == Method::HEAD {
        if let Some(length) = exact.filter(|length| *length > 0) {
            head.headers
                .entry(header::CONTENT_LENGTH)
                .or_insert(HeaderValue::from(length));
        }
        None
    } else {
        // The number of bytes that there are is right, whatever the worker said: workers put streams of their own under
        // the headers of responses that they fetched.
        head.headers.remove(header::CONTENT_LENGTH);
        Some(body)
    };
    if let Some(record) = &mut in_flight.record {
        record.set_status(head.status);
    }
    Response::from_parts(head, Outgoing { body, in_flight })
}

/// A short text of the gateway's own.
pub(crate) fn text(status: StatusCode, text: &str) -> host::Response {
    let mut response = Response::new(Body::full(format!("{} {text}\n", status.as_u16())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// What a client sees of an error: what kind it is, and nothing of the worker's inside.
pub(crate) fn for_error(error: &FetchError) -> host::Response {
    use protocol::FailureKind;
    match error {
        FetchError::Worker(failure) => match failure.kind {
            FailureKind::Cpu | FailureKind::Memory | FailureKind::WallTime => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "error code: 1102, the worker exceeded a resource limit",
            ),
            FailureKind::NoHandler => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "error code: 1101, the worker has no fetch handler",
            ),
            FailureKind::Hung => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "error code: 1101, the worker would never have answered",
            ),
            FailureKind::Exception
            | FailureKind::Syntax
            | FailureKind::Reset
            | FailureKind::Blocked => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "error code: 1101, the worker threw an exception",
            ),
        },
        FetchError::Lost { .. } => retry_later(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the worker was lost while it answered",
        )),
        FetchError::Overloaded(_) => retry_later(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the worker is overloaded",
        )),
        FetchError::Refused(_) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request could not be answered",
        ),
        FetchError::Network(_) => text(
            StatusCode::BAD_GATEWAY,
            "the request could not be passed on",
        ),
    }
}

fn retry_later(mut response: host::Response) -> host::Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A whole HTTP/1.1 response in bytes, for a client whose request hyper cannot read. It ends the connection.
pub(crate) fn raw_answer(status: u16, text: &str) -> Vec<u8> {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let body = format!("{status} {text}\n");
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )
    .into_bytes()
}
