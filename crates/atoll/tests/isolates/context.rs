//! Asynchronous context: what belongs to one event stays with it.

use host::Body;

use crate::workers::*;

#[test]
fn a_store_follows_timers_listeners_and_microtasks() {
    run(async {
        let worker = App::new(
            "import { AsyncLocalStorage } from 'node:async_hooks'; const storage = new AsyncLocalStorage(); \
             export default { fetch(request) { const name = new URL(request.url).pathname; \
             return storage.run(name, () => new Promise((resolve) => { const seen = []; const note = () => seen.push(storage.getStore()); \
             queueMicrotask(note); Promise.resolve().then(note); setTimeout(note, 1); \
             const target = new EventTarget(); target.addEventListener('x', note); \
             setTimeout(() => { target.dispatchEvent(new Event('x')); \
             resolve(new Response(seen.join())); }, 3); })); } }",
        )
        .deploy()
        .await;
        let paths = ["/a", "/b", "/c"];
        let answers = tokio::join!(
            text(&worker, paths[0]),
            text(&worker, paths[1]),
            text(&worker, paths[2])
        );
        assert_eq!(answers.0, "/a,/a,/a,/a");
        assert_eq!(answers.1, "/b,/b,/b,/b");
        assert_eq!(answers.2, "/c,/c,/c,/c");
    });
}

#[test]
fn events_do_not_see_each_others_stores() {
    run(async {
        let worker = App::new(
            "import { AsyncLocalStorage } from 'node:async_hooks'; const storage = new AsyncLocalStorage(); \
             export default { fetch(request) { const before = String(storage.getStore()); let leave; storage.run('mine', () => { \
             leave = AsyncLocalStorage.snapshot(); }); return leave(() => new Response(`${before} ${storage.getStore()}`)); } }",
        )
        .deploy()
        .await;
        for _ in 0..3 {
            let answer = send(&worker, request("GET", "/", Body::empty()))
                .await
                .unwrap();
            assert_eq!(answer.text(), "undefined mine");
        }
    });
}

#[test]
fn events_and_calls_are_out_of_reach_of_accessors_that_a_program_puts_on_every_object() {
    run(async {
        let other = App::fetch("return new Response('other');").deploy().await;
        let worker = App::fetch(
            "const { pathname } = new URL(request.url); const names = ['id', 'reasons', 'context', 'settle', 'fail', 'read', 'isAnswered', 'object']; \
             if (pathname === '/before') { globalThis.seen = []; for (const name of names) Object.defineProperty(Object.prototype, name, \
             { configurable: true, set(value) { seen.push(name); }, get() { seen.push(name); } }); return new Response('set'); } \
             const answer = await (await env.OTHER.fetch('http://other.test/')).text(); \
             for (const name of names) delete Object.prototype[name]; return new Response(`${answer} ${seen}`);",
        )
        .service("OTHER", std::sync::Arc::new(other))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/before").await, "set");
        assert_eq!(text(&worker, "/after").await, "other ");
    });
}

#[test]
fn a_functions_text_has_nothing_of_what_keeps_the_context() {
    run(async {
        let worker = App::new(
            "async function f(g) { let __atoll_c;__atoll_c=__atoll_ctx_get();for await (const x of g) { __atoll_ctx_set(__atoll_c);x(); } \
             return __atoll_ctx_set(__atoll_ctx_get(),await __atoll_ctx_wait(g())); } \
             export default { fetch() { return new Response(String(f)); } }",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            "async function f(g) { for await (const x of g) { x(); } return (await (g())); }"
        );
    });
}
