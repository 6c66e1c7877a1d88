//! Code from strings: what it gets, what it does not, what stops it, and how long it stays.

use host::Body;

use super::workers::*;

/// A worker with a loader, and what makes code shorter to write.
const LOADING: &str = r#"
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
export class Tools extends WorkerEntrypoint {
  add(a, b) { return a + b; }
  who() { return this.ctx.props.user; }
}
const base = { compatibilityDate: "2026-06-11", compatibilityFlags: ["nodejs_compat"], mainModule: "main.js" };
const code = (source, more = {}) => ({ ...base, modules: { "main.js": source }, ...more });
const body = (run) => `export default { async fetch(request, env, ctx) { ${run} } }`;
const text = async (entrypoint, url = "http://x/") => (await entrypoint.fetch(url)).text();
const ending = async (call) => { try { return await call(); } catch (error) { return `${error.name}: ${error.message}`; } };
"#;

/// The worker whose `run` has `load(source, more)` in reach, and answers with what it gives.
async fn loading(run: &str) -> host::Worker {
    let code = format!(
        "{LOADING}\nexport default {{ async fetch(request, env, ctx) {{ \
         if (request.headers.has('x-out')) return new Response(`the parent saw ${{request.url}}`); \
         const load = (source, more) => env.LOADER.load(code(source, more)); \
         return Response.json(await (async () => {{ {run} }})()); }} }};"
    );
    let loader = runtime().await.loader();
    App::new(&code).loader("LOADER", loader).deploy().await
}

/// What `run` gives, as JSON.
async fn gives(run: &str) -> String {
    text(&loading(run).await, "/").await
}

#[test]
fn a_string_becomes_a_worker() {
    run(async {
        let answer = gives(
            r#"
            const worker = load(`
              import { WorkerEntrypoint } from "cloudflare:workers";
              export class Sum extends WorkerEntrypoint { add(a, b) { return a + b; } async twice(f) { return await f(await f(this.ctx.props.start)); } }
              ${body('return new Response("from a string")')}`);
            return [
              await text(worker.getEntrypoint()),
              await worker.getEntrypoint("Sum").add(1, 2),
              await worker.getEntrypoint("Sum", { props: { start: 3 } }).twice((x) => x * x),
            ];"#,
        )
        .await;
        assert_eq!(answer, r#"["from a string",3,81]"#);
    });
}

#[test]
fn those_who_ask_for_a_new_worker_at_once_share_it() {
    run(async {
        let answer = gives(
            r#"
            const source = `let asked = 0; ${body("asked += 1; return new Response(String(asked))")}`;
            for (let i = 0; i < 40; i += 1) {
              const entrypoint = load(source).getEntrypoint();
              const answers = await Promise.all(Array.from({ length: 8 }, () => text(entrypoint)));
              if (answers.sort().join() !== "1,2,3,4,5,6,7,8") return answers;
            }
            return "one each";"#,
        )
        .await;
        assert_eq!(answer, r#""one each""#);
    });
}

#[test]
fn modules_are_of_many_kinds() {
    run(async {
        let answer = gives(
            r#"
            const worker = env.LOADER.load({ ...base, mainModule: "main.ts", modules: {
              "main.ts": `import text from "./a.txt"; import json from "./b"; import data from "./c"; import cjs from "./d.cjs";
                import { e } from "./lib/e.js"; interface Named { name: string }
                const named: Named = { name: "typed" };
                export default { fetch: (): Response => Response.json([text, json, data.byteLength, cjs.v, e, named.name]) };`,
              "a.txt": { text: "text" }, b: { json: { a: 1 } }, c: { data: new ArrayBuffer(3) },
              "d.cjs": { cjs: "module.exports = { v: 5 };" }, "lib/e.js": "export const e = 9;",
            } });
            return JSON.parse(await text(worker.getEntrypoint()));"#,
        )
        .await;
        assert_eq!(answer, r#"["text",{"a":1},3,5,9,"typed"]"#);
    });
}

#[test]
fn it_has_what_it_was_handed_and_nothing_else() {
    run(async {
        let answer = gives(
            r#"
            const probe = body(`
              const found = [];
              for (const name of ["LOADER", "SECRET"]) if (name in env) found.push(name);
              return Response.json([Object.keys(env), found, await env.TOOLS.add(1, 2), await env.TOOLS.who(), env.plain.a, await env.call("x")]);`);
            const env1 = { TOOLS: ctx.exports.Tools({ props: { user: "a user" } }), plain: { a: 1 }, call: (x) => `called ${x}` };
            return [
              JSON.parse(await text(load(probe, { env: env1 }).getEntrypoint())),
              await ending(() => text(load(body(`return Response.json(Object.keys(env))`)).getEntrypoint())),
            ];"#,
        )
        .await;
        assert_eq!(
            answer,
            r#"[[["TOOLS","plain","call"],[],3,"a user",1,"called x"],"[]"]"#
        );
    });
}

#[test]
fn its_way_out_is_the_one_that_it_was_given() {
    run(async {
        let answer = gives(
            r#"
            const out = body(`return await fetch("http://away.test/page", { headers: { "x-out": "1" } })`);
            return [
              await text(load(out, { globalOutbound: ctx.exports.default }).getEntrypoint()),
              await ending(() => text(load(out, { globalOutbound: null }).getEntrypoint())),
            ];"#,
        )
        .await;
        assert_eq!(
            answer,
            "[\"the parent saw http://away.test/page\",\"Error: This worker is not permitted to access the internet via \
             global functions like fetch(). It must use capabilities (such as bindings in 'env') to talk to the outside \
             world.\"]"
        );
    });
}

#[test]
fn a_name_finds_the_same_worker_again() {
    run(async {
        let worker = loading(
            r#"
            let asked = 0;
            const counter = () => env.LOADER.get("counter", async () => {
              asked += 1;
              return code(`let count = 0; ${body("return new Response(String(count += 1))")}`);
            });
            const counts = [];
            for (let i = 0; i < 3; i += 1) counts.push(await text(counter().getEntrypoint()));
            return [counts, asked];"#,
        )
        .await;
        assert_eq!(text(&worker, "/").await, r#"[["1","2","3"],1]"#);
        assert_eq!(text(&worker, "/").await, r#"[["4","5","6"],0]"#);
    });
}

#[test]
fn code_that_does_not_start_says_why_and_where() {
    run(async {
        let answer = gives(
            r#"
            const fails = (source, more) => ending(() => text(load(source, more).getEntrypoint()));
            return [
              await fails("export default {\n  fetch() { return new Response(]; }\n};"),
              await fails("\nthrow new TypeError('at the start');"),
              await fails("import './nothing.js';"),
              await fails("export const a = 1;"),
              await ending(() => load(body("")).getEntrypoint("Nobody").foo()),
              await fails(body("throw new RangeError('inside')")),
              await ending(() => env.LOADER.load({ ...base, mainModule: "a.ts", modules: { "a.ts": "const a: = 1;" } }).getEntrypoint().fetch("http://x/")),
              await ending(() => env.LOADER.get("bad", () => { throw new Error("no code"); }).getEntrypoint().fetch("http://x/")),
            ];"#,
        )
        .await;
        let lines: Vec<String> = serde_json::from_str(&answer).unwrap();
        let expected = [
            "Error: Failed to start Worker:\nUncaught SyntaxError: unexpected token in expression: ']'\n  at main.js:2:33",
            "Error: Failed to start Worker:\nUncaught TypeError: at the start\n  at main.js:2:",
            "Error: Failed to start Worker:\nUncaught Error: No such module \"nothing.js\".\n  imported from \"main.js\"",
            "Error: Worker has no default entrypoint.",
            "Error: Worker has no such entrypoint: Nobody",
            "RangeError: inside",
            "Error: Failed to start Worker:\nUncaught SyntaxError: ",
            "Error: no code",
        ];
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{line:?} is not {expected:?}");
        }
        assert_eq!(lines.len(), expected.len());
    });
}

#[test]
fn flags_that_workers_do_not_know_keep_code_from_starting() {
    run(async {
        let answer = gives(
            r#"
            const modules = { "main.js": "export default { fetch: () => new Response('started') }" };
            const start = (more) => ending(async () => {
              const worker = env.LOADER.load({ ...base, modules, ...more });
              return (await worker.getEntrypoint().fetch("http://x/")).text();
            });
            return [
              await start({ compatibilityFlags: ["url_standard", "no_web_socket_compression"] }),
              await start({ compatibilityFlags: ["nodejs_compatt"] }),
              await start({ compatibilityFlags: ["nodejs_compat", "no_nodejs_compat"] }),
              await start({ compatibilityFlags: ["nodejs_compat", "nodejs_compat"] }),
              await start({ compatibilityFlags: "nodejs_compat" }),
              await start({ compatibilityDate: undefined }),
            ];"#,
        )
        .await;
        let lines: Vec<String> = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            lines,
            [
                "started",
                "Error: No such compatibility flag: nodejs_compatt",
                "Error: Compatibility flags are mutually contradictory: nodejs_compat vs no_nodejs_compat",
                "Error: Compatibility flag specified multiple times: nodejs_compat",
                "TypeError: Incorrect type for the 'compatibilityFlags' field on 'WorkerCode': the provided value is not of type 'Array'.",
                "Error: Invalid compatibility date: undefined",
            ]
        );
    });
}

#[test]
fn what_is_no_code_is_refused() {
    run(async {
        let answer = gives(
            r#"
            const refused = (more) => ending(() => env.LOADER.load({ ...base, modules: { "main.js": "1" }, ...more }));
            return [
              await refused({ modules: { "main.foo": "x" } }),
              await refused({ modules: {} }),
              await refused({ mainModule: undefined }),
              await refused({ modules: { "main.js": { js: "1", text: "2" } } }),
              await refused({ modules: { "main.py": "print()" } }),
              await refused({ modules: { "main.js": "x".repeat(33 * 1024 * 1024) } }),
              await refused({ env: { big: "x".repeat(2 * 1024 * 1024) } }),
              await refused({ limits: { cpuMs: -1 } }),
              await refused({ globalOutbound: {} }),
              await refused({ compatibilityDate: "tomorrow" }),
              await refused({ compatibilityDate: "2026-02-31x" }),
              await refused({ compatibilityDate: "9999-01-01" }),
            ].map((line) => line.slice(0, 60));"#,
        )
        .await;
        let lines: Vec<String> = serde_json::from_str(&answer).unwrap();
        let kinds: Vec<&str> = lines
            .iter()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "TypeError:",
                "TypeError:",
                "TypeError:",
                "TypeError:",
                "Error:",
                "TypeError:",
                "TypeError:",
                "TypeError:",
                "TypeError:",
                "Error:",
                "Error:",
                "Error:"
            ],
            "{lines:#?}"
        );
    });
}

#[test]
fn limits_hold_for_workers_and_for_entrypoints() {
    run(async {
        let answer = gives(
            r#"
            const endless = body("for (;;) {}");
            const calls = body("for (let i = 0; i < 9; i += 1) await env.TOOLS.add(1, 1); return new Response('all');");
            const hog = body("const all = []; for (;;) all.push('x'.repeat(999) + all.length)");
            const tools = { TOOLS: ctx.exports.Tools };
            const ends = (source, more, options) => ending(() => text(load(source, more).getEntrypoint(undefined, options)));
            return [
              await ends(endless, { limits: { cpuMs: 50 } }),
              await ends(endless, {}, { limits: { cpuMs: 40 } }),
              await ends(endless, { limits: { cpuMs: 30 } }, { limits: { cpuMs: 5000 } }),
              await ends("for (;;) {}"),
              await ends(body("await scheduler.wait(60000)"), { limits: { wallMs: 50 } }),
              await ends(hog, { limits: { memoryMb: 16 } }),
              await ends(hog, {}, { limits: { memoryMb: 24 } }),
              await ends(hog, { limits: { memoryMb: 32 } }, { limits: { memoryMb: 64 } }),
              await ends(calls, { env: tools, limits: { subRequests: 5 } }),
              await ends(calls, { env: tools }, { limits: { subRequests: 5 } }),
              await ends(calls, { env: tools, limits: { subRequests: 9 } }),
            ];"#,
        )
        .await;
        let lines: Vec<String> = serde_json::from_str(&answer).unwrap();
        let lines: Vec<String> = lines.iter().map(|line| without_excess(line)).collect();
        assert_eq!(
            lines,
            [
                "Error: Worker exceeded CPU time limit (50 ms).",
                "Error: Worker exceeded CPU time limit (40 ms).",
                "Error: Worker exceeded CPU time limit (30 ms).",
                "Error: Worker exceeded CPU time limit (1000 ms).",
                "Error: Worker exceeded wall time limit (50 ms).",
                "Error: Worker exceeded memory limit (16 MB).",
                "Error: Worker exceeded memory limit (24 MB).",
                "Error: Worker exceeded memory limit (32 MB).",
                "Error: Too many subrequests by single Worker invocation. The limit is 5, and this is number 6.",
                "Error: Too many subrequests by single Worker invocation. The limit is 5, and this is number 6.",
                "all",
            ]
        );
    });
}

#[test]
fn a_worker_that_was_stopped_starts_again_for_the_next_caller() {
    run(async {
        let answer = gives(
            r#"
            const worker = load(body("if (request.url.endsWith('loop')) for (;;) {} return new Response('fine');"), { limits: { cpuMs: 50 } });
            const entrypoint = worker.getEntrypoint();
            return [await text(entrypoint), await ending(() => text(entrypoint, "http://x/loop")), await text(entrypoint)];"#,
        )
        .await;
        let lines: Vec<String> = serde_json::from_str(&answer).unwrap();
        let lines: Vec<String> = lines.iter().map(|line| without_excess(line)).collect();
        assert_eq!(
            lines,
            [
                "fine",
                "Error: Worker exceeded CPU time limit (50 ms).",
                "fine"
            ]
        );
    });
}

#[test]
fn workers_with_names_that_are_idle_end_when_memory_is_short() {
    run(async {
        let loader = runtime().await.loader();
        let worker = App::fetch(
            "globalThis.made ??= 0; \
             const code = () => { made += 1; return { compatibilityDate: '2026-06-11', mainModule: 'a.js', modules: { 'a.js': \
             `let count = 0, more = ''; export default { async fetch(request) { count += 1; \
             if (request.url.endsWith('slow')) { more = ' at work'; await scheduler.wait(1e5); } return new Response(count + more); } }` } }; }; \
             const entrypoint = env.LOADER.get('kept', code).getEntrypoint(); \
             return new Response(`${await (await entrypoint.fetch(request)).text()} ${made}`);",
        );
        let worker = worker.loader("LOADER", loader.clone()).deploy().await;
        assert_eq!(text(&worker, "/").await, "1 1");
        assert_eq!(text(&worker, "/").await, "2 1");
        loader.let_go();
        // It is made anew, by its callback.
        assert_eq!(text(&worker, "/").await, "1 2");
        // One that is at work goes on.
        let slow = {
            let worker = worker.clone();
            tokio::spawn(async move { send(&worker, request("GET", "/slow", Body::empty())).await })
        };
        while !text(&worker, "/").await.contains("at work") {}
        loader.let_go();
        assert!(text(&worker, "/").await.ends_with("at work 2"));
        slow.abort();
    });
}

#[test]
fn a_worker_outlives_its_stub_as_long_as_it_has_something_to_do() {
    run(async {
        let answer = gives(
            r#"
            const stream = async () => {
              const worker = load(body(`
                const { readable, writable } = new TransformStream();
                ctx.waitUntil((async () => {
                  const writer = writable.getWriter();
                  for (const part of ["slow", "ly"]) { await scheduler.wait(60); await writer.write(new TextEncoder().encode(part)); }
                  await writer.close();
                })());
                return new Response(readable);`));
              return (await worker.getEntrypoint().fetch("http://x/")).body;
            };
            return await new Response(await stream()).text();"#,
        )
        .await;
        assert_eq!(answer, "\"slowly\"");
    });
}

#[test]
fn loaders_can_be_handed_on() {
    run(async {
        let answer = gives(
            r#"
            const outer = load(body(`
              const inner = env.L.load({ compatibilityDate: "2026-06-11", mainModule: "a.js", modules: { "a.js": "export default { fetch: () => new Response('inner') }" } });
              return inner.getEntrypoint().fetch(request);`), { env: { L: env.LOADER } });
            const itself = load(`import { WorkerEntrypoint } from "cloudflare:workers"; export class Me extends WorkerEntrypoint { hi() { return "myself"; } } ${body("return new Response(await ctx.exports.Me.hi())")}`);
            return [await text(outer.getEntrypoint()), await text(itself.getEntrypoint())];"#,
        )
        .await;
        assert_eq!(answer, r#"["inner","myself"]"#);
    });
}
