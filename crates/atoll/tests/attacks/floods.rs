//! More of something than anyone should send. Each flood is bounded, its worker answers afterwards, and a neighbour
//! notices nothing.

use host::{Body, FetchError};

use crate::workers::*;

/// Runs a flood. Whatever becomes of its own request, the worker and its neighbour go on.
async fn flood(code: &str) -> Result<Answer, FetchError> {
    let worker = App::fetch(&format!(
        "if (request.url.endsWith('/fine')) return new Response('fine'); {code}"
    ))
    .limits(|limits| {
        limits.cpu_ms = 1_000;
        limits.memory_bytes = 64 * 1024 * 1024;
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
