//! What WebSocket clients are promised.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
mod support;

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use host::{Body, SocketEnd, SocketMessage};
use support::*;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A server whose worker accepts one socket, and the worker's end of it.
fn server() -> (Running, SocketEnd) {
    let (worker, gateway) = SocketEnd::pair();
    let gateway = Arc::new(Mutex::new(Some(gateway)));
    let mut options = options();
    options.limits.socket_message_bytes = 1000;
    let server = Running::start(
        options,
        fetcher(move |request: host::Request| {
            let gateway = gateway.clone();
            async move {
                let mut response = http::Response::builder().status(101);
                if let Some(protocols) = request.headers().get("sec-websocket-protocol") {
                    let first = protocols.to_str().unwrap().split(',').next().unwrap();
                    response = response.header("sec-websocket-protocol", first);
                }
                let mut response = response.body(Body::empty()).unwrap();
                if let Some(end) = gateway.lock().unwrap().take() {
                    end.attach(response.extensions_mut());
                }
                Ok(response)
            }
        }),
    );
    (server, worker)
}

async fn connect(server: &Running) -> WebSocketStream<TcpStream> {
    let stream = server.connect().await;
    let url = format!("ws://{}/chat", server.address);
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    socket
}

#[tokio::test]
async fn messages_pass_both_ways_and_pings_are_answered() {
    let (server, mut worker) = server();
    let mut client = connect(&server).await;
    client.send(Message::text("héllo")).await.unwrap();
    client
        .send(Message::binary(b"\0\xff".to_vec()))
        .await
        .unwrap();
    assert_eq!(
        worker.incoming.recv().await,
        Some(SocketMessage::Text("héllo".into()))
    );
    assert_eq!(
        worker.incoming.recv().await,
        Some(SocketMessage::Binary(b"\0\xff".as_slice().into()))
    );
    worker
        .outgoing
        .send(SocketMessage::Text("hi".into()))
        .await
        .unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("hi"));
    client.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong("x".into())
    );
}

#[tokio::test]
async fn the_subprotocol_that_the_worker_chose_reaches_the_client() {
    let (server, _worker) = server();
    let mut request = format!("ws://{}/", server.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "chat, other".parse().unwrap());
    let (_, response) = tokio_tungstenite::client_async(request, server.connect().await)
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
}

#[tokio::test]
async fn close_codes_and_reasons_pass_both_ways() {
    let close = |code: u16, reason: &'static str| CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    {
        let (server, mut worker) = server();
        let mut client = connect(&server).await;
        client.close(Some(close(4001, "bye"))).await.unwrap();
        assert_eq!(
            worker.incoming.recv().await,
            Some(SocketMessage::Close(Some(4001), "bye".into()))
        );
        // A worker that goes without an answer has the same answered for it.
        drop(worker);
        assert_eq!(
            client.next().await.unwrap().unwrap(),
            Message::Close(Some(close(4001, "bye")))
        );
        assert!(client.next().await.is_none());
    }
    let (server, mut worker) = server();
    let mut client = connect(&server).await;
    worker
        .outgoing
        .send(SocketMessage::Close(Some(1000), "done".into()))
        .await
        .unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Close(Some(close(1000, "done")))
    );
    assert!(client.next().await.is_none());
    assert_eq!(
        worker.incoming.recv().await,
        Some(SocketMessage::Close(Some(1000), "done".into()))
    );
}

#[tokio::test]
async fn a_broken_connection_and_a_lost_worker_are_no_clean_closes() {
    {
        let (server, mut worker) = server();
        drop(connect(&server).await);
        assert_eq!(
            worker.incoming.recv().await,
            Some(SocketMessage::Broken(
                "WebSocket disconnected without sending Close frame.".to_owned()
            ))
        );
        // The client may still read, so the connection is the worker's until it lets go.
        let SocketEnd {
            mut incoming,
            outgoing,
        } = worker;
        drop(outgoing);
        assert_eq!(incoming.recv().await, None);
    }
    let (server, worker) = server();
    let mut client = connect(&server).await;
    drop(worker);
    assert!(matches!(client.next().await, Some(Err(Error::Protocol(_)))));
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_with_1009() {
    let (server, mut worker) = server();
    let mut client = connect(&server).await;
    client.send(Message::text("x".repeat(1001))).await.unwrap();
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(u16::from(frame.code), 1009);
    assert_eq!(
        worker.incoming.recv().await,
        Some(SocketMessage::Refused(
            "WebSocket protocol error; protocolError.statusCode = 1009; \
             protocolError.description = Message is too large: 1001 > 1000"
                .to_owned()
        ))
    );
}

/// A client that sends all of it before it reads: much more than the system keeps for a connection.
#[tokio::test]
async fn who_sends_what_is_refused_reads_why() {
    let (server, _worker) = server();
    let mut client = connect(&server).await;
    let long = vec![0; 32 * 1024 * 1024];
    client.send(Message::binary(long)).await.unwrap();
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(u16::from(frame.code), 1009);
    assert_eq!(
        frame.reason.as_str(),
        "Message is too large: 33554432 > 1000"
    );
}

#[tokio::test]
async fn a_client_that_has_closed_hears_what_is_still_sent() {
    let (server, mut worker) = server();
    let mut client = connect(&server).await;
    // The library answers for itself that it has closed, and reads on.
    client.close(None).await.unwrap();
    assert_eq!(
        worker.incoming.recv().await,
        Some(SocketMessage::Close(None, String::new()))
    );
    for message in [
        SocketMessage::Text("still".into()),
        SocketMessage::Close(Some(4010), "late".to_owned()),
    ] {
        worker.outgoing.send(message).await.unwrap();
    }
    let said = client.next().await.unwrap().unwrap();
    assert_eq!(said, Message::text("still"));
    let said = client.next().await.unwrap().unwrap();
    assert!(
        matches!(&said, Message::Close(Some(frame)) if u16::from(frame.code) == 4010),
        "{said}"
    );
    assert!(client.next().await.is_none());
    assert_eq!(worker.incoming.recv().await, None);
}

#[tokio::test]
async fn a_shutdown_closes_sockets_with_1001() {
    let (mut server, mut worker) = server();
    let mut client = connect(&server).await;
    server.stop.take().unwrap().send(()).unwrap();
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
        panic!("no close frame");
    };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(matches!(
        worker.incoming.recv().await,
        Some(SocketMessage::Close(Some(1001), _))
    ));
    server.task.await.unwrap();
}

#[tokio::test]
async fn handshakes_that_are_wrong_are_told_why() {
    let (server, _worker) = server();
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
    let upgrade = "Connection: close, Upgrade\r\nUpgrade: WebSocket\r\n";
    for (method, headers, status, body) in [
        (
            "GET",
            format!("{upgrade}{KEY}"),
            "HTTP/1.1 426 Upgrade Required",
            "426 a WebSocket handshake needs Sec-WebSocket-Version: 13\n",
        ),
        (
            "GET",
            format!("{upgrade}{VERSION}Sec-WebSocket-Key: short\r\n"),
            "HTTP/1.1 400 Bad Request",
            "400 a WebSocket handshake needs a Sec-WebSocket-Key of 16 bytes in base64\n",
        ),
        (
            "POST",
            format!("{upgrade}{VERSION}{KEY}"),
            "HTTP/1.1 400 Bad Request",
            "400 a WebSocket handshake is a GET with HTTP/1.1\n",
        ),
    ] {
        let answer = server
            .talk(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
            .await;
        assert_eq!(status_and_body(&answer), (status, body));
    }
    // The worker answers 101 to whatever comes, so a request that asked for none must not be upgraded.
    let answer = server
        .talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUpgrade: websocket2\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
}
