//! Workers that call workers.

use std::sync::Arc;

use bytes::Bytes;
use host::{Body, Fetcher};

use crate::workers::*;

#[test]
fn a_worker_calls_another_by_fetch() {
    run(async {
        let callee = App::fetch(
            "return new Response(`${request.method} ${request.url} ${await request.text()}`, \
             { status: 201, statusText: 'Made', headers: { 'x-callee': 'yes' } });",
        )
        .deploy()
        .await;
        let caller = App::fetch(
            "const answer = await env.CALLEE.fetch('http://callee.test/path?q', { method: 'POST', body: 'sent' }); \
             return Response.json([answer.status, answer.statusText, answer.headers.get('x-callee'), answer.ok, await answer.text()]);",
        )
        .service("CALLEE", Arc::new(callee))
        .deploy()
        .await;
        assert_eq!(
            text(&caller, "/").await,
            r#"[201,"Made","yes",true,"POST http://callee.test/path?q sent"]"#
        );
    });
}

#[test]
fn requests_and_responses_pass_through_workers() {
    run(async {
        let callee = App::fetch("return new Response(request.body, { headers: request.headers });")
            .deploy()
            .await;
        let middle = App::fetch("return env.NEXT.fetch(request);")
            .service("NEXT", Arc::new(callee))
            .deploy()
            .await;
        let caller = App::fetch("return env.NEXT.fetch(request);")
            .service("NEXT", Arc::new(middle))
            .deploy()
            .await;
        let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number / 3) as u8).collect();
        let mut sent = request("POST", "/", Body::full(bytes.clone()));
        sent.headers_mut().insert("x-mark", "kept".parse().unwrap());
        let answer = send(&caller, sent).await.unwrap();
        assert_eq!(answer.header("x-mark").as_deref(), Some("kept"));
        assert!(answer.body == bytes);

        let (sender, body) = channel(1);
        let mut answer = caller
            .fetch(request("POST", "/", body))
            .await
            .unwrap()
            .into_body();
        for part in ["one", "two"] {
            sender.send(Ok(Bytes::from(part))).await.unwrap();
            assert_eq!(chunk(&mut answer).await.unwrap().unwrap(), part);
        }
    });
}

#[test]
fn errors_of_a_callee_reach_the_caller() {
    run(async {
        let callee = App::fetch("throw new RangeError('callee broke');")
            .deploy()
            .await;
        let caller = App::fetch(
            "try { await env.CALLEE.fetch('http://x.test/'); } catch (error) { \
             return Response.json([error instanceof RangeError, error.name, error.message, error.remote]); }",
        )
        .service("CALLEE", Arc::new(callee))
        .service("MISSING", runtime().await.service("no-such-worker", None))
        .deploy()
        .await;
        assert_eq!(
            text(&caller, "/").await,
            r#"[true,"RangeError","callee broke",true]"#
        );
    });
}

#[test]
fn a_service_that_is_not_there_is_an_error() {
    run(async {
        let caller = App::fetch(
            "try { await env.MISSING.fetch('http://x.test/'); } catch (error) { return new Response(error.message); }",
        )
        .service("MISSING", runtime().await.service("no-such-worker", None))
        .deploy()
        .await;
        assert_eq!(
            text(&caller, "/").await,
            "Service \"no-such-worker\" is not running: no worker of that name is deployed."
        );
    });
}

#[test]
fn workers_that_call_themselves_reach_a_bound() {
    run(async {
        let service = runtime().await.service("recursive", None);
        let worker = App::fetch(
            "const depth = Number(request.headers.get('x-depth')); \
             try { return await env.SELF.fetch(request.url, { headers: { 'x-depth': String(depth + 1) } }); } \
             catch (error) { return new Response(`${depth} ${error.message}`); }",
        )
        .name("recursive")
        .service("SELF", service)
        .deploy()
        .await;
        let answer = text(&worker, "/").await;
        assert!(
            answer.starts_with("16 Subrequest depth limit exceeded."),
            "{answer}"
        );
    });
}

#[test]
fn a_caller_that_aborts_reaches_the_callee() {
    run(async {
        let app = App::fetch(
            "request.signal.addEventListener('abort', () => console.log('aborted')); console.log('waiting'); \
             await scheduler.wait(60000, { signal: request.signal }); return new Response();",
        );
        let callee = app.deploy().await;
        let mut log = Log::of(callee.name()).await;
        let caller = App::fetch(
            "const controller = new AbortController(); setTimeout(() => controller.abort(new Error('enough')), 10); \
             try { await env.CALLEE.fetch('http://x.test/', { signal: controller.signal }); } \
             catch (error) { return new Response(error.message); }",
        )
        .service("CALLEE", Arc::new(callee.clone()))
        .deploy()
        .await;
        assert_eq!(text(&caller, "/").await, "enough");
        assert_eq!(log.next().await.message, "waiting");
        assert_eq!(log.next().await.message, "aborted");
    });
}

#[test]
fn redirects_of_a_service_are_followed_as_asked() {
    run(async {
        let callee = App::fetch(
            "const url = new URL(request.url); if (url.pathname === '/from') return Response.redirect('http://x.test/to', 302); \
             return new Response('arrived at ' + url.pathname);",
        )
        .deploy()
        .await;
        let caller = App::fetch(
            "const redirect = new URL(request.url).pathname.slice(1); \
             const answer = await env.CALLEE.fetch('http://x.test/from', { redirect }); \
             return new Response(`${answer.status} ${answer.headers.get('location')} ${await answer.text()}`);",
        )
        .service("CALLEE", Arc::new(callee))
        .deploy()
        .await;
        assert_eq!(text(&caller, "/manual").await, "302 http://x.test/to ");
        assert_eq!(text(&caller, "/follow").await, "200 null arrived at /to");
    });
}
