//! Mistakes of those who write their first worker.

use super::Case;
use super::support::Project;
use super::told::{Running, ask, run, serve, with};

const FINE: &str = "export default { fetch() { return new Response(\"hi\") }, test() {} };\n";
const W_TS: &str = r#"{ "name": "w", "main": "src/index.ts", "compatibility_date": "2026-06-11" }"#;

const ROOM: &str = r#""durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] }, "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]"#;

/// A class of objects with this constructor and this method, and the beginning of a handler that has one of them.
fn rooms(constructor: &str, method: &str) -> String {
    format!(
        "import {{ DurableObject }} from \"cloudflare:workers\";\nexport class Room extends DurableObject {{\n  {constructor}{method}\n}}\nexport default {{\n  async fetch(request, env) {{\n    const room = env.ROOM.getByName(\"lobby\");\n"
    )
}

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
    ("main below a table in TOML", || {
        serve(&Project::new(&[(
            "wrangler.toml",
            "name = \"w\"\n[vars]\nA = 1\nmain = \"index.js\"\n",
        )]))
    }),
    ("a word where a list belongs", || {
        serve(&with(r#""compatibility_flags": "nodejs_compat""#, FINE))
    }),
    ("a key that is misspelt where one is needed", || {
        serve(&with(
            r#""durable_objects": { "bindings": [{ "name": "ROOM", "class": "Room" }] }"#,
            FINE,
        ))
    }),
    ("two bindings of one name", || {
        serve(&with(
            r#""vars": { "NOTES": "a" }, "kv_namespaces": [{ "binding": "NOTES", "id": "n" }]"#,
            FINE,
        ))
    }),
    ("two keys of one name", || {
        let project = with(r#""vars": { "A": "1" }, "vars": { "B": "2" }"#, FINE);
        Some(run(&project, &["test"]))
    }),
    ("two configurations in one folder", || {
        let project = with("", FINE);
        project.write("wrangler.toml", "name = \"other\"\nmain = \"index.js\"\n");
        Some(run(&project, &["test"]))
    }),
    ("a page as main", || {
        let project = with("", FINE);
        project.write("index.html", "<h1>hi</h1>\n");
        project.write(
            "wrangler.json",
            r#"{ "name": "w", "main": "index.html", "compatibility_date": "2026-06-11" }"#,
        );
        serve(&project)
    }),
    ("assets that are a word", || {
        serve(&with(r#""assets": "public""#, FINE))
    }),
    ("assets that are a file", || {
        serve(&with(r#""assets": { "directory": "index.js" }"#, FINE))
    }),
    ("assets without a name", || {
        let project = with(
            r#""assets": { "directory": "public" }"#,
            "export default {\n  fetch(request, env) {\n    return env.ASSETS.fetch(request);\n  },\n};\n",
        );
        project.write("public/page.txt", "hi");
        ask(&project, "of undefined")
    }),
    ("JSX in a file of TypeScript", || {
        serve(&Project::new(&[
            ("wrangler.json", W_TS),
            ("src/index.ts", "export default { page: <p>hi</p> };\n"),
        ]))
    }),
    ("a module of the network", || {
        serve(&Project::of(
            "import { Hono } from \"https://esm.sh/hono\";\nexport default new Hono();\n",
        ))
    }),
    ("a function as the default export", || {
        ask(
            &Project::of("export default function () {\n  return new Response(\"hi\");\n}\n"),
            "Handler missing",
        )
    }),
    ("a handler whose name is misspelt", || {
        ask(
            &Project::of(
                "export default {\n  Fetch() {\n    return new Response(\"hi\");\n  },\n};\n",
            ),
            "Handler missing",
        )
    }),
    ("a call without await", || {
        let rooms = rooms("", "hi() {\n    return \"hi\";\n  }");
        let project = with(
            ROOM,
            &format!("{rooms}    return new Response(room.hi());\n  }},\n}};\n"),
        );
        ask(&project, "`await`")
    }),
    ("a constructor that keeps what it was given", || {
        let rooms = rooms(
            "constructor() {\n    super();\n  }\n  ",
            "hi() {\n    return this.ctx.storage.get(\"a\");\n  }",
        );
        let project = with(
            ROOM,
            &format!("{rooms}    return new Response(await room.hi());\n  }},\n}};\n"),
        );
        ask(&project, "of undefined")
    }),
    ("a name in place of an id", || {
        let project = with(
            ROOM,
            "import { DurableObject } from \"cloudflare:workers\";\nexport class Room extends DurableObject {}\nexport default {\n  fetch(request, env) {\n    return env.ROOM.get(\"lobby\").fetch(request);\n  },\n};\n",
        );
        ask(&project, "DurableObjectId")
    }),
    ("a body that breaks off", || {
        let project = fetching(
            "const body = new ReadableStream({\n      pull() {\n        throw new Error(\"no more\");\n      },\n    });\n    return new Response(body);",
        );
        let mut running = Running::start(&project, &["serve"]);
        // A client sees the connection end.
        running.send(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        running.wait_for("Error: no more");
        Some(format!("$ atoll serve\n> GET /\n{}", running.stop()))
    }),
    ("the project's own folder as assets", || {
        let project = with(r#""assets": { "directory": "." }"#, FINE);
        project.write(".dev.vars", "TOKEN=secret\n");
        let running = Running::start(&project, &["serve"]);
        let answers = running.get("/.dev.vars") + &running.get("/wrangler.json");
        Some(format!("$ atoll serve\n{answers}{}", running.stop()))
    }),
    ("a WebSocket that nobody asked for", || {
        ask(
            &fetching(
                "const [client, server] = Object.values(new WebSocketPair());\n    server.accept();\n    return new Response(null, { status: 101, webSocket: client });",
            ),
            "did not ask",
        )
    }),
    ("an entrypoint that is misspelt", || {
        ask(
            &with(
                r#""services": [{ "binding": "API", "service": "w", "entrypoint": "Appi" }]"#,
                "import { WorkerEntrypoint } from \"cloudflare:workers\";\nexport class Api extends WorkerEntrypoint {\n  hi() {\n    return \"hi\";\n  }\n}\nexport default {\n  async fetch(request, env) {\n    return new Response(await env.API.hi());\n  },\n};\n",
            ),
            "no such entrypoint",
        )
    }),
    ("a server that is not there", || {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = gone.local_addr().unwrap().port().to_string();
        drop(gone);
        let told = ask(
            &fetching(&format!("return fetch(\"http://localhost:{port}/\");")),
            "Network connection",
        );
        told.map(|told| told.replace(&port, "PORT"))
    }),
    ("a script whose result is no JSON", || {
        let project = Project::new(&[("script.ts", "export default () => 10n;\n")]);
        Some(run(&project, &["run", "script.ts"]))
    }),
];
