//! Bodies in both directions.

use std::sync::Arc;

use bytes::Bytes;
use host::{Body, BodyError, Fetcher};
use http_body::Body as _;

use crate::workers::*;

#[test]
fn a_request_arrives_as_it_was_sent() {
    run(async {
        let worker = App::fetch(
            "return Response.json({ method: request.method, url: request.url, one: request.headers.get('x-one'), \
             two: request.headers.get('x-two'), body: await request.json() });",
        )
        .deploy()
        .await;
        let mut sent = request("PUT", "/a%20b?c=d", Body::full(r#"{"deep":[1,2]}"#));
        sent.headers_mut().append("x-one", "1".parse().unwrap());
        sent.headers_mut().append("x-one", "2".parse().unwrap());
        sent.headers_mut().insert(
            "x-two",
            http::HeaderValue::from_bytes("café".as_bytes()).unwrap(),
        );
        let answer = send(&worker, sent).await.unwrap();
        assert_eq!(
            answer.text(),
            r#"{"method":"PUT","url":"http://worker.test/a%20b?c=d","one":"1, 2","two":"café","body":{"deep":[1,2]}}"#
        );
        assert_eq!(
            answer.header("content-type").as_deref(),
            Some("application/json")
        );
    });
}

#[test]
fn a_response_leaves_as_it_was_made() {
    run(async {
        let worker = App::fetch(
            "const headers = new Headers({ 'X-Mixed': 'caf\\xe9' }); \
             headers.append('set-cookie', 'a=1; Path=/'); headers.append('set-cookie', 'b=2'); \
             return new Response(new Uint8Array([0, 255, 128]), { status: 418, headers });",
        )
        .deploy()
        .await;
        let answer = get(&worker, "/").await;
        assert_eq!((answer.status, &*answer.body), (418, &[0, 255, 128][..]));
        assert_eq!(answer.headers["x-mixed"].as_bytes(), "café".as_bytes());
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    });
}

#[test]
fn text_leaves_as_it_was_made_however_it_was_made() {
    run(async {
        let worker = App::new(
            "class Mine extends Response { #kept = 'own'; get kept() { return this.#kept; } } \
             const once = new Response('once'); \
             const made = { \
               plain: () => new Response('text'), \
               empty: () => new Response(''), \
               named: () => new Response('text', { status: 201, statusText: 'Quite so' }), \
               coded: () => new Response('text', { headers: { 'content-type': 'a/b' } }), \
               changed: () => { const answer = new Response('text'); answer.headers.set('x-one', '1'); return answer; }, \
               json: () => Response.json({ a: 1 }), \
               mine: () => { const answer = new Mine('text'); answer.headers.set('x-kept', answer.kept); return answer; }, \
               constructed: () => Reflect.construct(Response, ['text'], Mine), \
               cloned: () => new Response('text').clone(), \
               long: () => new Response('é'.repeat(40_000)), \
               halves: () => new Response('a\\ud800b'), \
               soon: async () => new Response('text'), \
               once: () => once, \
               proxied: () => new Proxy(new Response('text'), {}), \
               pretended: () => Object.create(new Proxy(new Response('text'), { get: (_, key) => (seen.push(key), undefined), \
                 getOwnPropertyDescriptor: (_, key) => void seen.push(key) })), \
               seen: () => Response.json(seen.filter((key) => key !== 'then').map(String)), \
             }; \
             const seen = []; \
             export default { fetch: (request) => made[new URL(request.url).pathname.slice(1)]() };",
        )
        .deploy()
        .await;
        const TEXT: &str = "text/plain;charset=UTF-8";
        let long = "é".repeat(40_000);
        for (path, status, kind, body) in [
            ("/plain", 200, TEXT, "text"),
            ("/empty", 200, TEXT, ""),
            ("/named", 201, TEXT, "text"),
            ("/coded", 200, "a/b", "text"),
            ("/changed", 200, TEXT, "text"),
            ("/json", 200, "application/json", r#"{"a":1}"#),
            ("/mine", 200, TEXT, "text"),
            ("/constructed", 200, TEXT, "text"),
            ("/cloned", 200, TEXT, "text"),
            ("/long", 200, TEXT, &long),
            ("/halves", 200, TEXT, "a\u{fffd}b"),
            ("/soon", 200, TEXT, "text"),
            ("/once", 200, TEXT, "once"),
        ] {
            let answer = get(&worker, path).await;
            let found = (answer.status, answer.header("content-type"), answer.text());
            assert_eq!(
                found,
                (status, Some(kind.to_owned()), body.to_owned()),
                "{path}"
            );
            let own = answer.header("x-one").or(answer.header("x-kept"));
            let expected = match path {
                "/changed" => Some("1"),
                "/mine" => Some("own"),
                _ => None,
            };
            assert_eq!(own.as_deref(), expected, "{path}");
        }
        for (path, reason) in [
            ("/once", "Body has already been used."),
            ("/proxied", "did not resolve to 'Response'"),
            ("/pretended", "did not resolve to 'Response'"),
        ] {
            let error = explain(&failed(&worker, path).await);
            assert!(error.contains(reason), "{path}: {error}");
        }
        // What is private is asked of nothing that could tell.
        assert_eq!(text(&worker, "/seen").await, "[]");
    });
}

#[test]
fn bytes_stream_through_while_both_sides_go_on() {
    run(async {
        let worker = App::fetch(
            "return new Response(request.body.pipeThrough(new TransformStream({ transform(chunk, controller) { \
             controller.enqueue(chunk.map((byte) => byte + 1)); } })));",
        )
        .deploy()
        .await;
        let (sender, body) = channel(1);
        let mut answer = worker
            .fetch(request("POST", "/", body))
            .await
            .unwrap()
            .into_body();
        for text in ["abc", "x", "123"] {
            sender.send(Ok(Bytes::from(text))).await.unwrap();
            let expected: Vec<u8> = text.bytes().map(|byte| byte + 1).collect();
            assert_eq!(chunk(&mut answer).await.unwrap().unwrap(), expected);
        }
        drop(sender);
        assert_eq!(chunk(&mut answer).await, None);
    });
}

#[test]
fn a_slow_reader_bounds_what_a_worker_makes() {
    run(async {
        let worker = App::new(
            "let made = 0; export default { fetch(request) { \
             if (request.url.endsWith('/made')) return new Response(String(made)); \
             return new Response(new ReadableStream({ pull(controller) { made += 32768; \
             controller.enqueue(new Uint8Array(32768)); } })); } }",
        )
        .deploy()
        .await;
        let mut body = worker
            .fetch(request("GET", "/", Body::empty()))
            .await
            .unwrap()
            .into_body();
        let mut read = 0;
        while read < 1024 * 1024 {
            read += chunk(&mut body).await.unwrap().unwrap().len();
        }
        // The isolate handles frames in order, so whatever the reading made it do is done before it answers this.
        let made: usize = text(&worker, "/made").await.parse().unwrap();
        assert!(
            made <= read + 512 * 1024,
            "{made} bytes made for a reader that took {read}"
        );
        assert_eq!(text(&worker, "/made").await.parse(), Ok(made));
    });
}

#[test]
fn a_slow_worker_bounds_what_a_sender_sends() {
    run(async {
        let worker = App::new(
            "let going = false; export default { async fetch(request) { \
             if (request.url.endsWith('/go')) { going = true; return new Response('going'); } \
             const reader = request.body.getReader(); let total = (await reader.read()).value.length; \
             while (!going) await scheduler.wait(1); \
             for (;;) { const { done, value } = await reader.read(); if (done) break; total += value.length; } \
             return new Response(String(total)); } }",
        )
        .deploy()
        .await;
        let (sender, body) = channel(1);
        let waiting = {
            let worker = worker.clone();
            tokio::spawn(async move { post(&worker, "/", body).await.text() })
        };
        let chunk = Bytes::from(vec![7; 65_536]);
        let mut sent = 0;
        while tokio::time::timeout(
            std::time::Duration::from_millis(100),
            sender.send(Ok(chunk.clone())),
        )
        .await
        .is_ok_and(|sent| sent.is_ok())
        {
            sent += 1;
            assert!(sent < 20, "nobody reads, yet {sent} chunks went");
        }
        text(&worker, "/go").await;
        drop(sender);
        let total: usize = waiting.await.unwrap().parse().unwrap();
        assert_eq!(total, sent * 65_536);
    });
}

#[test]
fn a_body_can_be_passed_on_untouched_or_half_read() {
    run(async {
        let worker = App::fetch(
            "if (request.url.endsWith('/half')) { const reader = request.body.getReader(); \
             const { value } = await reader.read(); reader.releaseLock(); \
             return new Response(request.body.pipeThrough(new IdentityTransformStream()), { headers: { first: String(value.length) } }); } \
             return new Response(request.body);",
        )
        .deploy()
        .await;
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let whole = post(&worker, "/", Body::full(bytes.clone())).await;
        assert!(whole.body == bytes, "{} bytes", whole.body.len());
        let half = post(&worker, "/half", Body::full(bytes.clone())).await;
        let first: usize = half.header("first").unwrap().parse().unwrap();
        assert!(first > 0 && half.body == bytes[first..], "after {first}");
    });
}

#[test]
fn a_body_that_is_only_passed_on_outlives_the_isolate() {
    run(async {
        let worker = App::fetch(
            "const { pathname } = new URL(request.url); if (pathname === '/loop') for (;;); \
             const other = pathname === '/fetched' ? await env.ECHO.fetch(request) : new Response(request.body); \
             const answer = new Response(other.body, other); answer.headers.set('x-own', pathname); return answer;",
        )
        .service("ECHO", Arc::new(Echo))
        .limits(|limits| limits.cpu_ms = 50)
        .deploy()
        .await;
        for path in ["/", "/fetched"] {
            let (sender, body) = channel(1);
            let answer = worker.fetch(request("POST", path, body)).await.unwrap();
            assert_eq!(answer.headers()["x-own"], path);
            let mut answer = answer.into_body();
            for text in ["first", "second"] {
                sender.send(Ok(Bytes::from(text))).await.unwrap();
                assert_eq!(chunk(&mut answer).await.unwrap().unwrap(), text);
                assert!(failed(&worker, "/loop").await.to_string().contains("CPU"));
            }
            drop(sender);
            assert_eq!(chunk(&mut answer).await, None);
        }
    });
}

#[test]
fn a_coded_body_that_is_passed_on_keeps_its_coding_and_its_bytes() {
    run(async {
        let worker = App::fetch(
            "const other = await env.ECHO.fetch(request); const { headers } = new Response(null, other); \
             headers.set('content-encoding', 'gzip'); if (request.url.endsWith('/own')) headers.set('x-own', '1'); \
             return new Response(other.body, { headers });",
        )
        .service("ECHO", Arc::new(Coded))
        .deploy()
        .await;
        // Nothing that looks into these bytes can give them back.
        for path in ["/", "/own"] {
            let answer = get(&worker, path).await;
            assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
            assert_eq!(
                (answer.text(), answer.header("x-own").is_some()),
                (NO_GZIP.to_owned(), path == "/own")
            );
        }
    });
}

const NO_GZIP: &str = "this is no gzip";

/// Answers with what its header does not keep.
struct Coded;

impl Fetcher for Coded {
    fn fetch(
        &self,
        _: host::Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<host::Response, host::FetchError>> + Send + '_>>
    {
        let mut response = host::Response::new(Body::full(NO_GZIP));
        let gzip = http::HeaderValue::from_static("gzip");
        response.headers_mut().insert("content-encoding", gzip);
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// Gives back what it gets.
struct Echo;

impl Fetcher for Echo {
    fn fetch(
        &self,
        request: host::Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<host::Response, host::FetchError>> + Send + '_>>
    {
        Box::pin(std::future::ready(Ok(host::Response::new(
            request.into_body(),
        ))))
    }
}

/// Answers with a body that has ended, or broken, before anybody looks at it, and has told no length.
struct Over(Option<BodyError>);

impl Fetcher for Over {
    fn fetch(
        &self,
        _: host::Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<host::Response, host::FetchError>> + Send + '_>>
    {
        let (sender, body) = channel(1);
        if let Some(error) = &self.0 {
            sender.try_send(Err(error.clone())).unwrap();
        }
        Box::pin(std::future::ready(Ok(host::Response::new(body))))
    }
}

#[test]
fn a_body_that_is_over_before_it_is_passed_on_is_passed_on() {
    run(async {
        let broken = BodyError("it broke".to_owned());
        let worker = App::fetch(
            "const response = await env[request.url.endsWith('/broken') ? 'BROKEN' : 'EMPTY'].fetch(request.url); \
             for (let call = 0; call < 20; call += 1) await (await env.EMPTY.fetch(request.url)).text(); \
             return response;",
        )
        .service("EMPTY", Arc::new(Over(None)))
        .service("BROKEN", Arc::new(Over(Some(broken))))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/empty").await, "");
        let mut body = worker
            .fetch(request("GET", "/broken", Body::empty()))
            .await
            .unwrap()
            .into_body();
        assert!(matches!(chunk(&mut body).await, Some(Err(_))));
        assert_eq!(text(&worker, "/empty").await, "");
    });
}

#[test]
fn a_body_that_nobody_reads_is_let_go() {
    run(async {
        let worker = App::fetch("return new Response('done');").deploy().await;
        let (sender, body) = channel(1);
        assert_eq!(post(&worker, "/", body).await.text(), "done");
        sender.closed().await;
    });
}

#[test]
fn a_reader_that_goes_away_cancels_the_stream() {
    run(async {
        let app = App::fetch(
            "return new Response(new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(10)); }, \
             cancel() { console.log('canceled'); } }));",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        let mut body = worker
            .fetch(request("GET", "/", Body::empty()))
            .await
            .unwrap()
            .into_body();
        chunk(&mut body).await.unwrap().unwrap();
        drop(body);
        assert_eq!(log.next().await.message, "canceled");
    });
}

#[test]
fn a_stream_that_breaks_breaks_for_its_reader() {
    run(async {
        let worker = App::fetch(
            "let pulls = 0; return new Response(new ReadableStream({ pull(controller) { \
             if (pulls++ === 0) controller.enqueue(new Uint8Array(10)); else controller.error(new Error('no more')); } }, \
             { highWaterMark: 0 }));",
        )
        .deploy()
        .await;
        let mut body = worker
            .fetch(request("GET", "/", Body::empty()))
            .await
            .unwrap()
            .into_body();
        assert_eq!(chunk(&mut body).await.unwrap().unwrap().len(), 10);
        assert_eq!(
            chunk(&mut body).await,
            Some(Err(BodyError("no more".to_owned())))
        );
    });
}

#[test]
fn a_request_that_breaks_breaks_for_the_worker() {
    run(async {
        let worker = App::fetch(
            "try { await request.text(); return new Response('whole'); } \
             catch (error) { return new Response(`${error.name}: ${error.message}`); }",
        )
        .deploy()
        .await;
        let (sender, body) = channel(2);
        sender.send(Ok(Bytes::from("part"))).await.unwrap();
        sender
            .send(Err(BodyError("Network connection lost.".to_owned())))
            .await
            .unwrap();
        assert_eq!(
            post(&worker, "/", body).await.text(),
            "Error: Network connection lost."
        );
    });
}

#[test]
fn a_known_length_is_told() {
    run(async {
        let worker = App::fetch(
            "if (request.url.endsWith('/text')) return new Response('äb'); \
             const { readable, writable } = new FixedLengthStream(5); const writer = writable.getWriter(); \
             ctx.waitUntil(writer.write(new Uint8Array([49, 50, 51, 52, 53])).then(() => writer.close())); \
             return new Response(readable);",
        )
        .deploy()
        .await;
        for (path, length) in [("/text", 3), ("/fixed", 5)] {
            let body = worker
                .fetch(request("GET", path, Body::empty()))
                .await
                .unwrap()
                .into_body();
            assert_eq!(body.size_hint().exact(), Some(length), "{path}");
        }
        assert_eq!(text(&worker, "/fixed").await, "12345");
    });
}

#[test]
fn large_bodies_come_whole() {
    run(async {
        let worker = App::fetch(
            "const bytes = new Uint8Array(await request.arrayBuffer()); return new Response(bytes.reverse());",
        )
        .deploy()
        .await;
        for size in [1, 65_535, 65_536, 65_537, 262_144, 262_145, 3_000_000] {
            let bytes: Vec<u8> = (0..size).map(|number: u32| (number / 7) as u8).collect();
            let mut answer = post(&worker, "/", Body::full(bytes.clone()))
                .await
                .body
                .to_vec();
            answer.reverse();
            assert!(answer == bytes, "{size} bytes");
        }
    });
}

#[test]
fn bodies_have_the_coding_that_their_headers_name() {
    run(async {
        let callee = App::new(
            "import zlib from 'node:zlib'; export default { fetch(request) { \
             const text = 'coded '.repeat(100); const { pathname, searchParams } = new URL(request.url); \
             const coding = searchParams.get('coding'); const headers = { 'content-encoding': coding }; \
             if (pathname === '/automatic') return new Response(text, { headers }); \
             const bytes = coding === 'br' ? zlib.brotliCompressSync(text) : zlib.gzipSync(text); \
             return new Response(bytes, { headers, encodeBody: 'manual' }); } };",
        )
        .deploy()
        .await;
        let reader = App::fetch(
            "const answer = await env.NEXT.fetch(request); \
             if (request.headers.has('x-pass')) return answer; \
             if (request.headers.has('x-wrap')) return new Response(answer.body, answer); \
             return new Response(`${answer.headers.get('content-encoding')} ${await answer.text()}`);",
        )
        .service("NEXT", Arc::new(callee.clone()))
        .deploy()
        .await;
        for (coding, path) in [
            ("gzip", "/automatic?coding=gzip"),
            ("gzip", "/manual?coding=gzip"),
            ("br", "/automatic?coding=br"),
            ("br", "/manual?coding=br"),
        ] {
            let coded = get(&callee, path).await;
            assert_eq!(coded.header("content-encoding").as_deref(), Some(coding));
            assert!(coded.body.len() < 100, "{path}: {}", coded.body.len());
            // Who reads it in a worker reads the text; who passes it on passes on what came.
            let read = get(&reader, path).await;
            assert_eq!(
                read.text(),
                format!("{coding} {}", "coded ".repeat(100)),
                "{path}"
            );
            for header in ["x-pass", "x-wrap"] {
                let mut request = request("GET", path, Body::empty());
                request
                    .headers_mut()
                    .insert(header, http::HeaderValue::from_static("1"));
                let passed = send(&reader, request).await.unwrap();
                assert_eq!(passed.header("content-encoding").as_deref(), Some(coding));
                assert!(passed.body.len() < 100, "{path} {header}");
                if header == "x-pass" {
                    assert_eq!(passed.body, coded.body, "{path}");
                }
            }
        }
    });
}
