//! Code from strings, and modules that are not the worker's to import.

use protocol::ModuleKind;

use crate::workers::*;

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
