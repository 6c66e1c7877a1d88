//! Code from strings, and modules that are not the worker's to import.

use protocol::ModuleKind;

use crate::workers::*;

#[test]
fn strings_never_become_code() {
    run(async {
        let worker = App::fetch(
            "const tries = { \
             eval: () => eval('1'), indirect: () => (0, eval)('1'), Function: () => new Function('return 1'), call: () => Function('return 1')(), \
             chain: () => ({}).constructor.constructor('return 1')(), arrow: () => (() => {}).constructor('return 1')(), \
             async: () => (async () => {}).constructor('return 1')(), generator: () => (function* () {}).constructor('yield 1')(), \
             asyncGenerator: () => (async function* () {}).constructor('yield 1')(), method: () => [].map.constructor('return 1')(), \
             prototype: () => Function.prototype.constructor('return 1')(), reflect: () => Reflect.construct(Function, ['return 1']), \
             target: () => Reflect.construct(Function, ['return 1'], Array), derived: () => new (class extends Function {})('return 1'), \
             bound: () => Function.bind(null, 'return 1')(), proxy: () => new (new Proxy(Function, {}))('return 1'), \
             class: () => (class {}).constructor('return 1')(), getter: () => Object.getOwnPropertyDescriptor(Map.prototype, 'size').get.constructor('return 1')(), \
             timer: () => setTimeout('globalThis.ran = true', 0), \
             }; const ran = []; \
             for (const [name, work] of Object.entries(tries)) { try { work(); ran.push(name); } catch (error) { \
             if (name !== 'timer' && !(error instanceof EvalError && error.message === 'Code generation from strings disallowed for this context')) \
             ran.push(`${name}: ${error}`); } } \
             try { URL.createObjectURL(new Blob(['1'])); ran.push('object URL'); } catch {} \
             for (const url of ['data:text/javascript,export default 1', 'blob:null/7a3b5ff6-71f5-4d3c-8a2b-0d0f2e4a9f10', 'http://x.test/a.js', 'https://x.test/a.js', \
             'file:///etc/passwd', '/etc/passwd', 'javascript:1']) try { await import(url); ran.push(url); } catch {} \
             ran.push(typeof ShadowRealm, typeof globalThis.std, typeof globalThis.os, typeof globalThis.print, typeof globalThis.gc, typeof globalThis.loadScript); \
             return Response.json([...ran, globalThis.ran]);",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"["undefined","undefined","undefined","undefined","undefined","undefined",null]"#
        );
    });
}

#[test]
fn internal_modules_cannot_be_imported() {
    run(async {
        let worker = App::fetch(
            "const names = ['atoll:main.js', 'atoll:io.js', 'atoll:native/io', 'atoll:native/io.js', 'atoll:native/random', './io.js', '../io.js', \
             'node:../io', 'node:../main', 'node:native/io', 'cloudflare:../io', 'cloudflare:../native/io', 'cloudflare:../../native/io', \
             'native/io', 'qjs:std', 'qjs:os', 'std', 'bjson', 'node:..%2fio', 'node:', 'cloudflare:', 'ATOLL:main.js', 'atoll:', ' atoll:main.js']; \
             const got = []; for (const name of names) { try { await import(name); got.push(name); } catch {} } \
             return Response.json(got);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[]");
        for name in [
            "atoll:main.js",
            "atoll:native/io",
            "atoll:io.js",
            "node:../io",
        ] {
            let refused = App::new(&format!(
                "import * as inner from '{name}'; export default {{ inner }};"
            ))
            .refused()
            .await;
            assert!(
                refused.message.starts_with("No such module"),
                "{name}: {refused}"
            );
        }
    });
}

#[test]
fn a_module_cannot_take_the_name_of_an_internal_one() {
    run(async {
        for name in ["atoll:main.js", "atoll:native/io", "atoll:mine.js"] {
            let refused = App::new(&format!("import '{name}'; export default {{}};"))
                .module(
                    name,
                    ModuleKind::EsModule,
                    "import * as io from 'atoll:native/io'; export default io;",
                )
                .refused()
                .await;
            assert!(
                refused.message.starts_with("No such module"),
                "{name}: {refused}"
            );
        }
        for main in ["atoll:main.js", "atoll:native/io", "node:fs"] {
            let refused = App::new("export default {};").main(main).refused().await;
            assert!(
                refused.message.starts_with("No such module"),
                "{main}: {refused}"
            );
        }
    });
}

#[test]
fn module_meta_holds_no_powers() {
    run(async {
        let worker = App::fetch(
            "const meta = import.meta; const names = Reflect.ownKeys(meta).map(String); \
             const text = await import('./note.txt'); return Response.json([names.filter((name) => name !== 'url' && name !== 'main'), Object.keys(text)]);",
        )
        .module("note.txt", ModuleKind::Text, "x")
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, r#"[[],["default"]]"#);
    });
}
