//! Limits: what passes one ends with the documented error, and harms nobody else.

use host::{Body, FetchError, Worker};
use protocol::FailureKind;

use crate::workers::*;

/// Requests that pass a limit in one isolate, while another answers; then the first answers again.
async fn offend(code: &str, change: impl FnOnce(&mut host::Limits)) -> FetchError {
    let offender = App::fetch(&format!(
        "if (request.url.endsWith('/fine')) return new Response('fine'); {code}"
    ))
    .limits(change)
    .deploy()
    .await;
    let neighbour = App::fetch("return new Response('untouched');")
        .deploy()
        .await;
    let (error, ()) = tokio::join!(failed(&offender, "/"), async {
        for _ in 0..5 {
            assert_eq!(text(&neighbour, "/").await, "untouched");
        }
    });
    assert_eq!(text(&offender, "/fine").await, "fine", "after: {code}");
    error
}

fn is_over_cpu_time(error: FetchError) {
    let failure = failure(error);
    assert_eq!(failure.kind, FailureKind::Cpu, "{failure}");
    assert_eq!(
        without_excess(&failure.message),
        "Worker exceeded CPU time limit (50 ms)."
    );
}

#[test]
fn loops_end_with_the_cpu_limit() {
    run(async {
        for code in [
            "for (;;);",
            "try { for (;;); } catch { for (;;); } finally { for (;;); }",
            "(async function again() { for (;;) await null; })(); await scheduler.wait(1e6);",
            "const again = () => { queueMicrotask(again); }; again(); await scheduler.wait(1e6);",
            "const again = () => Promise.resolve().then(again); await again();",
            "/(a+)+$/.test('a'.repeat(40) + 'b');",
            "JSON.parse('[1]', function again() { for (;;); });",
            "new ReadableStream({ pull(c) { for (;;) c.enqueue(1); } }).getReader().read(); await scheduler.wait(1e6);",
        ] {
            is_over_cpu_time(offend(code, |limits| limits.cpu_ms = 50).await);
        }
    });
}

#[test]
fn native_calls_end_with_the_cpu_limit() {
    run(async {
        for code in [
            "const a = []; a.length = 4e9; a.indexOf(1);",
            "new Array(4e9).lastIndexOf(5);",
        ] {
            is_over_cpu_time(offend(code, |limits| limits.cpu_ms = 50).await);
        }
    });
}

#[test]
fn cpu_time_counts_over_all_turns_of_an_event() {
    run(async {
        let network = App::fetch("return new Response('x');").deploy().await;
        let worker = App::fetch(
            "if (request.url.endsWith('/fine')) return new Response('fine'); \
             for (;;) { await env.OTHER.fetch('http://x.test/'); for (let i = 0; i < 1e5; i++); }",
        )
        .service("OTHER", std::sync::Arc::new(network))
        .limits(|limits| limits.cpu_ms = 50)
        .deploy()
        .await;
        is_over_cpu_time(failed(&worker, "/").await);
        assert_eq!(text(&worker, "/fine").await, "fine");
    });
}

#[test]
fn time_spent_waiting_is_not_counted() {
    run(async {
        let worker = App::fetch("await scheduler.wait(150); return new Response('patient');")
            .limits(|limits| limits.cpu_ms = 50)
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "patient");
    });
}

#[test]
fn memory_ends_with_the_memory_limit() {
    run(async {
        for code in [
            "const kept = []; for (;;) kept.push(new Uint8Array(1 << 20).fill(1));",
            "const kept = []; for (;;) kept.push('x'.repeat(1 << 20) + kept.length);",
            "const kept = []; for (let i = 0;; i++) kept.push(new Blob([new Uint8Array(1 << 20)]));",
        ] {
            let error = offend(code, |limits| limits.memory_bytes = 32 * 1024 * 1024).await;
            let failure = failure(error);
            assert_eq!(failure.kind, FailureKind::Memory, "{code}: {failure}");
            assert_eq!(
                without_excess(&failure.message),
                "Worker exceeded memory limit (32 MB).",
                "{code}"
            );
        }
    });
}

#[test]
fn small_objects_end_with_the_memory_limit_as_well() {
    run(async {
        // Not even the error finds room, so that what is thrown is null.
        let code = "const kept = []; for (;;) kept.push({ a: [1, 2, 3] });";
        let error = offend(code, |limits| limits.memory_bytes = 32 * 1024 * 1024).await;
        assert!(matches!(error, FetchError::Worker(_)), "{error:?}");
    });
}

#[test]
fn deep_recursion_is_an_error_that_can_be_caught() {
    run(async {
        let worker = App::fetch(
            "const path = new URL(request.url).pathname; const down = (n) => down(n + 1) + 1; \
             if (path === '/catch') { try { down(0); } catch (error) { return new Response(`${error.name}: ${error.message}`); } } \
             if (path === '/json') { let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; \
             try { JSON.stringify(deep); } catch (error) { return new Response(error.name); } } \
             if (path === '/clone') { let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; \
             try { structuredClone(deep); } catch (error) { return new Response(error.name); } } \
             return new Response(String(down(0)));",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/catch").await,
            "RangeError: Maximum call stack size exceeded"
        );
        assert_eq!(text(&worker, "/json").await, "RangeError");
        assert_eq!(text(&worker, "/clone").await, "RangeError");
        let uncaught = failure(failed(&worker, "/").await);
        assert_eq!(
            uncaught.to_string(),
            "RangeError: Maximum call stack size exceeded"
        );
    });
}

#[test]
fn subrequests_are_counted() {
    run(async {
        let other = App::fetch("return new Response('x');").deploy().await;
        let worker = App::fetch(
            "let made = 0; try { for (;;) { await env.OTHER.fetch('http://x.test/'); made += 1; } } \
             catch (error) { return new Response(`${made} ${error.message}`); }",
        )
        .service("OTHER", std::sync::Arc::new(other))
        .limits(|limits| limits.subrequests = 3)
        .deploy()
        .await;
        // Each request has its own count.
        for _ in 0..2 {
            assert_eq!(
                text(&worker, "/").await,
                "3 Too many subrequests by single Worker invocation. The limit is 3, and this is number 4."
            );
        }
    });
}

#[test]
fn events_that_shared_the_isolate_get_the_documented_error() {
    run(async {
        let worker: Worker = App::new(
            "let waiting = 0; export default { async fetch(request) { const path = new URL(request.url).pathname; \
             if (path === '/wait') { waiting += 1; await scheduler.wait(60000); } \
             if (path === '/ready') return new Response(String(waiting)); for (;;); } }",
        )
        .limits(|limits| limits.cpu_ms = 50)
        .deploy()
        .await;
        let other = {
            let worker = worker.clone();
            tokio::spawn(async move { send(&worker, request("GET", "/wait", Body::empty())).await })
        };
        while text(&worker, "/ready").await != "1" {}
        is_over_cpu_time(failed(&worker, "/").await);
        match other.await.unwrap() {
            Err(FetchError::Lost { message, retryable }) => {
                assert_eq!(
                    (message.as_str(), retryable),
                    ("Network connection lost.", true)
                );
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn headers_that_are_too_large_are_an_error_of_who_sends_them() {
    run(async {
        let worker = App::fetch(
            "const { pathname } = new URL(request.url);
             globalThis.served = (globalThis.served ?? 0) + 1;
             const headers = new Headers();
             if (pathname === '/many') for (let n = 0; n < 513; n++) headers.set(`x-${n}`, '1');
             if (pathname === '/long') for (let n = 0; n < 9; n++) headers.set(`x-${n}`, 'a'.repeat(1e6));
             if (pathname === '/most') headers.set('x-long', 'b c'.repeat(2e6));
             return new Response(String(served), { headers });",
        )
        .deploy()
        .await;
        let told = |error| failure(error).message;
        // The type of what is sent is one more.
        assert_eq!(
            told(failed(&worker, "/many").await),
            "Headers are too large: 514 of them, and at most 512 can be sent."
        );
        let long = told(failed(&worker, "/long").await);
        assert!(
            long.starts_with("Headers are too large: 90000")
                && long.ends_with(" bytes, and at most 8388608 can be sent."),
            "{long}"
        );
        let most = get(&worker, "/most").await;
        assert_eq!(
            most.header("x-long").map(|text| text.len()),
            Some(6_000_000)
        );
        // It is the same isolate that goes on.
        assert_eq!(most.text(), "3");
    });
}
