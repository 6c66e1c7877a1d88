//! What clients of HTTP/2 are promised.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::*;
use tokio::sync::Barrier;

async fn connect(server: &Running) -> SendRequest<Full<bytes::Bytes>> {
    let io = TokioIo::new(server.connect().await);
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn requests_of_one_connection_run_at_the_same_time() {
    // Each answers only once both have come.
    let both = Arc::new(Barrier::new(2));
    let server = Running::start(
        options(),
        fetcher(move |request: host::Request| {
            let both = both.clone();
            async move {
                both.wait().await;
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                text(format!("{} {}", head.uri, String::from_utf8_lossy(&body)))
            }
        }),
    );
    let mut client = connect(&server).await;
    let mut ask = |path: &str| {
        let request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(format!("http://example.com{path}"))
            .body(Full::from("body"))
            .unwrap();
        client.send_request(request)
    };
    let (a, b) = tokio::join!(ask("/a"), ask("/b"));
    for (response, expected) in [
        (a.unwrap(), "http://example.com/a body"),
        (b.unwrap(), "http://example.com/b body"),
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn limits_hold_for_http2_as_well() {
    let mut options = options();
    options.limits.url_bytes = 100;
    options.limits.body_bytes = 10;
    let server = Running::start(options, fetcher(|_| async { text("") }));
    let mut client = connect(&server).await;
    for (path, body, status) in [
        ("/".repeat(101), "", StatusCode::URI_TOO_LONG),
        ("/".to_owned(), "12345678901", StatusCode::PAYLOAD_TOO_LARGE),
        ("/".to_owned(), "", StatusCode::OK),
    ] {
        let request = Request::post(format!("http://h{path}"))
            .body(Full::from(body))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn headers_that_are_too_long_end_their_own_request() {
    let server = Running::start(options(), fetcher(|_| async { text("") }));
    let mut client = connect(&server).await;
    for (length, status) in [
        (200_000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        (100_000, StatusCode::OK),
    ] {
        let request = Request::get("http://h/")
            .header("x", "a".repeat(length))
            .body(Full::default())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}
