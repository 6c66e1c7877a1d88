//! Events: how they begin, what they may do, how they end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use host::{Body, Fetcher, LogKind};
use protocol::{FailureKind, LogLevel};

use crate::workers::*;

#[test]
fn work_goes_on_after_the_response() {
    run(async {
        let app = App::fetch(
            "ctx.waitUntil(scheduler.wait(5).then(() => console.log('later'))); return new Response('now');",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/").await, "now");
        assert_eq!(log.next().await.message, "later");
    });
}

#[test]
fn what_fails_after_the_response_is_logged() {
    run(async {
        let app = App::fetch(
            "ctx.waitUntil(Promise.reject(new RangeError('too late'))); return new Response('fine');",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/").await, "fine");
        let record = log.next().await;
        assert_eq!(record.message, "Uncaught RangeError: too late");
        assert!(
            matches!(record.kind, LogKind::Uncaught(failure) if failure.stack.contains("index.js:1:"))
        );
    });
}

#[test]
fn wait_until_is_an_import_as_well() {
    run(async {
        let app = App::new(
            "import { waitUntil } from 'cloudflare:workers'; export default { fetch() { \
             waitUntil(scheduler.wait(1).then(() => console.log('imported'))); return new Response('ok'); } }",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/").await, "ok");
        assert_eq!(log.next().await.message, "imported");
    });
}

#[test]
fn a_caller_that_goes_away_aborts_the_request() {
    run(async {
        let app = App::fetch(
            "request.signal.addEventListener('abort', () => console.log(`${request.signal.reason.name} ${Date.now()}`)); \
             console.log('waiting'); await scheduler.wait(60000, { signal: request.signal }); return new Response();",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        let waiting = {
            let worker = worker.clone();
            tokio::spawn(async move { worker.fetch(request("GET", "/", Body::empty())).await })
        };
        assert_eq!(log.next().await.message, "waiting");
        // Nothing else tells the isolate that time has gone on since its event began.
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2) {
            tokio::task::yield_now().await;
        }
        let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        waiting.abort();
        let aborted = log.next().await.message;
        let (name, at) = aborted.split_once(' ').unwrap();
        assert_eq!(name, "AbortError");
        assert!(
            at.parse::<u128>().unwrap() >= gone.as_millis(),
            "{at} is before {gone:?}"
        );
    });
}

#[test]
fn handlers_other_than_fetch_run() {
    run(async {
        let app = App::new(
            "export default { scheduled(controller, env, ctx) { if (controller.cron === 'bad') throw new Error('no cron'); \
             console.log(controller.cron, controller.scheduledTime, typeof ctx.waitUntil); }, \
             async test(controller, env, ctx) { await scheduler.wait(1); console.log('tested'); } }",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        worker
            .scheduled("*/5 * * * *", 1_700_000_000_000.0)
            .await
            .unwrap();
        assert_eq!(
            log.next().await.message,
            "*/5 * * * * 1700000000000 function"
        );
        let failed = failure(worker.scheduled("bad", 0.0).await.unwrap_err());
        assert_eq!(failed.to_string(), "Error: no cron");
        worker.test(None).await.unwrap();
        assert_eq!(log.next().await.message, "tested");
    });
}

#[test]
fn entrypoints_are_objects_or_classes() {
    run(async {
        let worker = App::new(
            "import { WorkerEntrypoint } from 'cloudflare:workers'; \
             export default class extends WorkerEntrypoint { fetch(request) { \
             return new Response(`${this.env.NAME} ${typeof this.ctx.waitUntil} ${new URL(request.url).pathname}`); } } \
             export const admin = { fetch: () => new Response('admin') }; \
             export class Other extends WorkerEntrypoint { fetch() { return new Response('other'); } }",
        )
        .bind("NAME", protocol::BindingValue::Text("class".to_owned()))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/p").await, "class function /p");
        assert_eq!(text(&*worker.entrypoint(Some("admin")), "/").await, "admin");
        assert_eq!(text(&*worker.entrypoint(Some("Other")), "/").await, "other");
        let names: Vec<_> = worker
            .exports()
            .entrypoints
            .iter()
            .map(|entry| (entry.name.as_str(), entry.handlers.join(" ")))
            .collect();
        assert_eq!(
            names,
            [
                ("Other", "fetch".to_owned()),
                ("admin", "fetch".to_owned()),
                ("default", "fetch".to_owned())
            ]
        );
    });
}

#[test]
fn what_is_not_exported_is_told() {
    run(async {
        let worker = App::new("export default { scheduled() {} }").deploy().await;
        let none = failure(failed(&worker, "/").await);
        assert_eq!(none.kind, FailureKind::NoHandler);
        assert_eq!(none.message, "Handler does not export a fetch() function.");
        let nobody = failure(failed(&*worker.entrypoint(Some("nobody")), "/").await);
        assert_eq!(nobody.kind, FailureKind::NoHandler);
        assert!(nobody.message.contains("nobody"), "{nobody}");
        let test = failure(worker.test(None).await.unwrap_err());
        assert_eq!(test.message, "Handler does not export a test() function.");
    });
}

#[test]
fn errors_reach_the_caller_with_their_place() {
    run(async {
        let worker = App::new(
            "export default { fetch(request) {\n  const path = new URL(request.url).pathname;\n\
             if (path === '/throw') throw new TypeError('thrown');\n  if (path === '/reject') return Promise.reject(new Error('rejected'));\n\
             if (path === '/string') throw 'text';\n  if (path === '/nothing') return;\n  if (path === '/number') return 5;\n\
             return new Response('fine');\n} }",
        )
        .deploy()
        .await;
        let thrown = failure(failed(&worker, "/throw").await);
        assert_eq!(thrown.to_string(), "TypeError: thrown");
        assert_eq!(thrown.kind, FailureKind::Exception);
        assert!(thrown.stack.contains("index.js:3:"), "{}", thrown.stack);
        let rejected = failure(failed(&worker, "/reject").await);
        assert_eq!(rejected.to_string(), "Error: rejected");
        assert!(rejected.stack.contains("index.js:4:"), "{}", rejected.stack);
        let text = failure(failed(&worker, "/string").await);
        assert_eq!(text.message, "Uncaught text");
        for path in ["/nothing", "/number"] {
            let wrong = failure(failed(&worker, path).await);
            assert_eq!(
                wrong.to_string(),
                "TypeError: Incorrect type for Promise: the Promise did not resolve to 'Response'."
            );
        }
        assert_eq!(get(&worker, "/").await.text(), "fine");
    });
}

#[test]
fn an_event_that_can_never_end_is_ended() {
    run(async {
        let worker = App::fetch("await new Promise(() => {});").deploy().await;
        let hung = failure(failed(&worker, "/").await);
        assert_eq!(hung.kind, FailureKind::Hung);
        assert!(
            hung.message.starts_with(
                "The Workers runtime canceled this request because it detected that your Worker's code had hung and \
                 would never generate a response."
            ),
            "{hung}"
        );
    });
}

#[test]
fn a_hung_event_does_not_end_others() {
    run(async {
        // The first waits for the second, which the isolate cannot know.
        let worker = App::new(
            "let open; const gate = new Promise((resolve) => { open = resolve; }); export default { async fetch(request) { \
             if (request.url.endsWith('/open')) { await scheduler.wait(1); open(); return new Response('opened'); } \
             await scheduler.wait(1); console.log('waiting'); await gate; return new Response('through'); } }",
        )
        .deploy()
        .await;
        let (first, second) = tokio::join!(
            send(&worker, request("GET", "/", Body::empty())),
            send(&worker, request("GET", "/open", Body::empty()))
        );
        assert_eq!(second.unwrap().text(), "opened");
        assert_eq!(first.unwrap().text(), "through");
    });
}

#[test]
fn rejections_that_nobody_handles_are_logged() {
    run(async {
        let app = App::new(
            "export default { async fetch(request) { if (request.url.endsWith('/late')) { \
             const promise = Promise.reject(new Error('handled late')); await null; promise.catch(() => {}); \
             return new Response('late'); } \
             Promise.reject(new Error('nobody cares')); return new Response('ok'); } }",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/late").await, "late");
        assert_eq!(text(&worker, "/").await, "ok");
        assert_eq!(log.next().await.message, "Uncaught Error: nobody cares");
    });
}

#[test]
fn rejections_can_be_listened_for() {
    run(async {
        let app = App::new(
            "addEventListener('unhandledrejection', (event) => { event.preventDefault(); console.log(event.reason.message); }); \
             export default { fetch() { Promise.reject(new Error('heard')); return new Response('ok'); } }",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/").await, "ok");
        let record = log.next().await;
        assert_eq!(
            (record.kind, record.message.as_str()),
            (LogKind::Console(LogLevel::Log), "heard")
        );
    });
}

#[test]
fn console_lines_have_their_level() {
    run(async {
        let app = App::fetch(
            "for (const level of ['debug', 'log', 'info', 'warn', 'error']) console[level](level, { a: [1, 'x'] }); \
             return new Response('ok');",
        );
        let worker = app.deploy().await;
        let mut log = Log::of(worker.name()).await;
        text(&worker, "/").await;
        for (level, name) in [
            (LogLevel::Debug, "debug"),
            (LogLevel::Log, "log"),
            (LogLevel::Info, "info"),
            (LogLevel::Warn, "warn"),
            (LogLevel::Error, "error"),
        ] {
            let record = log.next().await;
            assert_eq!(record.kind, LogKind::Console(level));
            assert_eq!(record.message, format!("{name} {{ a: [ 1, 'x' ] }}"));
        }
    });
}

#[test]
fn timers_run_in_order_and_can_be_taken_back() {
    run(async {
        let worker = App::fetch(
            "const seen = []; const note = (name) => seen.push(name); setTimeout(note, 3, 'c'); setTimeout(note, 1, 'a'); \
             setTimeout(note, 2, 'b'); clearTimeout(setTimeout(note, 1, 'never')); setTimeout(note, 0, 'now'); \
             let ticks = 0; await new Promise((resolve) => { const id = setInterval(() => { \
             if (++ticks === 3) { clearInterval(id); resolve(); } }, 2); }); await scheduler.wait(2); \
             return new Response(`${seen.join()} ${ticks}`);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "now,a,b,c 3");
    });
}

#[test]
fn time_stands_still_while_code_runs_and_moves_with_io() {
    run(async {
        let worker = App::fetch(
            "const start = Date.now(); for (let i = 0; i < 3e6; i++); const after = Date.now(); const mark = performance.now(); \
             await scheduler.wait(20); return Response.json([after - start, Date.now() - start >= 20, performance.now() - mark >= 20]);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[0,true,true]");
    });
}
