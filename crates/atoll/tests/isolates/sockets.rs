//! WebSockets, as messages.

use std::sync::Arc;

use host::{Body, Fetcher, SocketEnd, SocketMessage, WantsSocket};

use crate::workers::*;

const ECHO: &str = "const { 0: client, 1: server } = new WebSocketPair(); server.accept(); server.binaryType = 'arraybuffer'; \
    server.addEventListener('message', ({ data }) => server.send(typeof data === 'string' ? `echo ${data}` : data)); \
    server.addEventListener('close', ({ code, reason, wasClean }) => { console.log('closed', code, reason, wasClean); server.close(code, 'bye'); }); \
    return new Response(null, { status: 101, webSocket: client });";

/// Opens a socket to a worker.
async fn connect(worker: &dyn Fetcher) -> SocketEnd {
    let mut upgrade = request("GET", "/", Body::empty());
    upgrade
        .headers_mut()
        .insert("upgrade", "websocket".parse().unwrap());
    upgrade.extensions_mut().insert(WantsSocket);
    let mut response = worker.fetch(upgrade).await.unwrap();
    assert_eq!(response.status(), 101);
    SocketEnd::detach(response.extensions_mut()).expect("a 101 should carry a socket")
}

fn message(text: &str) -> SocketMessage {
    SocketMessage::Text(text.into())
}

#[test]
fn messages_go_both_ways_until_both_sides_close() {
    run(async {
        let worker = App::fetch(ECHO).deploy().await;
        let mut log = Log::of(worker.name()).await;
        let mut socket = connect(&worker).await;
        for text in ["one", "zwö", ""] {
            socket.outgoing.send(message(text)).await.unwrap();
            assert_eq!(
                socket.incoming.recv().await,
                Some(message(&format!("echo {text}")))
            );
        }
        let bytes = SocketMessage::Binary(vec![0, 1, 255].into());
        socket.outgoing.send(bytes.clone()).await.unwrap();
        assert_eq!(socket.incoming.recv().await, Some(bytes));
        socket
            .outgoing
            .send(SocketMessage::Close(Some(4001), "done".to_owned()))
            .await
            .unwrap();
        assert_eq!(
            socket.incoming.recv().await,
            Some(SocketMessage::Close(Some(4001), "done".to_owned()))
        );
        assert_eq!(log.next().await.message, "closed 4001 done true");
    });
}

#[test]
fn a_connection_that_breaks_is_told() {
    run(async {
        let worker = App::fetch(ECHO).deploy().await;
        let mut log = Log::of(worker.name()).await;
        drop(connect(&worker).await);
        let line = log.next().await.message;
        assert!(line.starts_with("closed 1006 "), "{line}");
        assert!(line.ends_with(" false"), "{line}");
    });
}

#[test]
fn an_isolate_that_dies_breaks_its_sockets() {
    run(async {
        let worker = App::fetch(ECHO)
            .limits(|limits| limits.cpu_ms = 50)
            .deploy()
            .await;
        let mut socket = connect(&worker).await;
        for process in worker.processes() {
            std::process::Command::new("kill")
                .args(["-9", &process.to_string()])
                .status()
                .unwrap();
        }
        assert_eq!(
            socket.incoming.recv().await,
            Some(SocketMessage::Broken("Network connection lost.".to_owned()))
        );
    });
}

#[test]
fn sockets_pass_through_a_service_binding() {
    run(async {
        let callee = App::fetch(ECHO).deploy().await;
        let through = App::fetch("return env.CALLEE.fetch(request);")
            .service("CALLEE", Arc::new(callee.clone()))
            .deploy()
            .await;
        let mut socket = connect(&through).await;
        socket.outgoing.send(message("hi")).await.unwrap();
        assert_eq!(socket.incoming.recv().await, Some(message("echo hi")));

        let talks = App::fetch(
            "const { webSocket } = await env.CALLEE.fetch('http://x.test/', { headers: { upgrade: 'websocket' } }); webSocket.accept(); \
             const reply = new Promise((resolve) => webSocket.addEventListener('message', ({ data }) => resolve(data))); \
             webSocket.send('from a worker'); const text = await reply; webSocket.close(1000, 'enough'); return new Response(text);",
        )
        .service("CALLEE", Arc::new(callee))
        .deploy()
        .await;
        assert_eq!(text(&talks, "/").await, "echo from a worker");
    });
}

#[test]
fn many_messages_arrive_in_order() {
    run(async {
        let worker = App::fetch(ECHO).deploy().await;
        let SocketEnd {
            mut incoming,
            outgoing,
        } = connect(&worker).await;
        tokio::spawn(async move {
            for number in 0..5_000 {
                outgoing.send(message(&number.to_string())).await.unwrap();
            }
            std::future::pending::<()>().await;
            drop(outgoing);
        });
        for number in 0..5_000 {
            assert_eq!(
                incoming.recv().await,
                Some(message(&format!("echo {number}")))
            );
        }
    });
}

#[test]
fn two_ends_in_one_isolate_talk() {
    run(async {
        let worker = App::fetch(
            "const { 0: a, 1: b } = new WebSocketPair(); a.accept(); b.accept(); const seen = []; \
             b.addEventListener('message', ({ data }) => { seen.push(data); b.send(data + '!'); }); \
             const closed = new Promise((resolve) => b.addEventListener('close', ({ code }) => resolve(code))); \
             const answered = new Promise((resolve) => a.addEventListener('message', ({ data }) => resolve(data))); \
             a.send('x'); const answer = await answered; a.close(4000); return new Response(`${seen} ${answer} ${await closed}`);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "x x! 4000");
    });
}
