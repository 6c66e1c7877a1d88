//! Programs whose packages come from a registry, one on this machine that both ask: options, ranges, and what cannot be had.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use host::Egress;
use serde_json::{Value, json};

use super::registry::Registry;
use super::support::Project;
use super::workers::run;
use super::{ask, folder, oracle, oracle_parts, outcome_of, with_the_package, workerd};

const MODULE: &str = "registry.js";
/// A search that finds next to nothing is broken.
const FEWEST_CASES: usize = 40;

/// Packages in all the ways in which they depend on each other and say where they start.
fn published() -> Registry {
    let registry = Registry::start();
    let publish = |name: &str, version: &str, fields: Value, files: &[(&str, &str)]| {
        let files: Vec<(&str, &[u8], u32)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_bytes(), 0o644))
            .collect();
        registry.publish_files(name, version, fields, &files);
    };
    let word = |name: &str, version: &str, needs: &[(&str, &str)]| {
        let mut code = String::new();
        let mut said = format!("{name} {version}");
        for (index, (name, _)) in needs.iter().enumerate() {
            let _ = writeln!(code, "import n{index} from {name:?};");
            let _ = write!(said, ", ${{n{index}}}");
        }
        let _ = writeln!(code, "export default `{said}`;");
        let needs: serde_json::Map<String, Value> = needs
            .iter()
            .map(|(name, range)| ((*name).to_owned(), json!(range)))
            .collect();
        let fields = json!({ "type": "module", "main": "index.js", "dependencies": needs });
        publish(name, version, fields, &[("index.js", &code)]);
    };
    for version in ["3.0.0-beta.1", "1.0.0", "1.0.3", "1.1.0", "1.2.0"] {
        word("leaf", version, &[]);
    }
    registry.tag("leaf", "next", "3.0.0-beta.1");
    word("@team/tool", "1.0.1", &[("leaf", "^1")]);
    word("tree", "1.1.0", &[("leaf", "^1"), ("@team/tool", "~1.0.0")]);
    word("left", "1.0.0", &[("leaf", "^1.1")]);
    word("right", "1.0.0", &[("leaf", "^1.0")]);
    word("old", "1.0.0", &[("leaf", "1.0.0")]);
    word("young", "1.0.0", &[("leaf", "1.2.0")]);
    let both = |name: &str, other: &str| {
        // The other's name is there when somebody asks, not before.
        let code = format!(
            "import {{ name as other }} from {other:?}; export const name = {name:?};
             export default {{ toJSON: () => `${{name}} and ${{other}}` }};"
        );
        let fields =
            json!({ "type": "module", "main": "index.js", "dependencies": { other: "1" } });
        publish(name, "1.0.0", fields, &[("index.js", &code)]);
    };
    both("ping", "pong");
    both("pong", "ping");
    publish(
        "plugin",
        "1.0.0",
        json!({ "type": "module", "main": "index.js", "peerDependencies": { "leaf": "^1" } }),
        &[(
            "index.js",
            "import leaf from 'leaf'; export default `plugin with ${leaf}`;",
        )],
    );
    publish(
        "optional",
        "1.0.0",
        json!({ "main": "index.js", "optionalDependencies": { "gone": "1" } }),
        &[(
            "index.js",
            "let gone; try { gone = require('gone'); } catch { gone = 'nothing'; } module.exports = gone;",
        )],
    );
    publish(
        "conditional",
        "1.0.0",
        json!({ "exports": { "special": "./special.js", "worker": "./worker.js", "import": "./import.js", "default": "./default.js" } }),
        &[
            ("special.js", "export default 'special';"),
            ("worker.js", "export default 'worker';"),
            ("import.js", "export default 'import';"),
            ("default.js", "export default 'default';"),
        ],
    );
    publish(
        "parts",
        "1.0.0",
        json!({ "exports": { "./one": "./lib/one.mjs", "./deep/*": "./lib/deep/*" } }),
        &[
            ("lib/one.mjs", "export default 'one';"),
            (
                "lib/deep/two.js",
                "exports.default = 'two'; module.exports = 'two';",
            ),
        ],
    );
    publish(
        "common",
        "1.0.0",
        json!({ "main": "./lib" }),
        &[
            (
                "lib/index.js",
                "const data = require('../data.json'); module.exports = { part: require('./part'), data };",
            ),
            (
                "lib/part.js",
                "exports.here = typeof module; exports.name = require('path').basename('/a/b');",
            ),
            ("data.json", "{ \"list\": [1] }"),
        ],
    );
    publish(
        "files",
        "1.0.0",
        json!({ "type": "module", "main": "index.js" }),
        &[
            (
                "index.js",
                "import text from './note.txt'; import data from './data.json'; export default [text, data.a];",
            ),
            ("note.txt", "a note"),
            ("data.json", "{ \"a\": 1 }"),
        ],
    );
    publish(
        "pract",
        "1.0.0",
        json!({ "type": "module", "exports": { "./jsx-runtime": "./jsx.js" } }),
        &[(
            "jsx.js",
            "export const jsx = (...all) => all.slice(0, 2); export const jsxs = jsx; export const Fragment = 'f';",
        )],
    );
    publish(
        "modern",
        "1.0.0",
        json!({ "type": "module", "main": "index.js" }),
        &[(
            "index.js",
            "class A { #a = 1; static b = 2; get a() { return this.#a; } } let c; c ??= 3; export default [new A().a, A.b, c];",
        )],
    );
    registry
}

/// The registry's own address is another one each time.
fn masked(value: &Value, registry: &str) -> Value {
    let text = value.to_string();
    let text = text
        .replace(registry, "REGISTRY")
        .replace("REGISTRY//", "REGISTRY/");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_is_built_with_packages_behaves_as_it_does_with_the_npm_package() {
    let Some((program, packages)) = oracle_parts() else {
        println!(
            "skipped: no workerd and no npm package; `npm ci --prefix tests/oracle` installs them"
        );
        return;
    };
    let registry = published();
    let address = registry.url().trim_end_matches('/').to_owned();
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
                 "worker_loaders": [{ "binding": "LOADER" }] }"#,
        ),
        (".npmrc", &format!("registry={address}\nfetch-retries=0\n")),
    ]);
    let source = Path::new(MODULE);
    std::fs::copy(folder().join(source), project.path().join("index.js")).unwrap();
    let server = project.start(&["serve"], "isolates are held by");
    let (status, got) = server.get(&format!("/?{address}"));
    assert_eq!(status, 200, "{got}");
    let got = masked(&serde_json::from_str(&got).unwrap(), &address);
    let expected = run(async {
        let theirs = with_the_package(&packages, &[(MODULE, "index.js")]).await;
        let oracle = oracle(&program, &theirs);
        let origin = oracle.origin();
        let answer = ask(&Egress::new(), &format!("{origin}/?{address}")).await;
        masked(&json!(answer), &address)
    });
    let different: BTreeSet<String> = outcome_of(&expected, &got, FEWEST_CASES);
    workerd::assert_known(&folder().join("known_packages.txt"), &different);
}
