//! `fetch()` on stubs: bodies that flow both ways, and WebSockets.

use host::{Body, Fetcher, SocketEnd, SocketMessage, WantsSocket};
use serde_json::json;

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
fn a_stream_is_read_on_after_the_event_that_got_it() {
    run(async {
        let stage = Stage::of(
            "chunks = [];
             tail() {
                 return new ReadableStream({ type: 'bytes', start: (controller) => { this.controller = controller; } });
             }
             push(text) { this.controller.enqueue(new TextEncoder().encode(text)); }
             end() { this.controller.close(); }
             async begin() {
                 const other = this.env.THINGS.getByName('other');
                 const reader = (await other.tail()).getReader();
                 void (async () => {
                     for (;;) {
                         const { done, value } = await reader.read();
                         this.chunks.push(done ? 'done' : new TextDecoder().decode(value));
                         if (done) return;
                     }
                 })();
             }
             async heard(count) {
                 while (this.chunks.length < count) await scheduler.wait(1);
                 return this.chunks;
             }",
        )
        .await;
        stage.call("one", "begin", json!([])).await;
        for (count, text) in [(1, "a"), (2, "b")] {
            stage.call("other", "push", json!([text])).await;
            let heard = stage.call("one", "heard", json!([count])).await;
            assert_eq!(heard[count - 1], text);
        }
        stage.call("other", "end", json!([])).await;
        let heard = stage.call("one", "heard", json!([3])).await;
        assert_eq!(heard, json!(["a", "b", "done"]));
    });
}

#[test]
fn the_streams_that_an_object_keeps_unread_are_bounded() {
    run(async {
        let stage = Stage::of(
            "kept = [];
             give(text) { return new Response(text).body; }
             async keep(count) {
                 const other = this.env.THINGS.getByName('other');
                 this.kept = await Promise.all(Array.from({ length: count }, (_, i) => other.give(`stream ${i}`)));
                 return this.kept.length;
             }
             read(index) { return new Response(this.kept[index]).text(); }",
        )
        .await;
        assert_eq!(stage.call("x", "keep", json!([300])).await, 300);
        let told = stage.failure("x", "read", json!([0])).await;
        assert_eq!(
            told["message"],
            "A Durable Object can keep at most 256 streams that it has not read to their end."
        );
        for index in [44, 299] {
            let read = stage.call("x", "read", json!([index])).await;
            assert_eq!(read, format!("stream {index}"));
        }
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
            let message = SocketMessage::Text(sent.into());
            socket.outgoing.send(message).await.unwrap();
            assert_eq!(
                socket.incoming.recv().await,
                Some(SocketMessage::Text(received.into()))
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

#[test]
fn sockets_of_an_object_that_died_at_work_break_and_those_of_an_idle_one_stay() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let things = stage
            .deploy(
                "async fetch() {
                     const { 0: client, 1: server } = new WebSocketPair();
                     this.ctx.acceptWebSocket(server);
                     return new Response(null, { status: 101, webSocket: client });
                 }
                 async webSocketMessage(socket, message) {
                     socket.send(`got ${message}`);
                     if (message === 'work') await new Promise((resolve) => setTimeout(resolve, 1e6));
                 }
                 async look() { return this.ctx.getWebSockets().length; }",
            )
            .await;
        let mut sockets = Vec::new();
        for object in ["idle", "busy"] {
            let mut upgrade = request("GET", &format!("/{object}/fetch"), Body::empty());
            let value = "websocket".parse().unwrap();
            upgrade.headers_mut().insert("upgrade", value);
            upgrade.extensions_mut().insert(WantsSocket);
            let mut response = stage.caller.fetch(upgrade).await.unwrap();
            sockets.push(SocketEnd::detach(response.extensions_mut()).unwrap());
        }
        let say = |text: &str| SocketMessage::Text(text.into());
        for (socket, text) in sockets.iter_mut().zip(["rest", "work"]) {
            socket.outgoing.send(say(text)).await.unwrap();
            assert_eq!(
                socket.incoming.recv().await,
                Some(say(&format!("got {text}")))
            );
        }
        // What comes after it on the same way says that the idle one's event is over.
        assert_eq!(stage.call("idle", "look", serde_json::json!([])).await, 1);
        for process in things.processes() {
            kill(process);
        }
        assert_eq!(sockets[1].incoming.recv().await, None);
        sockets[0].outgoing.send(say("again")).await.unwrap();
        assert_eq!(sockets[0].incoming.recv().await, Some(say("got again")));
        assert_eq!(stage.call("busy", "look", serde_json::json!([])).await, 0);
    });
}

#[test]
fn what_a_socket_event_leaves_behind_does_not_hold_up_the_next_message() {
    run(async {
        let stage = Stage::of(
            "async fetch() {
                 const { 0: client, 1: server } = new WebSocketPair();
                 this.ctx.acceptWebSocket(server);
                 return new Response(null, { status: 101, webSocket: client });
             }
             async webSocketMessage(socket, message) {
                 this.ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1e6)));
                 socket.send(`got ${message}`);
             }
             async alarm() {
                 this.ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1e6)));
                 const count = ((await this.ctx.storage.get('count')) ?? 0) + 1;
                 await this.ctx.storage.put('count', count);
                 if (count < 3) await this.ctx.storage.setAlarm(Date.now());
                 else for (const socket of this.ctx.getWebSockets()) socket.send(`${count} alarms`);
             }
             async ring() { await this.ctx.storage.setAlarm(Date.now()); }",
        )
        .await;
        let mut upgrade = request("GET", "/x/fetch", Body::empty());
        let value = "websocket".parse().unwrap();
        upgrade.headers_mut().insert("upgrade", value);
        upgrade.extensions_mut().insert(WantsSocket);
        let mut response = stage.caller.fetch(upgrade).await.unwrap();
        let mut socket = SocketEnd::detach(response.extensions_mut()).unwrap();
        let say = |text: &str| SocketMessage::Text(text.into());
        for text in ["one", "two"] {
            socket.outgoing.send(say(text)).await.unwrap();
            assert_eq!(
                socket.incoming.recv().await,
                Some(say(&format!("got {text}")))
            );
        }
        stage.call("x", "ring", serde_json::json!([])).await;
        assert_eq!(socket.incoming.recv().await, Some(say("3 alarms")));
    });
}
