//! What code from a string may try with what it was handed, and with what it was not.

use crate::workers::*;

/// What `attack` gives as JSON, run as a dynamic worker with a tool, a function and a loader.
async fn tried(attack: &str) -> String {
    let code = format!(
        r#"
        import {{ WorkerEntrypoint, RpcTarget }} from "cloudflare:workers";
        class Inner extends RpcTarget {{ #hidden = "private"; own = "instance"; open() {{ return "opened"; }} }}
        export class Tools extends WorkerEntrypoint {{
          #secret = "private"; own = "instance";
          add(a, b) {{ return a + b; }}
          inner() {{ return new Inner(); }}
          fail(value) {{ throw value ?? new Error("from the parent"); }}
          async each(f) {{ return await f("lent"); }}
        }}
        export class Admin extends WorkerEntrypoint {{ wipe() {{ return "wiped"; }} }}
        const source = `
          const ending = async (work) => {{ try {{ return await work(); }} catch (error) {{ return error.name + ": " + error.message; }} }};
          export default {{ async fetch(request, env, ctx) {{ return Response.json(await (async () => {{ {attack} }})()); }} }};`;
        export default {{ async fetch(request, env, ctx) {{
          const worker = env.LOADER.load({{ compatibilityDate: "2026-06-11", mainModule: "a.js", modules: {{ "a.js": source }}, globalOutbound: null,
            limits: {{ cpuMs: 2000, memoryMb: 128 }}, env: {{ TOOLS: ctx.exports.Tools, say: (x) => x }} }});
          return worker.getEntrypoint().fetch(request);
        }} }};"#
    );
    let loader = runtime().await.loader();
    let worker = App::new(&code).loader("LOADER", loader).deploy().await;
    text(&worker, "/").await
}

#[test]
fn names_that_were_not_given_lead_nowhere() {
    run(async {
        let answer = tried(
            "const paths = [[\"own\"], [\"env\"], [\"ctx\"], [\"constructor\"], [\"__proto__\"], [\"prototype\"], [\"toString\"], [\"hasOwnProperty\"], \
             [\"inner\", \"constructor\"], [\"wipe\"], [\"Admin\"], [\"alarm\"], [\"dup\"], [\"add\", \"constructor\"], [\"add\", \"call\"]]; const got = []; \
             for (const path of paths) try { let at = env.TOOLS; for (const name of path) at = at[name]; const value = await at(1); \
             got.push(path.join(\".\") + \" gave \" + typeof value); } catch {} \
             for (const name of [\"own\", \"env\", \"ctx\", \"constructor\"]) try { const value = await env.TOOLS[name]; got.push(name + \" is \" + typeof value); } catch {} \
             got.push(Object.keys(env).join()); got.push(Object.keys(ctx.exports ?? {}).join()); return got;",
        )
        .await;
        let got: Vec<String> = serde_json::from_str(&answer).unwrap();
        // `dup` makes another stub of the same thing, and each stub can be shown as text: that gives nothing more.
        let powers: Vec<&String> = got
            .iter()
            .filter(|line| line.contains(" gave ") || line.contains(" is "))
            .collect();
        assert!(
            powers.iter().all(|line| [
                "dup gave object",
                "dup gave function",
                "toString gave string"
            ]
            .contains(&line.as_str())
                || *line == "constructor is function"),
            "{got:?}"
        );
        assert!(got.contains(&"TOOLS,say".to_owned()), "{got:?}");
    });
}

#[test]
fn what_was_given_back_or_lent_cannot_be_used_any_more() {
    run(async {
        let answer = tried(
            "const inner = await env.TOOLS.inner(); const seen = [await inner.open()]; inner[Symbol.dispose](); seen.push(await ending(() => inner.open())); \
             let kept; await env.TOOLS.each((x) => { kept = x; }); const copy = inner.open; seen.push(await ending(() => copy())); \
             return seen;",
        )
        .await;
        let seen: Vec<String> = serde_json::from_str(&answer).unwrap();
        assert_eq!(seen[0], "opened");
        assert!(
            seen[1..].iter().all(|line| line.contains("Error: ")),
            "{seen:?}"
        );
    });
}

#[test]
fn errors_carry_no_powers_and_no_lies() {
    run(async {
        // An error that crosses is a copy: no accessors run, nothing that it refers to can be called, no flags are made up.
        let answer = tried(
            "const error = new Error(\"crafted\"); error.retryable = true; error.overloaded = true; error.durableObjectReset = true; error.call = () => 1; \
             Object.defineProperty(error, \"message\", { get() { throw new Error(\"trap\"); } }); \
             const seen = [await ending(() => env.TOOLS.fail(error))]; \
             try { await env.TOOLS.fail(); } catch (back) { seen.push(back.message, typeof back.cause, Object.keys(back).join()); } \
             seen.push(await ending(() => env.TOOLS.fail(new Error(\"x\".repeat(8 * 1024 * 1024))))); \
             return seen.map((line) => String(line).slice(0, 200));",
        )
        .await;
        let seen: Vec<String> = serde_json::from_str(&answer).unwrap();
        assert_eq!(seen[1], "from the parent");
        assert!(
            !answer.contains("wiped") && !answer.contains("private"),
            "{answer}"
        );
        assert_eq!(seen.len(), 5, "{seen:?}");
    });
}

#[test]
fn code_that_breaks_its_parser_breaks_nobody_else() {
    run(async {
        let worker = App::fetch(
            "const bombs = ['('.repeat(300000), '['.repeat(300000), 'a' + '?.a'.repeat(300000), '{'.repeat(300000), '`${'.repeat(100000), '!'.repeat(500000) + '1', \
             'let a: ' + 'A<'.repeat(200000), 'x = ' + '\"a\" + '.repeat(200000) + '1', '/' + '('.repeat(100000) + '/']; let failed = 0; \
             for (const source of bombs) try { await env.LOADER.load({ compatibilityDate: '2026-06-11', mainModule: 'a.ts', modules: { 'a.ts': source }, \
             limits: { cpuMs: 500, memoryMb: 32 } }).getEntrypoint().fetch('http://x/'); } catch { failed += 1; } \
             return Response.json([failed, bombs.length]);",
        );
        let worker = worker
            .loader("LOADER", runtime().await.loader())
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "[9,9]");
        let before = worker.processes();
        assert_eq!(text(&worker, "/").await, "[9,9]");
        assert_eq!(worker.processes(), before);
    });
}

#[test]
fn values_that_are_too_deep_or_too_long_are_errors_of_their_sender() {
    run(async {
        let answer = tried(
            "let deep = []; for (let i = 0; i < 100000; i += 1) deep = [deep]; const ring = {}; ring.ring = ring; \
             const say = (value) => ending(async () => typeof await env.say(value)); \
             return [await say(deep), await say(ring), await say(\"x\".repeat(33 * 1024 * 1024)), await say({ get a() { return Symbol(); } }), \
             await say(new Proxy({}, { getPrototypeOf() { throw new Error(\"trap\"); } })), await say(1), \
             await say(new Error(\"x\".repeat(33 * 1024 * 1024))), await say({ [\"x\".repeat(33 * 1024 * 1024)]: 1 }), \
             await say(new Response(\"x\".repeat(33 * 1024 * 1024))), await say(1)];",
        )
        .await;
        let seen: Vec<String> = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (seen[1].as_str(), seen[5].as_str()),
            ("object", "number"),
            "{seen:?}"
        );
        let too_large = "Error: Serialized RPC arguments or return values are limited to 32MiB";
        for index in [2, 6, 7] {
            assert!(seen[index].starts_with(too_large), "{index}: {seen:?}");
        }
        // A body is a stream, whatever it has.
        assert_eq!(seen[8..], ["object", "number"], "{seen:?}");
        for index in [0, 2, 3, 4] {
            assert!(seen[index].contains("Error: "), "{index}: {seen:?}");
        }
    });
}
