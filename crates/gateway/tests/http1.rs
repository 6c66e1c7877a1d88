//! What clients of HTTP/1.1 are promised.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use host::{Body, FetchError, Response};
use http_body_util::BodyExt;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

/// Answers with the request as the worker sees it.
fn mirror() -> Arc<dyn host::Fetcher> {
    fetcher(|request: host::Request| async move {
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(error) => return Err(FetchError::Network(error.to_string())),
        };
        let mut lines = vec![format!("{} {}", head.method, head.uri)];
        for (name, value) in &head.headers {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
        lines.push(body);
        text(lines.join("\n"))
    })
}

#[tokio::test]
async fn a_worker_sees_an_absolute_url_and_the_clients_address_but_no_connection_headers() {
    let server = Running::start(options(), mirror());
    let answer = server
        .talk(
            "GET /a/b?c=d HTTP/1.1\r\nHost: example.com:99\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n\
             Keep-Alive: 3\r\nCF-Connecting-IP: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\r\n",
        )
        .await;
    let (status, body) = status_and_body(&answer);
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        body,
        "GET http://example.com:99/a/b?c=d\nhost: example.com:99\nx-forwarded-for: 7.7.7.7\n\
         cf-connecting-ip: 127.0.0.1\n"
    );
}

#[tokio::test]
async fn bad_requests_get_a_status_and_a_sentence() {
    let mut options = options();
    options.limits.header_bytes = 2000;
    options.limits.url_bytes = 100;
    options.limits.body_bytes = 10;
    let server = Running::start(options, mirror());
    let long = "x".repeat(3000);
    let huge = "x".repeat(30_000);
    let many = "A: b\r\n".repeat(101);
    for (request, status, body) in [
        (
            "NONSENSE\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 this is not well-formed HTTP\n",
        ),
        (
            "GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 this is not well-formed HTTP\n",
        ),
        (
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request needs one Host header with a valid host name\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request needs one Host header with a valid host name\n",
        ),
        (
            "GET http://a:99999/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request needs one Host header with a valid host name\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: 1.2.3.999\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request needs one Host header with a valid host name\n",
        ),
        (
            "GET name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request's target must be a path or a URL\n",
        ),
        (
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            "400 the request's target must be a path or a URL\n",
        ),
        (
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 414 URI Too Long",
            "414 the request's URL is too long\n",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {long}\r\n\r\n"),
            "HTTP/1.1 431 Request Header Fields Too Large",
            "431 the request's headers are too long\n",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {huge}"),
            "HTTP/1.1 431 Request Header Fields Too Large",
            "431 the request's headers are too many or too long\n",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
            "HTTP/1.1 431 Request Header Fields Too Large",
            "431 the request's headers are too many or too long\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\n\r\n"
                .to_owned(),
            "HTTP/1.1 413 Payload Too Large",
            "413 the request's body is too large\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
             8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n"
                .to_owned(),
            "HTTP/1.1 413 Payload Too Large",
            "413 the request's body is too large\n",
        ),
        (
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 405 Method Not Allowed",
            "405 this server is no proxy\n",
        ),
    ] {
        let answer = server.talk(&request).await;
        let got = status_and_body(&answer);
        assert_eq!(
            got,
            (status, body),
            "for {}",
            &request[..request.len().min(60)]
        );
    }
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_a_408_and_an_idle_connection_just_closes() {
    let mut options = options();
    options.limits.header_read_timeout = Duration::from_millis(60);
    options.limits.idle_timeout = Duration::from_millis(60);
    let server = Running::start(options, mirror());
    let answer = server.talk("GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert_eq!(
        status_and_body(&answer),
        (
            "HTTP/1.1 408 Request Timeout",
            "408 the request's headers took too long to arrive\n"
        )
    );
    assert_eq!(server.talk("").await, "");
    let answer = server.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("127.0.0.1\n"), "{answer}");
}

#[tokio::test]
async fn a_workers_own_empty_400_stays_as_it_is() {
    let server = Running::start(
        options(),
        fetcher(|_| async {
            Ok(http::Response::builder()
                .status(400)
                .body(Body::empty())
                .unwrap())
        }),
    );
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = server
        .talk(&format!(
            "{request}{request}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ))
        .await;
    assert_eq!(answer.matches("content-length: 0").count(), 3, "{answer}");
    assert!(!answer.contains("well-formed"), "{answer}");
}

#[tokio::test]
async fn a_response_streams_as_the_worker_writes_it() {
    let (parts, receiver) = mpsc::channel::<&'static str>(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let server = Running::start(
        options(),
        fetcher(move |_| {
            let mut receiver = receiver.lock().unwrap().take().unwrap();
            async move {
                let frames = futures_util::stream::poll_fn(move |context| {
                    receiver
                        .poll_recv(context)
                        .map(|part| part.map(|part| Ok(http_body::Frame::data(part.into()))))
                });
                Ok(Response::new(Body::wrap(http_body_util::StreamBody::new(
                    frames,
                ))))
            }
        }),
    );
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    for part in ["one", "two"] {
        parts.send(part).await.unwrap();
        while !seen.contains(part) {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "{seen}");
            seen.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    }
    assert!(seen.contains("transfer-encoding: chunked"), "{seen}");
    drop(parts);
    stream.read_to_string(&mut seen).await.unwrap();
    assert!(seen.ends_with("0\r\n\r\n"), "{seen}");
}

#[tokio::test]
async fn expect_continue_is_answered_when_the_worker_reads() {
    let server = Running::start(options(), mirror());
    let mut stream = server.connect().await;
    stream
        .write_all(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        )
        .await
        .unwrap();
    let mut bytes = [0; 1024];
    let count = stream.read(&mut bytes).await.unwrap();
    assert_eq!(&bytes[..count], b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\nhello"), "{answer}");
}

#[tokio::test]
async fn a_length_that_the_worker_made_up_is_not_sent() {
    let server = Running::start(
        options(),
        fetcher(|_| async {
            let frame = http_body::Frame::data(bytes::Bytes::from_static(b"rewritten"));
            let frames = futures_util::stream::iter([Ok(frame)]);
            let mut response = Response::new(Body::wrap(http_body_util::StreamBody::new(frames)));
            let wrong = http::HeaderValue::from_static("4");
            response.headers_mut().insert("content-length", wrong);
            Ok(response)
        }),
    );
    let answer = server
        .talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(!answer.contains("content-length"), "{answer}");
    assert!(
        answer.ends_with("\r\n9\r\nrewritten\r\n0\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let server = Running::start(options(), fetcher(|_| async { text("12345") }));
    let answer = server
        .talk("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("content-length: 5\r\n"), "{answer}");
    assert_eq!(status_and_body(&answer).1, "");
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request() {
    let (began, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Running::start(options(), {
        let (began, dropped) = (began.clone(), dropped.clone());
        fetcher(move |_| {
            let (began, guard) = (began.clone(), Dropped(dropped.clone()));
            async move {
                let _guard = guard;
                began.notify_one();
                std::future::pending().await
            }
        })
    });
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    began.notified().await;
    drop(stream);
    dropped.notified().await;
}

#[tokio::test]
async fn a_swap_and_a_shutdown_leave_requests_in_flight_alone() {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut server = Running::start(options(), {
        let (began, go) = (began.clone(), go.clone());
        fetcher(move |_| {
            let (began, go) = (began.clone(), go.clone());
            async move {
                began.notify_one();
                go.notified().await;
                text("old")
            }
        })
    });
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut old = server.connect().await;
    old.write_all(request.as_bytes()).await.unwrap();
    began.notified().await;

    server
        .handle
        .swap(target(fetcher(|_| async { text("new") })));
    let new = server
        .talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(new.ends_with("new"), "{new}");

    server.stop.take().unwrap().send(()).unwrap();
    // The port is given back at once.
    while tokio::net::TcpStream::connect(server.address).await.is_ok() {}
    go.notify_one();
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("old"), "{answer}");
    server.task.await.unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let mut options = options();
    options.limits.connections = 1;
    let server = Running::start(options, mirror());
    let mut first = server.connect().await;
    first
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert_ne!(first.read(&mut [0; 1024]).await.unwrap(), 0);
    let answer = server.talk("").await;
    assert_eq!(
        status_and_body(&answer),
        (
            "HTTP/1.1 503 Service Unavailable",
            "503 the server has too many connections\n"
        )
    );
}

#[tokio::test]
async fn errors_show_nothing_of_the_workers_inside() {
    let server = Running::start(
        options(),
        fetcher(|_| async {
            Err(FetchError::Worker(protocol::Failure {
                message: "secret".into(),
                stack: "secret".into(),
                ..Default::default()
            }))
        }),
    );
    let answer = server
        .talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(
        status_and_body(&answer),
        (
            "HTTP/1.1 500 Internal Server Error",
            "500 error code: 1101, the worker threw an exception\n"
        )
    );
    assert!(!answer.contains("secret"));
}

#[tokio::test]
async fn every_answer_is_in_the_access_log_once() {
    let (sender, mut records) = mpsc::unbounded_channel();
    let mut options = options();
    options.access_log = Some(Arc::new(move |record| {
        let _ = sender.send(record);
    }));
    let count = Arc::new(AtomicUsize::new(0));
    let server = Running::start(options, {
        let count = count.clone();
        fetcher(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async { text("12345") }
        })
    });
    server
        .talk("GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    let record = records.recv().await.unwrap();
    assert_eq!(
        (
            record.method.as_str(),
            record.path.as_str(),
            record.status.as_u16(),
            record.bytes,
            &*record.worker
        ),
        ("GET", "/a?b", 200, 5, "test")
    );
    assert!(records.try_recv().is_err());
}

#[tokio::test]
async fn a_port_in_use_is_named_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = gateway::Gateway::bind(gateway::Options::new(address), target(mirror()))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "port {} of 127.0.0.1 is in use by another program",
            address.port()
        )
    );
    assert!(error.hint().contains("--port"));
}
