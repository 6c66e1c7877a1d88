//! WebSockets that would carry more than their policy allows, in either direction, and what is told of that.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use host::{Policy, PolicyOptions};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::outside::*;
use crate::workers::*;

/// A server that sends everything back, and a thousand messages of 100 bytes to those who say "flood". Gives how connections
/// were closed.
async fn echo() -> (
    SocketAddr,
    tokio::sync::mpsc::UnboundedReceiver<Option<u16>>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, ends) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let closed = closed.clone();
            tokio::spawn(async move {
                let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let (mut sink, mut stream) = socket.split();
                let mut code = None;
                while let Some(Ok(message)) = stream.next().await {
                    if let Message::Close(frame) = &message {
                        code = frame.as_ref().map(|frame| frame.code.into());
                        // It is answered when more is asked for.
                        continue;
                    }
                    if message == Message::text("flood") {
                        for _ in 0..1000 {
                            drop(sink.send(Message::text("x".repeat(100))).await);
                        }
                    }
                    if sink.send(message).await.is_err() {
                        break;
                    }
                }
                closed.send(code).ok();
            });
        }
    });
    (address, ends)
}

/// What a worker sees that opens a socket through a policy and runs this: what was received, and how it was closed.
async fn gives(address: SocketAddr, bound: impl FnOnce(&mut PolicyOptions), run: &str) -> String {
    let mut options = options("tight", vec![rule(&format!("http://{address}/"))]);
    bound(&mut options);
    let code = format!(
        "const {{ webSocket }} = await env.OUT.fetch('http://{address}/', {{ headers: {{ upgrade: 'websocket' }} }}); webSocket.accept(); \
         let received = 0, count = 0; webSocket.addEventListener('message', ({{ data }}) => {{ received += data.length; count += 1; }}); \
         const closed = new Promise((resolve) => webSocket.addEventListener('close', ({{ code, reason }}) => resolve(`${{code}} ${{reason}}`))); \
         const until = async (test) => {{ while (!test()) await scheduler.wait(1); }}; {run}"
    );
    let app = App::fetch(&code).without_powers();
    let app = app.service("OUT", Arc::new(Policy::new(options)));
    text(&app.deploy().await, "/").await
}

#[test]
fn what_is_sent_on_a_socket_is_bounded() {
    run(async {
        let (address, mut ends) = echo().await;
        let answer = gives(
            address,
            |options| options.max_request_bytes = Some(1000),
            "for (let i = 0; i < 10; i += 1) webSocket.send('x'.repeat(100)); await until(() => count === 10); \
             webSocket.send('!'); return new Response(`${received} ${await closed}`);",
        )
        .await;
        assert_eq!(
            answer,
            "1000 1009 more than 1000 bytes were sent (maxRequestBytes)"
        );
        assert_eq!(ends.recv().await, Some(Some(1009)));
        // Its size is known before it is sent.
        let answer = gives(
            address,
            |options| options.max_request_bytes = Some(1000),
            "webSocket.send(new Uint8Array(1001)); return new Response(`${received} ${await closed}`);",
        )
        .await;
        assert!(answer.starts_with("0 1009 "), "{answer}");
    });
}

#[test]
fn what_comes_on_a_socket_is_bounded() {
    run(async {
        let (address, mut ends) = echo().await;
        let answer = gives(
            address,
            |options| options.max_response_bytes = Some(2050),
            "webSocket.send('flood'); return new Response(`${await closed} ${received}`);",
        )
        .await;
        assert_eq!(
            answer,
            "1009 more than 2050 bytes were received (maxResponseBytes) 2000"
        );
        assert_eq!(ends.recv().await, Some(Some(1009)));
    });
}

#[test]
fn messages_on_a_socket_count_as_requests() {
    run(async {
        let (address, mut ends) = echo().await;
        let answer = gives(
            address,
            // The first one opens the socket.
            |options| options.requests_per_minute = Some(4),
            "for (let i = 0; i < 3; i += 1) webSocket.send('x'); await until(() => count === 3); webSocket.send('x'); \
             return new Response(`${count} ${await closed}`);",
        )
        .await;
        assert_eq!(
            answer,
            "3 1008 there were more than 4 messages in a minute (requestsPerMinute)"
        );
        assert_eq!(ends.recv().await, Some(Some(1008)));
    });
}

#[test]
fn a_socket_within_its_bounds_ends_as_its_ends_wish() {
    run(async {
        let (address, mut ends) = echo().await;
        let answer = gives(
            address,
            |options| {
                options.max_request_bytes = Some(100);
                options.max_response_bytes = Some(100);
            },
            "webSocket.send('there'); await until(() => count === 1); webSocket.close(4000, 'done'); \
             return new Response(`${received} ${await closed}`);",
        )
        .await;
        assert_eq!(answer, "5 4000 done");
        assert_eq!(ends.recv().await, Some(Some(4000)));
    });
}
