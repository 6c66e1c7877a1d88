//! Programs: their modules, their `env`, and what their top level may not do.

use protocol::{BindingValue, FailureKind, ModuleKind};

use crate::workers::*;

#[test]
fn modules_of_every_kind_can_be_imported() {
    run(async {
        let worker = App::new(
            "import text from './note.txt'; import data from './bytes.bin'; import json from './deep/values.json'; \
             import common from './common.cjs'; import { named } from './deep/other.js'; \
             export default { async fetch() { const lazy = await import('./lazy.js'); \
             return Response.json([text, data.byteLength, json.a, common.value, named, lazy.default]); } }",
        )
        .module("note.txt", ModuleKind::Text, "héllo")
        .module("bytes.bin", ModuleKind::Data, [1, 2, 3])
        .module("deep/values.json", ModuleKind::Json, r#"{"a":[null]}"#)
        .module(
            "common.cjs",
            ModuleKind::CommonJs,
            "const part = require('./part.cjs'); exports.value = part + 1;",
        )
        .module("part.cjs", ModuleKind::CommonJs, "module.exports = 41;")
        .module(
            "deep/other.js",
            ModuleKind::EsModule,
            "import text from '../note.txt'; export const named = text.length;",
        )
        .module("lazy.js", ModuleKind::EsModule, "export default 'lazy';")
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"["héllo",3,[null],42,5,"lazy"]"#
        );
    });
}

#[test]
fn env_holds_what_was_bound() {
    run(async {
        let worker = App::new(
            "import { env as imported } from 'cloudflare:workers'; const early = imported.TEXT; \
             export default { fetch(request, env) { \
             return Response.json([early, env.TEXT, env.JSON, env.DATA.byteLength, env.MISSING === undefined, imported.JSON]); } }",
        )
        .bind("TEXT", BindingValue::Text("täxt".to_owned()))
        .bind("JSON", BindingValue::Json(r#"{"n":1}"#.to_owned()))
        .bind("DATA", BindingValue::Data(vec![0; 9]))
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"["täxt","täxt",{"n":1},9,true,{"n":1}]"#
        );
    });
}

#[test]
fn a_program_that_does_not_start_says_why() {
    run(async {
        let thrown = App::new("const a = 1;\nthrow new RangeError('at top');\nexport default {};")
            .refused()
            .await;
        assert_eq!(thrown.kind, FailureKind::Exception);
        assert_eq!(thrown.to_string(), "RangeError: at top");
        assert!(thrown.stack.contains("index.js:2:"), "{}", thrown.stack);

        let syntax = App::new("export default {\n  fetch( {\n};").refused().await;
        assert_eq!(syntax.kind, FailureKind::Syntax);
        assert!(
            syntax.stack.contains("index.js:3"),
            "{syntax} {}",
            syntax.stack
        );

        let missing = App::new("import './nowhere.js';").refused().await;
        assert!(
            missing.message.contains("No such module \"nowhere.js\"."),
            "{missing}"
        );
        let export = App::new("import { nothing } from './other.js'; export default {};")
            .module("other.js", ModuleKind::EsModule, "export const x = 1;")
            .refused()
            .await;
        assert_eq!(export.kind, FailureKind::Syntax);
        assert!(export.message.contains("nothing"), "{export}");
    });
}

#[test]
fn a_top_level_that_never_ends_is_ended() {
    run(async {
        let endless = App::new("for (;;);")
            .limits(|limits| limits.startup_cpu_ms = 50)
            .refused()
            .await;
        assert_eq!(endless.kind, FailureKind::Cpu);
        assert!(
            endless.message.contains("exceeded CPU time limit"),
            "{endless}"
        );

        let native = App::new(
            "const a = []; a.length = 4e9; a.indexOf(1); a.lastIndexOf(2); export default {};",
        )
        .limits(|limits| limits.startup_cpu_ms = 50)
        .refused()
        .await;
        assert_eq!(native.kind, FailureKind::Cpu);
        assert!(
            native.message.contains("exceeded CPU time limit"),
            "{native}"
        );

        let pending = App::new("await new Promise(() => {}); export default {};")
            .refused()
            .await;
        assert_eq!(pending.kind, FailureKind::Hung);
        assert_eq!(pending.message, "Top-level await in module is unsettled.");
    });
}

#[test]
fn a_top_level_may_take_longer_than_engines_that_compile_need() {
    run(async {
        const OF_WORKERS_MS: u32 = 1_000;
        let app = |steps: u64| {
            App::new(&format!(
                "let sum = 0; for (let i = 0; i < {steps}; i += 1) sum += i; export default {{}};"
            ))
        };
        let mut steps = 4_000_000;
        while app(steps)
            .limits(|limits| limits.startup_cpu_ms = OF_WORKERS_MS)
            .try_deploy()
            .await
            .is_ok()
        {
            steps *= 2;
        }
        app(steps).deploy().await;
    });
}

#[test]
fn a_top_level_can_wait_for_what_needs_no_host() {
    run(async {
        let worker = App::new(
            "const value = await Promise.resolve(7); export default { fetch: () => new Response(String(value)) }",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "7");
    });
}

#[test]
fn a_top_level_has_no_io_no_timers_and_no_randomness() {
    run(async {
        for code in [
            "await fetch('http://127.0.0.1:1/')",
            "setTimeout(() => {}, 1)",
            "setInterval(() => {}, 1)",
            "await scheduler.wait(1)",
            "crypto.getRandomValues(new Uint8Array(1))",
            "crypto.randomUUID()",
            "await caches.default.match('http://a.test/')",
        ] {
            let app = App::new(&format!("{code}; export default {{}};"));
            let refused = app.try_deploy().await;
            match refused {
                Err(host::DeployError::Program(failure)) => assert!(
                    failure
                        .message
                        .starts_with("Disallowed operation called within global scope."),
                    "{code}: {failure}"
                ),
                other => panic!("{code}: {other:?}"),
            }
        }
    });
}

#[test]
fn the_clock_of_a_top_level_stands_at_zero() {
    run(async {
        let worker = App::new(
            "const early = [Date.now(), new Date().getTime()]; \
             export default { fetch: () => Response.json([...early, Date.now() > 1.7e12]) }",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[0,0,true]");
    });
}

#[test]
fn a_failed_deployment_leaves_the_old_version() {
    run(async {
        let name = "steady";
        let worker = App::fetch("return new Response('one');")
            .name(name)
            .deploy()
            .await;
        App::new("throw new Error('no');")
            .name(name)
            .refused()
            .await;
        assert_eq!(text(&worker, "/").await, "one");
        assert_eq!(
            text(&*runtime().await.service(name, None), "/").await,
            "one"
        );
    });
}
