//! Whatever a client writes to a connection, a worker gets requests that are as promised or none, and the connection ends.
#![no_main]

use std::future::Future;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gateway::{Gateway, Limits, Options, Target};
use host::{Body, FetchError, Fetcher, Request, Response};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A connection that is open for longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);

fn limits() -> Limits {
    Limits {
        header_bytes: 2000,
        header_count: 20,
        url_bytes: 200,
        body_bytes: 1000,
        header_read_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Looks at what it is given, and sends the body back.
struct Strict;

impl Fetcher for Strict {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async {
            let (head, body) = request.into_parts();
            assert!(head.uri.scheme().is_some() && head.uri.host().is_some());
            assert!(head.uri.path().starts_with('/'), "{}", head.uri);
            for name in [
                "connection",
                "keep-alive",
                "te",
                "trailer",
                "transfer-encoding",
            ] {
                assert!(!head.headers.contains_key(name), "{name}");
            }
            let addresses = head.headers.get_all("cf-connecting-ip").iter();
            assert_eq!(
                addresses.map(|value| value.as_bytes()).collect::<Vec<_>>(),
                [b"127.0.0.1"]
            );
            let bytes: usize = head
                .headers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum();
            // The client's address, and that a WebSocket is wanted, come from the gateway.
            assert!(
                bytes <= limits().header_bytes + 60
                    && head.headers.len() <= limits().header_count + 2
            );
            let Ok(body) = body.collect().await else {
                return Ok(Response::new(Body::full("half a body")));
            };
            let body = body.to_bytes();
            assert!(body.len() as u64 <= limits().body_bytes);
            Ok(Response::new(Body::full(body)))
        })
    }
}

static RUNTIME: LazyLock<(Runtime, SocketAddr)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there is room");
    let address = {
        let _inside = runtime.enter();
        let mut options = Options::new("127.0.0.1:0".parse().expect("it is an address"));
        options.limits = limits();
        let target = Target {
            name: "strict".into(),
            fetcher: Arc::new(Strict),
        };
        let gateway = Gateway::bind(options, target).expect("there is a port");
        let address = gateway.address();
        tokio::spawn(gateway.run(std::future::pending()));
        address
    };
    (runtime, address)
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, address) = &*RUNTIME;
    let conversation = async {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // It may have closed already.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        // Ports that wait for a peer which is gone would soon be all there are.
        let stream = stream.into_std().expect("it is open");
        let _ = stream.shutdown(Shutdown::Both);
        answer
    };
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, conversation).await });
    let answer = answer.expect("the connection ends");
    // HTTP/2 begins with a frame of settings.
    let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.") || answer.get(3) == Some(&4);
    assert!(is_http, "{}", String::from_utf8_lossy(&answer));
});
