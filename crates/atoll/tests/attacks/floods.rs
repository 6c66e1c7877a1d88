//! More of something than anyone should send. Each flood is bounded, its worker answers afterwards, and a neighbour
//! notices nothing.

use std::sync::Arc;

use host::{Body, FetchError, Fetcher, SocketEnd, WantsSocket};

use protocol::FailureKind;

use crate::workers::*;

/// Runs a flood. Whatever becomes of its own request, the worker and its neighbour go on.
async fn flood(code: &str) -> Result<Answer, FetchError> {
    flood_within(64 * 1024 * 1024, code).await
}

async fn flood_within(memory_bytes: u64, code: &str) -> Result<Answer, FetchError> {
    let worker = App::fetch(&format!(
        "if (request.url.endsWith('/fine')) return new Response('fine'); {code}"
    ))
    .limits(|limits| {
        limits.cpu_ms = 3_000;
        limits.memory_bytes = memory_bytes;
    })
    .deploy()
    .await;
    let neighbour = App::fetch("return new Response('untouched');")
        .deploy()
        .await;
    let (outcome, ()) = tokio::join!(send(&worker, request("GET", "/", Body::empty())), async {
        for _ in 0..5 {
            assert_eq!(text(&neighbour, "/").await, "untouched");
        }
    });
    // The isolate may be about to end.
    let fine = loop {
        match send(&worker, request("GET", "/fine", Body::empty())).await {
            Ok(answer) => break answer.text(),
            Err(FetchError::Lost { .. }) => {}
            Err(error) => panic!("after {code}: {error:?}"),
        }
    };
    assert_eq!(fine, "fine", "after: {code}");
    outcome
}

#[test]
fn log_floods_are_bounded() {
    run(async {
        flood("for (let i = 0; i < 1e5; i++) console.log(i); return new Response('ok');")
            .await
            .unwrap();
        flood("for (;;) console.log('x'.repeat(1e6));")
            .await
            .unwrap_err();
        let app = App::fetch("console.log('x'.repeat(2e6)); return new Response('ok');");
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        text(&worker, "/").await;
        assert_eq!(
            log.next().await.message.len(),
            protocol::limits::MAX_LOG_BYTES
        );
    });
}

#[test]
fn header_floods_are_bounded() {
    run(async {
        for code in [
            "const headers = new Headers(); for (let i = 0; i < 1000; i++) headers.append(`x-${i}`, 'v'); return new Response('x', { headers });",
            "return new Response('x', { headers: { long: 'v'.repeat(1 << 24) } });",
            "const headers = new Headers(); for (;;) headers.append('x', 'v'.repeat(1 << 20));",
        ] {
            flood(code).await.unwrap_err();
        }
    });
}

#[test]
fn url_floods_are_bounded() {
    run(async {
        let answer = flood(
            "try { await fetch('http://127.0.0.1:1/' + 'a'.repeat(1e6)); } catch (error) { return new Response('refused'); }",
        )
        .await;
        match answer {
            Ok(answer) => assert_eq!(answer.text(), "refused"),
            Err(FetchError::Lost { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    });
}

#[test]
fn timer_and_promise_floods_are_bounded() {
    run(async {
        let answer = flood(
            "let ran = 0; for (let i = 0; i < 20000; i++) setTimeout(() => { ran += 1; }, 1); await scheduler.wait(2); return new Response(String(ran));",
        )
        .await;
        assert_eq!(answer.unwrap().text(), "20000");
        flood("for (;;) setTimeout(() => {}, 1e6);")
            .await
            .unwrap_err();
        flood("for (;;) Promise.resolve().then(() => {});")
            .await
            .unwrap_err();
        flood("const f = () => setTimeout(f, 0); f(); f(); await scheduler.wait(50); return new Response('ok');")
            .await
            .unwrap();
    });
}

#[test]
fn call_floods_are_bounded() {
    run(async {
        let answer = flood_within(
            protocol::limits::DEFAULT_MEMORY_BYTES,
            "const made = []; for (let i = 0; i < 10200; i++) made.push(caches.default.match('http://x.test/').catch((error) => error.message)); \
             const texts = await Promise.all(made); return new Response(texts.find((text) => text !== undefined));",
        )
        .await;
        assert_eq!(
            answer.unwrap().text(),
            "Too many subrequests by single Worker invocation. The limit is 10000, and this is number 10001."
        );
    });
}

/// Opens a socket to a worker, whose other end nobody reads.
async fn open_socket(worker: &dyn Fetcher) -> SocketEnd {
    let mut upgrade = request("GET", "/", Body::empty());
    upgrade
        .headers_mut()
        .insert("upgrade", http::HeaderValue::from_static("websocket"));
    upgrade.extensions_mut().insert(WantsSocket);
    let mut response = worker.fetch(upgrade).await.expect("the worker upgrades");
    SocketEnd::detach(response.extensions_mut()).expect("a 101 carries a socket")
}

#[test]
fn a_socket_that_nobody_reads_is_closed() {
    run(async {
        let worker = App::fetch(
            "if (request.url.endsWith('/fine')) return new Response('fine'); \
             const { 0: client, 1: server } = new WebSocketPair(); server.accept(); let sent = 0, open = true; \
             server.addEventListener('close', (event) => { open = false; console.log(JSON.stringify([event.code, event.reason, event.wasClean, sent > 60, sent < 90])); }); \
             server.addEventListener('message', async () => { const bytes = new Uint8Array(1 << 20); \
             for (; open && sent < 500; sent++) { server.send(bytes); await env.OTHER.fetch('http://x.test/'); } }); \
             return new Response(null, { status: 101, webSocket: client });",
        )
        .service("OTHER", Arc::new(App::fetch("return new Response('x');").deploy().await))
        .deploy()
        .await;
        let mut log = Log::of(worker.name()).await;
        let first = worker.processes();
        let socket = open_socket(&worker).await;
        socket
            .outgoing
            .send(host::SocketMessage::Text("go".into()))
            .await
            .unwrap();
        assert_eq!(
            log.next().await.message,
            r#"[1006,"WebSocket closed: too much waits for the other side to read it.",false,true,true]"#
        );
        // The worker goes on, and what it sends to nobody costs nothing.
        assert_eq!(text(&worker, "/fine").await, "fine");
        assert_eq!(worker.processes(), first);
        socket.outgoing.closed().await;
    });
}

#[test]
fn a_turn_that_sends_too_much_ends_with_the_memory_limit() {
    run(async {
        let worker = App::fetch(
            "if (request.url.endsWith('/fine')) return new Response('fine'); \
             const { 0: client, 1: server } = new WebSocketPair(); server.accept(); \
             server.addEventListener('message', () => { const bytes = new Uint8Array(1 << 20); for (;;) server.send(bytes); }); \
             return new Response(null, { status: 101, webSocket: client });",
        )
        .deploy()
        .await;
        let mut log = Log::of(worker.name()).await;
        let socket = open_socket(&worker).await;
        socket
            .outgoing
            .send(host::SocketMessage::Text("go".into()))
            .await
            .unwrap();
        while !log
            .next()
            .await
            .message
            .starts_with("Uncaught Error: Worker exceeded memory limit (")
        {}
        assert_eq!(text(&worker, "/fine").await, "fine");
    });
}

#[test]
fn memory_that_is_used_up_condemns_its_isolate() {
    run(async {
        // What it keeps would leave nothing for later requests, so the isolate must not live on.
        for code in [
            "globalThis.kept = []; for (;;) kept.push({ a: [1, 2, 3] });",
            "globalThis.kept = null; for (;;) try { kept = { kept }; } catch { }",
            "globalThis.kept = new Map(); for (let i = 0;; i++) kept.set(`key ${i}`, i);",
            "globalThis.kept = []; for (;;) kept.push(Promise.resolve().then(() => {}));",
            "globalThis.kept = []; for (;;) kept.push(() => kept);",
            "globalThis.kept = []; for (;;) kept.push('x'.repeat(1000) + kept.length);",
            "globalThis.kept = null; try { for (;;) kept = { kept }; } finally { return new Response('survived'); }",
            "globalThis.kept = []; setTimeout(() => { for (;;) kept.push({}); }, 1); await scheduler.wait(1e6);",
            "await env.OTHER.fetch('http://x.test/'); globalThis.kept = []; for (;;) kept.push({});",
        ] {
            let worker = App::fetch(&format!(
                "if (request.url.endsWith('/fine')) return new Response('fine'); {code}"
            ))
            .service(
                "OTHER",
                Arc::new(App::fetch("return new Response('x');").deploy().await),
            )
            .limits(|limits| limits.memory_bytes = 32 * 1024 * 1024)
            .deploy()
            .await;
            let first = worker.processes();
            let failure = failure(failed(&worker, "/").await);
            assert_eq!(failure.kind, FailureKind::Memory, "{code}: {failure}");
            assert_eq!(
                without_excess(&failure.message),
                "Worker exceeded memory limit (32 MB).",
                "{code}"
            );
            assert_eq!(text(&worker, "/fine").await, "fine", "after: {code}");
            assert_ne!(worker.processes(), first, "{code}");
        }
    });
}

#[test]
fn an_allocation_that_is_too_great_alone_can_be_caught() {
    run(async {
        let worker = App::fetch(
            "try { new ArrayBuffer(1 << 30); } catch (error) { return new Response('caught'); } return new Response('made');",
        )
        .limits(|limits| limits.memory_bytes = 32 * 1024 * 1024)
        .deploy()
        .await;
        let first = worker.processes();
        assert_eq!(text(&worker, "/").await, "caught");
        assert_eq!(text(&worker, "/").await, "caught");
        assert_eq!(worker.processes(), first);
    });
}

#[test]
fn memory_outside_the_heap_is_bounded() {
    run(async {
        for code in [
            "const { readable, writable } = new CompressionStream('gzip'); const kept = []; for (;;) kept.push(new CompressionStream('gzip'));",
            "const kept = []; for (;;) kept.push(new URL('http://x.test/' + 'a'.repeat(1 << 20)));",
            "const kept = []; for (;;) kept.push(structuredClone(new Uint8Array(1 << 20)));",
            "const kept = []; for (;;) kept.push(new Request('http://x.test/', { method: 'POST', body: 'x'.repeat(1 << 20) }));",
        ] {
            flood(code).await.unwrap_err();
        }
    });
}
