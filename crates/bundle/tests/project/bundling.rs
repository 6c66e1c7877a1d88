//! What becomes of imports, and how builds fail.

use protocol::ModuleKind;

use crate::support::{Folder, build, check, names, run_in_node, text};

/// A worker whose `node_modules` holds small packages of every shape.
fn with_packages(source: &str) -> Folder {
    Folder::worker(
        "src/index.tsx",
        &[
            ("src/index.tsx", source),
            (
                "node_modules/conditional/package.json",
                r#"{"name":"conditional","exports":{".":{"workerd":"./w.js","browser":"./b.js","import":"./i.js","default":"./d.js"},
                    "./sub":{"worker":{"import":"./w.js"},"default":"./d.js"}}}"#,
            ),
            ("node_modules/conditional/w.js", "export default 'workerd';"),
            ("node_modules/conditional/b.js", "export default 'browser';"),
            ("node_modules/conditional/i.js", "export default 'import';"),
            ("node_modules/conditional/d.js", "export default 'default';"),
            (
                "node_modules/fields/package.json",
                r#"{"name":"fields","main":"./main.js","module":"./module.js","browser":{"./module.js":"./browser.js"}}"#,
            ),
            ("node_modules/fields/main.js", "module.exports = 'main';"),
            ("node_modules/fields/module.js", "export default 'module';"),
            (
                "node_modules/fields/browser.js",
                "export default 'browser field';",
            ),
            (
                "node_modules/common/package.json",
                r#"{"name":"common","main":"index"}"#,
            ),
            (
                "node_modules/common/index.js",
                "const { Buffer } = require('buffer'); const path = require('node:path');\n\
                 exports.hex = (text) => Buffer.from(text).toString('hex');\n\
                 exports.join = path.join; exports.data = require('./data.json');\n\
                 if (process.env.NODE_ENV === 'production') exports.mode = 'p'; else exports.mode = 'd';\n\
                 try { require('not-installed'); } catch { exports.missing = true; }",
            ),
            ("node_modules/common/data.json", r#"{"n":1}"#),
            (
                "node_modules/ui/package.json",
                r#"{"name":"ui","exports":{"./jsx-runtime":"./jsx.js"}}"#,
            ),
            (
                "node_modules/ui/jsx.js",
                "export const jsx = (tag, props) => `<${tag}>${props.children ?? ''}</${tag}>`;\nexport const jsxs = jsx;",
            ),
        ],
    )
}

fn check_packages(source: &str, expected: &str) {
    let folder = with_packages(source);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), expected, "{}", text(&built, "index.js"));
    }
}

#[test]
fn packages_resolve_as_in_workers() {
    check_packages(
        "import a from 'conditional'; import b from 'conditional/sub'; import c from 'fields';
         import { hex, join, data } from 'common'; import common from 'common';
         console.log(a, b, c, hex('a'), join('x', 'y'), data.n, common.mode, common.missing);",
        "workerd workerd browser field 61 x/y 1 d true",
    );
}

#[test]
fn builtins_stay_outside_under_their_full_names() {
    let folder = with_packages(
        "import { readFile } from 'fs/promises'; import { env } from 'cloudflare:workers'; import 'node:path';
         export { env, readFile }; export const later = () => import('util');",
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = text(&built, "index.js");
    for import in [
        "\"node:fs/promises\"",
        "\"cloudflare:workers\"",
        "\"node:path\"",
        "import(\"node:util\")",
    ] {
        assert!(code.contains(import), "{import} in {code}");
    }
}

#[test]
fn a_tsconfig_that_extends_what_is_not_there_is_left_aside() {
    let folder = with_packages("const answer: number = 42; console.log(answer);");
    folder.write("tsconfig.json", r#"{ "extends": "absent/tsconfig" }"#);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    assert!(
        built
            .warnings
            .iter()
            .any(|warning| warning.message.contains("left aside")),
        "{:?}",
        built.warnings
    );
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), "42");
    }
}

#[test]
fn tsconfig_rules_jsx_and_paths() {
    let folder = with_packages(
        "import { name } from '@/names'; const View = (p: { n: string }) => <b>{p.n}</b>;
         enum Color { Red = 'r' } const x = { v: 1 } satisfies object;
         console.log(<p>{name}</p>, View({ n: Color.Red }), x.v);",
    );
    folder.write("src/lib/names.ts", "export const name: string = 'n';");
    folder.write(
        "tsconfig.json",
        r#"{ // comments
          "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "ui", "paths": { "@/*": ["./src/lib/*"] } } }"#,
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), "<p>n</p> <b>r</b> 1");
    }
    assert!(
        built.watched.contains(&folder.path().join("tsconfig.json")),
        "{:?}",
        built.watched
    );
    assert!(
        built
            .watched
            .contains(&folder.path().join("src/lib/names.ts"))
    );
    assert!(
        !built
            .watched
            .iter()
            .any(|path| path.to_string_lossy().contains("node_modules"))
    );
}

#[test]
fn files_behind_rules_are_modules_of_their_own() {
    let source = "import page from './page.html'; import add from '../wasm/add.wasm?module'; import sql from './q.sql';
         import bytes from './x.bin'; import note from './note.md'; import json from './d.json';
         export default { page, add, sql, bytes, note, json };";
    let folder = Folder::worker(
        "src/index.js",
        &[
            ("src/index.js", source),
            (
                "wrangler.jsonc",
                r#"{"name":"w","main":"src/index.js","compatibility_date":"2026-06-11","rules":[{"type":"Text","globs":["src/*.md"],"fallthrough":true}]}"#,
            ),
            ("src/page.html", "<p>"),
            ("wasm/add.wasm", "\0asm"),
            ("src/q.sql", "select 1"),
            ("src/x.bin", "\u{1}"),
            ("src/note.md", "# note"),
            ("src/d.json", "{\"inlined\":true}"),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let kinds: Vec<_> = built
        .program
        .modules
        .iter()
        .map(|m| (m.name.as_str(), m.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("index.js", ModuleKind::EsModule),
            ("src/note.md", ModuleKind::Text),
            ("src/page.html", ModuleKind::Text),
            ("src/q.sql", ModuleKind::Text),
            ("src/x.bin", ModuleKind::Data),
            ("wasm/add.wasm", ModuleKind::Wasm),
        ]
    );
    let code = text(&built, "index.js");
    assert!(
        code.contains("from \"./src/page.html\"") && code.contains("from \"./wasm/add.wasm\""),
        "{code}"
    );
    assert!(code.contains("inlined"), "{code}");
    assert!(built.watched.contains(&folder.path().join("src/page.html")));
}

#[test]
fn imports_with_raw_are_texts() {
    let source = "import icon from './icon.svg?raw'; import code from './code.ts?raw'; export default { icon, code };";
    let files = [
        ("src/index.js", source),
        ("src/icon.svg", "<svg/>"),
        ("src/code.ts", "let a: 1;"),
    ];
    let built = Folder::worker("src/index.js", &files)
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(text(&built, "src/icon.svg?raw"), "<svg/>");
    assert_eq!(text(&built, "src/code.ts?raw"), "let a: 1;");
}

#[test]
fn dynamic_imports_become_chunks_that_run() {
    let folder = Folder::worker(
        "index.ts",
        &[
            (
                "index.ts",
                "const { f } = await import('./lazy'); console.log(f());\nexport default {};",
            ),
            ("lazy.ts", "export function f(): string { return f.name; }"),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(built.program.main, "index.js");
    assert!(
        names(&built)
            .iter()
            .any(|name| name.starts_with("chunk-lazy")),
        "{:?}",
        names(&built)
    );
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), "f");
    }
}

#[test]
fn entry_exports_are_exactly_the_users() {
    let folder = Folder::worker(
        "index.ts",
        &[
            (
                "index.ts",
                "import { shared } from './shared'; export class Api {}\nexport default { fetch: async () => (await import('./lazy')).lazy + shared };",
            ),
            (
                "lazy.ts",
                "import { shared } from './shared'; import { Api } from './index'; export const lazy = shared + Api.name;",
            ),
            ("shared.ts", "export const shared = 's';"),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = text(&built, "index.js");
    let exports = code
        .lines()
        .rev()
        .find(|line| line.starts_with("export"))
        .unwrap_or_default();
    let exports: Vec<&str> = exports.split(['{', '}', ',']).map(str::trim).collect();
    assert!(
        exports.iter().all(
            |name| matches!(*name, "export" | ";" | "" | "Api") || name.ends_with("as default")
        ),
        "{exports:?}"
    );
}

#[test]
fn names_define_and_alias() {
    let folder = Folder::worker(
        "index.js",
        &[
            (
                "wrangler.jsonc",
                r#"{"name":"w","main":"index.js","compatibility_date":"2026-06-11","minify":true,
               "define":{"VERSION":"\"1.2\""},"alias":{"real":"./fake.js"}}"#,
            ),
            (
                "index.js",
                "import real from 'real'; function longFunctionName() {} class LongClassName {}\n\
                console.log(VERSION, real, process.env.NODE_ENV, navigator.userAgent, [longFunctionName, LongClassName].map((x) => x.name).join());",
            ),
            ("fake.js", "export default 'aliased';"),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    if let Some(output) = run_in_node(&built) {
        assert_eq!(
            output.trim(),
            "1.2 aliased development Cloudflare-Workers longFunctionName,LongClassName"
        );
    }
}

#[test]
fn projects_without_bundling_keep_their_modules() {
    let folder = Folder::worker(
        "src/index.mjs",
        &[
            (
                "wrangler.jsonc",
                r#"{"name":"w","main":"src/index.mjs","compatibility_date":"2026-06-11","no_bundle":true}"#,
            ),
            (
                "src/index.mjs",
                "import { f } from './lib/f.js';\nconsole.log(await f());\n",
            ),
            (
                "src/lib/f.js",
                "class A { @((v) => () => 'unbundled') m() {} }\nexport const f = async () => { await null; return new A().m(); };\n",
            ),
            ("src/note.txt", "note"),
            ("outside.js", "not part of it"),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        names(&built),
        ["index.mjs", "lib/f.js", "note.txt", "__atoll_decorators.js"]
    );
    assert_eq!(built.entry, "index.mjs");
    assert!(
        text(&built, "lib/f.js")
            .contains("__atoll_ctx_set(__atoll_ctx_get(),await __atoll_ctx_wait(null))")
    );
    if let Some(output) = run_in_node(&built) {
        assert_eq!(output.trim(), "unbundled");
    }
    let position = built
        .source_map
        .map_position("lib/f.js", 2, 30)
        .expect("mapped");
    assert_eq!((position.path.as_str(), position.line), ("src/lib/f.js", 2));
}

#[test]
fn broken_sources_are_shown_in_place() {
    for (source, message, at) in [
        ("const a: number = ;\n", "unexpected `;`", (1, 19)),
        ("\n\nexport const x = (1;\n", "expected", (3, 20)),
        (
            "const x = 1;\nconst x = 2;\n",
            "already been declared",
            (1, 7),
        ),
    ] {
        let error = with_packages(source).build_error();
        assert!(error.message.to_lowercase().contains(message), "{error}");
        assert_eq!(
            (error.line, error.column),
            (Some(at.0), Some(at.1)),
            "{error}"
        );
        assert!(
            error
                .path
                .as_ref()
                .is_some_and(|path| path.ends_with("src/index.tsx")),
            "{error}"
        );
        assert!(error.excerpt.is_some(), "{error}");
    }
}

#[test]
fn unresolved_imports_name_what_was_meant() {
    for (source, message, hint) in [
        (
            "import { a } from './utilz';\nconsole.log(a);",
            "cannot resolve \"./utilz\"",
            "did you mean \"./utils\"?",
        ),
        (
            "import a from 'comon';\nconsole.log(a);",
            "cannot resolve \"comon\"",
            "did you mean \"common\"? Otherwise run `atoll install comon`",
        ),
        (
            "import a from '@x/nothing/sub';\nconsole.log(a);",
            "cannot resolve \"@x/nothing/sub\"",
            "run `atoll install @x/nothing`",
        ),
        (
            "import a from 'conditional/other';\nconsole.log(a);",
            "cannot resolve \"conditional/other\"",
            "does not provide \"./other\"",
        ),
    ] {
        let folder = with_packages(source);
        folder.write("src/utils.ts", "export const a = 1;");
        let error = folder.build_error();
        assert!(error.message.starts_with(message), "{error}");
        assert!(
            error.hint.clone().unwrap_or_default().contains(hint),
            "{error}"
        );
        assert_eq!(error.line, Some(1), "{error}");
    }
}

#[test]
fn files_that_no_rule_knows_are_refused() {
    let folder = with_packages("import a from './logo.svg';\nconsole.log(a);");
    folder.write("src/logo.svg", "<svg/>");
    let error = folder.build_error();
    assert_eq!(
        error.message,
        "no rule says what src/logo.svg is when it is imported"
    );
    assert!(error.hint.is_some_and(|hint| hint.contains("**/*.svg")));
}

#[test]
fn missing_exports_are_shown() {
    let folder = with_packages("import { nope } from './utils';\nconsole.log(nope);");
    folder.write("src/utils.ts", "export const a = 1;");
    let error = folder.build_error();
    assert!(error.message.contains("nope"), "{error}");
    assert_eq!(error.line, Some(1), "{error}");
}

#[test]
fn rebuilds_see_changes_and_recover_from_mistakes() {
    let folder = Folder::worker(
        "index.ts",
        &[
            ("index.ts", "import { v } from './v'; console.log(v);"),
            ("v.ts", "export const v = 1;"),
        ],
    );
    let mut builder = folder.builder().unwrap_or_else(|error| panic!("{error}"));
    let first = build(&mut builder).unwrap_or_else(|error| panic!("{error}"));
    assert!(text(&first, "index.js").contains("log(1)"));
    folder.write("v.ts", "export const v = ;");
    assert!(build(&mut builder).is_err());
    assert!(
        builder.watched().contains(&folder.path().join("v.ts")),
        "{:?}",
        builder.watched()
    );
    folder.write("v.ts", "export const v = 22;");
    let second = build(&mut builder).unwrap_or_else(|error| panic!("{error}"));
    assert!(text(&second, "index.js").contains("log(22)"));
}

#[test]
fn stacks_lead_to_the_users_files() {
    let folder = with_packages("import { boom } from './boom';\nexport default () => boom();");
    folder.write(
        "src/boom.ts",
        "type A = string;\n\nexport function boom(): A {\n  throw new Error('x');\n}\n",
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = text(&built, "index.js");
    let offset = code.find("new Error").unwrap_or_default();
    let line = code[..offset].matches('\n').count() + 1;
    let column = offset - code[..offset].rfind('\n').map_or(0, |newline| newline + 1) + 1;
    let stack = format!(
        "Error: x\n    at boom (index.js:{line}:{column})\n    at index.js:{line}:{column}\n\
         boom@index.js:{line}:{column}\n    at native (elsewhere.js:1:2)\n    at <anonymous>"
    );
    assert_eq!(
        built.source_map.map_stack(&stack),
        "Error: x\n    at boom (src/boom.ts:4:9)\n    at src/boom.ts:4:9\n\
         boom@src/boom.ts:4:9\n    at native (elsewhere.js:1:2)\n    at <anonymous>"
    );
    let own = built
        .source_map
        .first_own_position(&stack)
        .expect("a place");
    let excerpt = built
        .source_map
        .excerpt(&own.path, own.line, Some(own.column))
        .expect("lines");
    assert_eq!(
        excerpt.to_string(),
        "  2 | \n  3 | export function boom(): A {\n> 4 |   throw new Error('x');\n    |         ^\n  5 | }"
    );
}

#[test]
fn import_cycles_work() {
    check(
        "import './index'; export const a = () => 'cycle'; console.log(a());",
        "cycle",
    );
}
