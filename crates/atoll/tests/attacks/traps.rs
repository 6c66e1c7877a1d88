//! Values that do something when they are looked at.

use protocol::FailureKind;

use crate::workers::*;

/// Deploys a handler that answers `fine` at `/fine` and runs this code elsewhere.
async fn trap(code: &str) -> host::Worker {
    App::fetch(&format!(
        "if (request.url.endsWith('/fine')) return new Response('fine'); {code}"
    ))
    .limits(|limits| limits.cpu_ms = 100)
    .deploy()
    .await
}

#[test]
fn thrown_values_cannot_break_the_report() {
    run(async {
        for code in [
            "throw { get message() { throw new Error('inner'); } };",
            "throw { message: 'x', get name() { throw 1; } };",
            "throw { toString() { throw this; } };",
            "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } });",
            "throw Object.assign(new Error('x'), { stack: { toString() { throw 1; } } });",
            "throw Symbol('x');",
            "throw Object.create(null);",
            "throw undefined;",
            "return { get then() { throw new Error('then'); } };",
            "return { then(resolve) { resolve(5); } };",
            "return new Proxy(new Response('x'), {});",
            "return Object.create(Response.prototype);",
        ] {
            let worker = trap(code).await;
            let failure = failure(failed(&worker, "/").await);
            assert_eq!(failure.kind, FailureKind::Exception, "{code}: {failure}");
            assert_eq!(text(&worker, "/fine").await, "fine", "after: {code}");
        }
    });
}

#[test]
fn thrown_values_cannot_stop_the_clock() {
    run(async {
        for code in [
            "throw { get message() { for (;;); } };",
            "throw { message: 'x', get stack() { for (;;); } };",
            "Promise.reject({ get message() { for (;;); } }); await scheduler.wait(1e6);",
            "addEventListener('unhandledrejection', () => { Promise.reject(1); }); Promise.reject(1); await scheduler.wait(1e6);",
            "Object.defineProperty(globalThis, 'dispatchEvent', { get() { Promise.reject(1); throw 1; } }); Promise.reject(1); await scheduler.wait(1e6);",
            "setTimeout(() => { throw { get message() { for (;;); } }; }, 0); await scheduler.wait(1e6);",
        ] {
            let worker = trap(code).await;
            let failure = failure(failed(&worker, "/").await);
            assert_eq!(failure.kind, FailureKind::Cpu, "{code}: {failure}");
            assert_eq!(text(&worker, "/fine").await, "fine", "after: {code}");
        }
    });
}

#[test]
fn traps_at_top_level_only_fail_the_program() {
    run(async {
        for code in [
            "throw { get message() { throw 1; } };",
            "throw new Proxy({}, { get() { throw 1; } });",
            "Promise.reject({ get message() { throw 1; } }); throw 1;",
            "await Promise.reject(Object.create(null));",
            "throw null;",
            "throw { toString() { throw this; } };",
            "throw new Proxy({}, { getPrototypeOf() { for (;;); } });",
            "export default new Proxy({}, { get() { throw 1; } });",
            "export default { get fetch() { throw 1; } };",
            "export function then(resolve, reject) { reject(1); }",
            "import { DurableObject } from 'cloudflare:workers'; Object.defineProperty(DurableObject, Symbol.hasInstance, { value() { throw 1; } }); export default class {}",
        ] {
            let refused = App::new(code).refused().await;
            assert_eq!(refused.kind, FailureKind::Exception, "{code}: {refused}");
        }
        let never = App::new("export function then() {}").refused().await;
        assert_eq!(never.kind, FailureKind::Hung);
    });
}

#[test]
fn traps_at_top_level_cannot_stop_the_clock() {
    run(async {
        for code in [
            "throw { get message() { for (;;); } };",
            "throw { message: 'x', get stack() { for (;;); } };",
            "throw { toString() { for (;;); } };",
            "throw new Proxy(new Error('x'), { get() { for (;;); } });",
            "await Promise.reject({ get message() { for (;;); } });",
            "await { then() { for (;;); } };",
            "export function then() { for (;;); }",
            "export default { get fetch() { for (;;); } };",
            "export default new Proxy({}, { get() { for (;;); }, has() { for (;;); } });",
            "export default new Proxy(class {}, { get() { for (;;); } });",
        ] {
            let spin = App::new(code)
                .limits(|limits| limits.startup_cpu_ms = 50)
                .refused()
                .await;
            assert_eq!(spin.kind, FailureKind::Cpu, "{code}: {spin}");
        }
    });
}

#[test]
fn errors_at_top_level_say_where() {
    run(async {
        for code in [
            "throw new Error('x');",
            "await null; throw new Error('x');",
            "const f = () => { throw new Error('x'); }; f();",
            "await Promise.reject(new Error('x'));",
            "null.x;",
        ] {
            let refused = App::new(code).refused().await;
            assert!(refused.stack.contains("index.js:1:"), "{code}: {refused:?}");
        }
    });
}

#[test]
fn subclasses_cannot_lie_about_a_response() {
    run(async {
        let worker = trap(
            "class Liar extends Response { get status() { return 99; } get headers() { throw 1; } get body() { throw 2; } } return new Liar('true', { status: 201 });",
        )
        .await;
        let answer = get(&worker, "/").await;
        assert_eq!((answer.status, answer.text().as_str()), (201, "true"));
    });
}

#[test]
fn nothing_blocks_a_thread_without_using_it() {
    run(async {
        let worker = App::fetch(
            "if (typeof SharedArrayBuffer === 'undefined') return new Response('refused'); \
             try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return new Response('waited'); } \
             catch (error) { return new Response('refused'); }",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "refused");
    });
}
