//! Mistakes of those who write their first worker.

use super::Case;
use super::support::Project;
use super::told::{ask, run, serve, with};

const FINE: &str = "export default { fetch() { return new Response(\"hi\") }, test() {} };\n";
const W_TS: &str = r#"{ "name": "w", "main": "src/index.ts", "compatibility_date": "2026-06-11" }"#;

/// Who answers a request with this body of `fetch`.
fn fetching(body: &str) -> Project {
    Project::of(&format!(
        "export default {{\n  async fetch(request, env) {{\n    {body}\n  }},\n}};\n"
    ))
}

pub(crate) const CASES: &[Case] = &[
    ("a folder without a project", || serve(&Project::new(&[]))),
    ("a configuration whose name is misspelt", || {
        let project = Project::new(&[("wrangler.jsonc", "{}")]);
        Some(run(&project, &["dev", "-c", "wrangler.josnc"]))
    }),
    ("a comma that is missing", || {
        serve(&Project::new(&[(
            "wrangler.jsonc",
            "{\n  \"name\": \"w\"\n  \"main\": \"index.js\"\n}\n",
        )]))
    }),
    ("text without quotes in TOML", || {
        serve(&Project::new(&[(
            "wrangler.toml",
            "name = \"w\"\nmain = index.js\n",
        )]))
    }),
    ("no main", || {
        serve(&Project::new(&[(
            "wrangler.json",
            r#"{ "name": "w", "compatibility_date": "2026-06-11" }"#,
        )]))
    }),
    ("a main that is not there", || {
        serve(&Project::new(&[
            ("wrangler.json", W_TS),
            ("src/indx.ts", FINE),
        ]))
    }),
    ("a key that is misspelt", || {
        let project = with("", FINE);
        project.write(
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatability_date": "2026-06-11" }"#,
        );
        Some(run(&project, &["test"]))
    }),
    ("a date in the future", || {
        let project = with("", FINE);
        project.write(
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2999-01-01" }"#,
        );
        serve(&project)
    }),
    ("an environment that is misspelt", || {
        let project = with(r#""env": { "production": {} }"#, FINE);
        Some(run(&project, &["serve", "--env", "prodution"]))
    }),
    ("a folder of assets that was not built yet", || {
        serve(&with(r#""assets": { "directory": "./dist" }"#, FINE))
    }),
    ("code that does not parse", || {
        serve(&Project::of(
            "export default {\n  fetch() {\n    return new Response(;\n  }\n}\n",
        ))
    }),
    ("a type that does not parse", || {
        serve(&Project::new(&[
            ("wrangler.json", W_TS),
            ("src/index.ts", "interface A { a: number }\nconst a: = 3;\n"),
        ]))
    }),
    ("an import of a file that is misspelt", || {
        let project =
            Project::of("import { a } from \"./utls.js\";\nexport default { fetch: a };\n");
        project.write("utils.js", "export const a = 1;\n");
        serve(&project)
    }),
    ("an import of a package that is not there", || {
        let project = Project::of("import { Hono } from \"hno\";\nexport default new Hono();\n");
        project.write("node_modules/hono/package.json", r#"{ "name": "hono" }"#);
        serve(&project)
    }),
    ("an import of a name that is not exported", || {
        let project =
            Project::of("import { b } from \"./utils.js\";\nexport default { fetch: b };\n");
        project.write("utils.js", "export const a = 1;\n");
        serve(&project)
    }),
    ("an import of a module of Node that is misspelt", || {
        serve(&Project::of(
            "import fs from \"node:fss\";\nexport default { fs };\n",
        ))
    }),
    ("a worker in the syntax from before modules", || {
        let project = Project::of(
            "addEventListener(\"fetch\", (event) => event.respondWith(new Response(\"hi\")));\n",
        );
        ask(&project, "Handler missing")
    }),
    ("waiting for the network at the top level", || {
        serve(&Project::of(
            "const data = await fetch(\"https://example.com/\");\nexport default {};\n",
        ))
    }),
    ("an exception at the top level", || {
        serve(&Project::of("throw new Error(\"broken\");\n"))
    }),
    ("a top level that never ends", || {
        let project = Project::new(&[
            ("wrangler.json", W_TS),
            ("atoll.jsonc", r#"{ "limits": { "startupCpuMs": 50 } }"#),
            (
                "src/index.ts",
                "interface A { a: number }\n\nconst a: A = { a: 1 };\nfor (;;) {}\nexport default { a };\n",
            ),
        ]);
        serve(&project)
    }),
    ("a server as Node has it", || {
        serve(&Project::of(
            "import http from \"node:http\";\nhttp.createServer((q, s) => s.end(\"hi\")).listen(3000);\nexport default {};\n",
        ))
    }),
    ("a class of objects that is not exported", || {
        serve(&with(
            r#""durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
               "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]"#,
            "import { DurableObject } from \"cloudflare:workers\";\nclass Room extends DurableObject {}\nexport default { Room };\n",
        ))
    }),
    ("a cron expression that is none", || {
        serve(&with(r#""triggers": { "crons": ["often"] }"#, FINE))
    }),
    ("a name that a worker cannot have", || {
        let project = with("", FINE);
        project.write(
            "wrangler.json",
            r#"{ "name": "My Worker", "main": "index.js", "compatibility_date": "2026-06-11" }"#,
        );
        serve(&project)
    }),
    ("the cloud", || {
        Some(run(&with("", FINE), &["dev", "--remote"]))
    }),
    ("a flag that is misspelt", || {
        Some(run(&with("", FINE), &["dev", "--prot", "1"]))
    }),
    ("a project on top of another", || {
        Some(run(&Project::new(&[("taken/file", "")]), &["new", "taken"]))
    }),
    ("no tests", || {
        Some(run(
            &Project::of("export default { fetch() {} };\n"),
            &["test"],
        ))
    }),
    ("a handler that returns nothing", || {
        ask(&fetching("new Response(\"hi\");"), "did not resolve")
    }),
    ("a binding that the configuration lacks", || {
        ask(
            &fetching("return new Response(await env.NOTES.get(\"a\"));"),
            "of undefined",
        )
    }),
    ("a body that is read twice", || {
        ask(
            &fetching(
                "const r = new Response(\"a\");\n    await r.text();\n    return new Response(await r.text());",
            ),
            "already been used",
        )
    }),
    ("a URL without a host", || {
        ask(&fetching("return fetch(\"/api/notes\");"), "Invalid URL")
    }),
    ("code for browsers", || {
        ask(
            &fetching("return new Response(window.location.href);"),
            "not defined",
        )
    }),
    ("a file of the machine", || {
        ask(
            &Project::of(
                "import { readFileSync } from \"node:fs\";\nexport default {\n  fetch() {\n    return new Response(readFileSync(\"./notes.txt\"));\n  },\n};\n",
            ),
            "ENOENT",
        )
    }),
    ("a rejection that nobody handles", || {
        ask(
            &fetching("Promise.reject(new Error(\"lost\"));\n    return new Response(\"hi\");"),
            "Error: lost",
        )
    }),
    ("a promise that never resolves", || {
        ask(&fetching("await new Promise(() => {});"), "No answer")
    }),
    ("code from strings", || {
        ask(
            &fetching("return new Response(eval(\"1 + 1\"));"),
            "EvalError",
        )
    }),
    ("a loop that never ends", || {
        let project = fetching("for (let i = 0; ; i++) i = Math.abs(i);");
        project.write("atoll.jsonc", r#"{ "limits": { "cpuMs": 50 } }"#);
        ask(&project, "processor time")
    }),
    ("too much memory", || {
        let project = fetching("const all = [];\n    for (;;) all.push(new Array(1e5).fill(1));");
        project.write("atoll.jsonc", r#"{ "limits": { "memoryMb": 16 } }"#);
        ask(&project, "memory limit")
    }),
];
