//! WebSockets that the host keeps for objects: what they outlive.

use host::{Body, Fetcher, SocketEnd, SocketMessage, WantsSocket};
use serde_json::json;

use crate::stage::*;
use crate::workers::*;

const ROOM: &str = "
    fetch() {
        const { 0: client, 1: server } = new WebSocketPair();
        this.ctx.acceptWebSocket(server, ['first']);
        server.serializeAttachment({ since: VERSION });
        return new Response(null, { status: 101, webSocket: client });
    }
    webSocketMessage(socket, message) {
        const { since } = socket.deserializeAttachment();
        socket.send([VERSION, message, since, this.ctx.getTags(socket), this.ctx.getWebSockets().length].join(' '));
    }
    webSocketClose() { console.log('a close'); }
    count() { return this.ctx.getWebSockets().length; }
    async wait(time) { await scheduler.wait(time); }
    throw() { this.ctx.abort('over'); }";

fn room(version: u32) -> App {
    app(&ROOM.replace("VERSION", &version.to_string()))
}

pub(crate) async fn connect(stage: &Stage, object: &str) -> SocketEnd {
    let mut upgrade = request("GET", &format!("/{object}/fetch"), Body::empty());
    let headers = upgrade.headers_mut();
    headers.insert("upgrade", "websocket".parse().unwrap());
    upgrade.extensions_mut().insert(WantsSocket);
    let mut response = stage.caller.fetch(upgrade).await.unwrap();
    assert_eq!(response.status(), 101);
    SocketEnd::detach(response.extensions_mut()).unwrap()
}

async fn ask(socket: &mut SocketEnd, text: &str) -> String {
    let message = SocketMessage::Text(text.into());
    socket.outgoing.send(message).await.unwrap();
    match socket.incoming.recv().await {
        Some(SocketMessage::Text(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sockets_outlive_new_versions_crashes_and_isolates() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        room(1).try_deploy_on(&stage.runtime).await.unwrap();
        let mut socket = connect(&stage, "x").await;
        assert_eq!(ask(&mut socket, "a").await, "1 a 1 first 1");
        let second = room(2).try_deploy_on(&stage.runtime).await.unwrap();
        assert_eq!(stage.call("x", "count", json!([])).await, 1);
        assert_eq!(ask(&mut socket, "b").await, "2 b 1 first 1");
        let killed = second.processes();
        for &process in &killed {
            kill(process);
        }
        // A call that meets a dying isolate is under way in it, and would take the sockets of its object along.
        while second
            .processes()
            .iter()
            .any(|process| killed.contains(process))
        {
            tokio::task::yield_now().await;
        }
        assert_eq!(stage.call("x", "count", json!([])).await, 1);
        assert_eq!(ask(&mut socket, "c").await, "2 c 1 first 1");
    });
}

#[test]
fn sockets_end_with_an_instance_that_fails() {
    const FAILING: &str = "
        constructor(...given) {
            super(...given);
            if (this.ctx.storage.kv.get('fails')) throw new Error('not again');
        }
        fetch() {
            const { 0: client, 1: server } = new WebSocketPair();
            if (this.ctx.id.name === 'standard') {
                server.accept();
                server.addEventListener('message', ({ data }) => this.webSocketMessage(server, data));
            } else this.ctx.acceptWebSocket(server);
            return new Response(null, { status: 101, webSocket: client });
        }
        async webSocketMessage(socket, message) {
            if (message === 'abort') this.ctx.abort('over');
            if (message === 'block') await this.ctx.blockConcurrencyWhile(() => { throw new Error('over'); });
            if (message === 'throw') throw new Error('of this event alone');
            socket.send(message);
        }
        abort() { this.ctx.abort('over'); }
        count() { return this.ctx.getWebSockets().length; }
        async failNext() {
            this.ctx.storage.kv.put('fails', true);
            await this.ctx.storage.sync();
            this.ctx.abort('over');
        }";
    run(async {
        let stage = Stage::of(FAILING).await;
        for how in ["abort", "block"] {
            let mut one = connect(&stage, how).await;
            let mut other = connect(&stage, how).await;
            assert_eq!(ask(&mut other, "hello").await, "hello");
            let message = SocketMessage::Text(how.into());
            one.outgoing.send(message).await.unwrap();
            assert_eq!(one.incoming.recv().await, None, "{how}");
            assert_eq!(other.incoming.recv().await, None, "{how}");
            assert_eq!(stage.call(how, "count", json!([])).await, 0);
        }
        let mut called = connect(&stage, "x").await;
        let message = SocketMessage::Text("throw".into());
        called.outgoing.send(message).await.unwrap();
        assert_eq!(ask(&mut called, "still here").await, "still here");
        stage.failure("x", "abort", json!([])).await;
        assert_eq!(called.incoming.recv().await, None);

        // Sockets of the standard API.
        for how in ["abort", "a new version"] {
            let mut standard = connect(&stage, "standard").await;
            assert_eq!(ask(&mut standard, "hello").await, "hello");
            if how == "abort" {
                stage.failure("standard", "abort", json!([])).await;
            } else {
                stage.deploy(FAILING).await;
            }
            let end = standard.incoming.recv().await;
            assert!(
                matches!(end, None | Some(SocketMessage::Broken(_))),
                "{how}: {end:?}"
            );
        }

        // A constructor that throws when a new version wakes the object.
        stage.failure("y", "failNext", json!([])).await;
        assert_eq!(
            stage.failure("y", "count", json!([])).await["message"],
            "not again"
        );
        let healed = FAILING.replace("get('fails')", "get('never')");
        stage.deploy(&healed).await;
        let mut woken = connect(&stage, "y").await;
        assert_eq!(ask(&mut woken, "hello").await, "hello");
        stage.deploy(FAILING).await;
        let message = SocketMessage::Text("hello".into());
        woken.outgoing.send(message).await.unwrap();
        assert_eq!(woken.incoming.recv().await, None);
    });
}

#[test]
fn a_worker_that_holds_too_many_sockets_is_told_so() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        room(1).try_deploy_on(&stage.runtime).await.unwrap();
        let holder = App::fetch(
            "const held = [], stub = env.THINGS.getByName('crowd');
            try {
                for (;;) {
                    const { webSocket } = await stub.fetch('http://x/', { headers: { upgrade: 'websocket' } });
                    webSocket.accept();
                    held.push(webSocket);
                }
            } catch (error) {
                return Response.json([held.length, String(error)]);
            }",
        )
        .limits(|limits| limits.subrequests = 100_000)
        .objects_of("THINGS", THINGS, "Thing");
        let holder = holder.try_deploy_on(&stage.runtime).await.unwrap();
        let answer = get(&holder, "/").await;
        assert_eq!(
            answer.text(),
            "[16384,\"Error: Too many WebSockets are open in this isolate: there can be 16384.\"]"
        );
    });
}

#[test]
fn a_handler_that_waits_keeps_no_message_from_being_handled() {
    const PATIENT: &str = "
        async webSocketMessage(socket, message) {
            if (message === 'go') this.go();
            else if (message === 'wait') await new Promise((go) => { this.go = go; });
            socket.send(message);
        }
        fetch() {
            const { 0: client, 1: server } = new WebSocketPair();
            this.ctx.acceptWebSocket(server);
            return new Response(null, { status: 101, webSocket: client });
        }";
    run(async {
        let stage = Stage::of(PATIENT).await;
        let mut socket = connect(&stage, "x").await;
        for text in ["wait", "other", "go"] {
            let message = SocketMessage::Text(text.into());
            socket.outgoing.send(message).await.unwrap();
        }
        for text in ["other", "go", "wait"] {
            let message = SocketMessage::Text(text.into());
            assert_eq!(socket.incoming.recv().await, Some(message));
        }
        // However many: one after the other when they are more than can be under way.
        for count in 0..200 {
            let message = SocketMessage::Text(format!("{count}").into());
            socket.outgoing.send(message).await.unwrap();
        }
        for count in 0..200 {
            let message = SocketMessage::Text(format!("{count}").into());
            assert_eq!(socket.incoming.recv().await, Some(message));
        }
    });
}

#[test]
fn sockets_break_as_with_workers_when_that_is_asked_for() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let deploy = async |version| {
            let app = room(version).dropping_sockets();
            app.try_deploy_on(&stage.runtime).await.unwrap()
        };
        deploy(1).await;
        let mut over_version = connect(&stage, "x").await;
        assert_eq!(ask(&mut over_version, "a").await, "1 a 1 first 1");
        let second = deploy(2).await;
        assert_eq!(over_version.incoming.recv().await, None);
        assert_eq!(stage.call("x", "count", json!([])).await, 0);

        let mut over_abort = connect(&stage, "x").await;
        stage.failure("x", "throw", json!([])).await;
        assert_eq!(over_abort.incoming.recv().await, None);

        let mut over_crash = connect(&stage, "x").await;
        assert_eq!(ask(&mut over_crash, "b").await, "2 b 2 first 1");
        for process in second.processes() {
            kill(process);
        }
        assert_eq!(over_crash.incoming.recv().await, None);
        assert_eq!(stage.call("x", "count", json!([])).await, 0);

        // Sleeping is something else.
        let mut over_sleep = connect(&stage, "x").await;
        stage.call("other", "wait", json!([13_000])).await;
        assert_eq!(ask(&mut over_sleep, "c").await, "2 c 2 first 1");
    });
}

#[test]
fn each_socket_hears_what_was_sent_on_it_in_order() {
    // The same text value, texts that read the same, the same value again on the same socket, and others between.
    const SPEAKING: &str = "
        fetch() {
            const { 0: client, 1: server } = new WebSocketPair();
            this.ctx.acceptWebSocket(server, [`${this.ctx.getWebSockets().length}`]);
            return new Response(null, { status: 101, webSocket: client });
        }
        webSocketMessage(_socket, message) {
            const all = [0, 1, 2].map((number) => this.ctx.getWebSockets(`${number}`)[0]);
            const long = `${message} `.repeat(10_000);
            for (const socket of all) socket.send(long);
            for (const socket of all) socket.send(`${message}!`);
            for (const text of [message, message, long, message]) all[1].send(text);
            all[2].send(new Uint8Array([1, 2]));
            for (const socket of all) socket.send(message);
            for (const socket of all) socket.send('\\ud800' + message);
            all[0].send(1);
            this.ctx.getWebSockets().forEach((socket, index) => socket.send(`${index}`));
        }";
    run(async {
        let stage = Stage::of(SPEAKING).await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(connect(&stage, "x").await);
        }
        for said in ["hello", "h\u{e9}llo \u{1f600}"] {
            let message = SocketMessage::Text(said.into());
            sockets[0].outgoing.send(message).await.unwrap();
            let text = |text: &str| SocketMessage::Text(text.into());
            let long = text(&format!("{said} ").repeat(10_000));
            let between = [
                vec![],
                vec![text(said), text(said), long.clone(), text(said)],
                vec![SocketMessage::Binary(vec![1, 2].into())],
            ];
            for (number, socket) in sockets.iter_mut().enumerate() {
                let mut expected = vec![long.clone(), text(&format!("{said}!"))];
                expected.extend(between[number].clone());
                expected.extend([text(said), text(&format!("\u{fffd}{said}"))]);
                expected.extend((number == 0).then(|| text("1")));
                expected.push(text(&format!("{}", 2 - number)));
                for message in expected {
                    assert_eq!(socket.incoming.recv().await, Some(message), "{number}");
                }
            }
        }
    });
}
