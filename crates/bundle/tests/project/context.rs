//! The asynchronous context after every kind of wait.

use crate::support::{Folder, check, run_in_node, text};
use proptest::prelude::*;

/// Runs the body of an async function in a context, with another one current whenever it waits.
fn check_body(body: &str, expected: &str) {
    let source = format!(
        "const g = globalThis as any; const store = () => g.store();\n\
         const wait = (value?: any) => new Promise<any>((resolve) => setTimeout(() => {{ g.lose(); resolve(value); }}, 1));\n\
         const fail = () => new Promise<any>((_, reject) => setTimeout(() => {{ g.lose(); reject(new Error('failed')); }}, 1));\n\
         const log: any[] = [];\n\
         async function run() {{\n{body}\n}}\n\
         await g.runWith('kept', run).catch((error: any) => log.push(error.message));\n\
         console.log(log.join(' '));\n"
    );
    check(&source, expected);
}

#[test]
fn after_await_in_any_expression() {
    check_body(
        "const f = async (x: any) => { 'use strict'; await wait(); return [x, store()].join('-') };
         log.push(await f(1), store());
         const arrow = async () => (await wait(), store());
         log.push(await arrow());
         log.push(`${await wait('t')}${store()}`);
         const { a = await wait('d') } = {} as any
         log.push(a, store())
         ;[await wait(), log.push(store())];
         const o = { async m() { await wait(); return store() }, get x() { return 1 } };
         log.push(await o.m(), (await wait({ y: 2 })).y, -(await wait(3)), store());
         if (await wait(true)) log.push(store()); else log.push('no')
         return await wait(await wait())",
        "1-kept kept kept tkept d kept kept kept 2 -3 kept kept",
    );
}

#[test]
fn in_catch_and_finally() {
    check_body(
        "try { await fail() } catch { log.push(1, store()) }
         try { await fail() } catch ({ message }: any) { log.push(message, store()) } finally { log.push(store()) }
         const early = async () => { try { return await wait('early') } finally { log.push(store()) } };
         log.push(await early(), store());
         if (true) try { await fail() } catch (e) { log.push(store()) }
         outer: try { for (;;) { await wait(); break outer } } finally { log.push(store()) }
         try { try { await fail() } finally { log.push(store()) } } catch { log.push(store()) }
         throw (await wait(), new Error('end' + store()))",
        "1 kept failed kept kept kept early kept kept kept kept kept endkept",
    );
}

#[test]
fn in_and_after_for_await() {
    check_body(
        "async function* numbers() { for (const n of [1, 2, 3]) { await wait(); yield n } }
         for await (const n of numbers()) log.push(n, store());
         log.push(store());
         outer: for (const x of [1, 2]) { inner: for await (const n of numbers()) { if (n === 2) continue inner; if (n === 3) continue outer; log.push(x, n, store()) } }
         log.push(store());
         if (log.length) for await (const n of [wait(7)]) { log.push(n, store()) } else log.push('no');
         try { for await (const n of { [Symbol.asyncIterator]: () => ({ next: fail }) } as any); } catch { log.push(store()) }
         async function* all() { yield* numbers(); log.push('all', store()) }
         for await (const n of all());
         for await (const n of numbers()) for await (const m of [wait(n)]) log.push(m, store())",
        "1 kept 2 kept 3 kept kept 1 1 kept 2 1 kept kept 7 kept kept all kept 1 kept 2 kept 3 kept",
    );
}

#[test]
fn what_waits_elsewhere_is_left_alone() {
    let folder = Folder::worker(
        "index.js",
        &[(
            "index.js",
            "export default { fetch() { return 'await' + 'async'; } };\n",
        )],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    assert!(!text(&built, "index.js").contains("__atoll"));
}

#[test]
fn await_using_keeps_lines_and_context() {
    let source = "export async function run(open) {\n  {\n    await using file = open();\n    file.read();\n  }\n  return store();\n}\n";
    let folder = Folder::worker("index.js", &[("index.js", source)]);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = text(&built, "index.js");
    assert!(code.contains("{__atoll_c=__atoll_ctx_get();try{"), "{code}");
    assert!(
        code.contains("}finally{__atoll_ctx_set(__atoll_c);}}"),
        "{code}"
    );
}

#[test]
fn positions_still_lead_to_the_source() {
    let source = "export async function run(f) {\n  const a = await f(), b = await f(); throw new Error(a + b);\n}\n";
    let folder = Folder::worker("index.js", &[("index.js", source)]);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = text(&built, "index.js");
    for (needle, name) in [
        ("throw new", "throw new"),
        ("Error(a", "Error(a"),
        ("b = ", "b = "),
    ] {
        let offset = code
            .find(needle)
            .unwrap_or_else(|| panic!("{needle} in {code}"));
        let line = code[..offset].matches('\n').count() + 1;
        let column = offset - code[..offset].rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let place = built
            .source_map
            .map_position("index.js", line as u32, column as u32);
        let place = place.unwrap_or_else(|| panic!("no place for {needle}"));
        let line_text = source
            .lines()
            .nth(place.line as usize - 1)
            .unwrap_or_default();
        assert!(
            line_text[place.column as usize - 1..].starts_with(name),
            "{needle}: {place:?}"
        );
    }
}

/// A random statement of an async function; each logs the context it sees.
fn statement() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("L();".to_owned()),
        Just("await W();L();".to_owned()),
        Just("await null\nL()\n".to_owned()),
        Just("L(await W(1), await W(2));".to_owned()),
        Just("try{await F()}catch{L()}".to_owned()),
        Just("{const q=async()=>await W(3);L(await q());}".to_owned()),
        Just("if(X())throw await W(new Error('t'));".to_owned()),
        Just("if(X())return L();".to_owned()),
        Just("if(X())break l;".to_owned()),
        Just("await F();".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|all| all.join(""));
        prop_oneof![
            body.clone()
                .prop_map(|b| format!("try{{{b}}}catch(e){{L(e.message)}}")),
            (body.clone(), body.clone(), body.clone())
                .prop_map(|(a, b, c)| format!("try{{{a}}}catch{{{b}}}finally{{L();{c}}}")),
            (body.clone(), body.clone()).prop_map(|(a, b)| format!("try{{{a}}}finally{{L();{b}}}")),
            body.clone()
                .prop_map(|b| format!("for await(const i of G()){{L(i);{b}}}L();")),
            body.clone()
                .prop_map(|b| format!("for(const i of [1,2]){{{b}L(i)}}")),
            body.clone().prop_map(|b| format!("{{{b}}}L();")),
            body.clone()
                .prop_map(|b| format!("await R(async()=>{{l:{{{b}}}L()}});L();")),
            body.prop_map(|b| format!(
                "for await(const i of (async function*(){{l:{{{b}}}yield 5}})())L(i);L();"
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// Node keeps contexts by itself, so each log holds what it kept beside what the pass kept.
    #[test]
    fn random_programs_see_the_context_that_node_sees(
        programs in prop::collection::vec(prop::collection::vec(statement(), 1..6), 20)
    ) {
        let functions: String = programs
            .iter()
            .map(|statements| format!("async()=>{{l:{{{}}}L()}},\n", statements.concat()))
            .collect();
        let source = format!(
            "import {{ AsyncLocalStorage }} from 'node:async_hooks';
             const als = new AsyncLocalStorage(); let log = [], seed = 1, next = 100;
             const X = () => (seed = (seed * 1103515245 + 12345) % 2147483648) % 5 === 0;
             const L = (...a) => {{ if (store() !== als.getStore()) log.push('WRONG ' + store() + ' for ' + als.getStore() + '|'); log.push(a.join()); }};
             const W = (v) => new Promise((r) => setImmediate(() => {{ lose(); r(v); }}));
             const F = () => new Promise((_, r) => setImmediate(() => {{ lose(); r(new Error('f')); }}));
             const R = (f) => {{ const n = next++; return runWith(n, () => als.run(n, f)); }};
             async function* G() {{ yield 1; await W(); yield 2; }}
             const all = [{functions}];
             for (const f of all) {{ seed = 1; await R(f).catch((e) => log.push(e.message)); }}
             console.log(log.join(' '));"
        );
        let folder = Folder::worker("index.js", &[("index.js", &source)]);
        let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
        if let Some(with_pass) = run_in_node(&built) {
            prop_assert!(!with_pass.contains("WRONG"), "{with_pass}\n{}", text(&built, "index.js"));
            // The same source without the pass does the same otherwise.
            let plain = crate::support::run_source(&source).unwrap_or_default();
            let wrong = |word: &&str| !matches!(*word, "WRONG" | "for");
            let plain: Vec<&str> = plain.split("WRONG").map(|part| part.split_once('|').map_or(part, |(_, rest)| rest)).collect();
            let plain = plain.concat();
            let words = |text: &str| text.split_whitespace().map(str::to_owned).filter(|w| wrong(&w.as_str())).collect::<Vec<_>>();
            prop_assert_eq!(words(&plain), words(&with_pass));
        }
    }
}
