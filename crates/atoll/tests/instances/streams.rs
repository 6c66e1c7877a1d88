//! `fetch()` on stubs: bodies that flow both ways, and WebSockets.

use host::{Body, Fetcher, SocketEnd, SocketMessage, WantsSocket};

use crate::stage::*;
use crate::workers::{channel, chunk, request, run};

#[test]
fn bodies_flow_through_a_stub_both_ways() {
    run(async {
        let stage = Stage::of(
            "async fetch(request) {
                 const upper = new TransformStream({
                     transform(chunk, controller) {
                         controller.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase()));
                     },
                 });
                 request.body.pipeTo(upper.writable);
                 return new Response(upper.readable, { status: 203, headers: { 'x-name': this.ctx.id.name } });
             }",
        )
        .await;
        let (sender, body) = channel(1);
        let response = stage
            .caller
            .fetch(request("POST", "/x/fetch", body))
            .await
            .unwrap();
        assert_eq!(response.status(), 203);
        assert_eq!(response.headers()["x-name"], "x");
        let mut body = response.into_body();
        for (sent, received) in [("one", "ONE"), ("two", "TWO")] {
            sender.send(Ok(sent.into())).await.unwrap();
            assert_eq!(chunk(&mut body).await.unwrap().unwrap(), received);
        }
        drop(sender);
        assert!(chunk(&mut body).await.is_none());
    });
}

#[test]
fn a_socket_goes_through_a_stub() {
    run(async {
        let stage = Stage::of(
            "async fetch() {
                 const { 0: client, 1: server } = new WebSocketPair();
                 server.accept();
                 let count = 0;
                 server.addEventListener('message', async ({ data }) => {
                     count += 1;
                     await this.ctx.storage.put('count', count);
                     server.send(`${count} ${data}`);
                 });
                 server.addEventListener('close', ({ code }) => server.close(code, 'bye'));
                 return new Response(null, { status: 101, webSocket: client });
             }
             async count() { return await this.ctx.storage.get('count'); }",
        )
        .await;
        let mut upgrade = request("GET", "/x/fetch", Body::empty());
        let value = "websocket".parse().unwrap();
        upgrade.headers_mut().insert("upgrade", value);
        upgrade.extensions_mut().insert(WantsSocket);
        let mut response = stage.caller.fetch(upgrade).await.unwrap();
        assert_eq!(response.status(), 101);
        let mut socket = SocketEnd::detach(response.extensions_mut()).unwrap();
        for (sent, received) in [("hello", "1 hello"), ("again", "2 again")] {
            let message = SocketMessage::Text(sent.to_owned());
            socket.outgoing.send(message).await.unwrap();
            assert_eq!(
                socket.incoming.recv().await,
                Some(SocketMessage::Text(received.to_owned()))
            );
        }
        assert_eq!(stage.call("x", "count", serde_json::json!([])).await, 2);
        socket
            .outgoing
            .send(SocketMessage::Close(Some(4001), "done".to_owned()))
            .await
            .unwrap();
        let end = socket.incoming.recv().await;
        assert!(
            matches!(end, Some(SocketMessage::Close(Some(4001), _))),
            "{end:?}"
        );
    });
}
