//! Programs built from maps of strings by workers that import `@cloudflare/worker-bundler`, unmodified.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use host::{Building, Fetcher, Installed, Packages, Wanted};
use tokio::sync::OnceCell;

use super::workers::*;

/// What builds: one for all tests, as a host has one for all workers.
async fn bundler() -> Arc<dyn Fetcher> {
    static BUNDLER: OnceCell<Arc<dyn Fetcher>> = OnceCell::const_new();
    let start = || async { runtime().await.bundler(Building::default()) };
    Arc::clone(BUNDLER.get_or_init(start).await)
}

const IMPORTS: &str = r#"
import { createApp, createWorker, createMemoryStorage, handleAssetRequest, buildAssets, InMemoryFileSystem,
  createFileSystemSnapshot, hasDependencies, installDependencies, inferContentType, isTextContentType } from "@cloudflare/worker-bundler";
const compatibility = { compatibilityDate: "2026-06-11", compatibilityFlags: ["nodejs_compat"] };
const ending = async (call) => { try { return await call(); } catch (error) { return `${error.name}: ${error.message}`; } };
"#;

/// The worker whose `run` has the package, `env` and `ask(files, options)`, which builds, loads and asks, in reach.
async fn building(run: &str) -> host::Worker {
    building_with(bundler().await, run).await
}

async fn building_with(bundler: Arc<dyn Fetcher>, run: &str) -> host::Worker {
    let code = format!(
        "{IMPORTS}\nexport default {{ async fetch(request, env, ctx) {{ \
         const load = ({{ mainModule, modules }}, more) => env.LOADER.load({{ ...compatibility, mainModule, modules, ...more }}).getEntrypoint(); \
         const ask = async (files, options = {{}}, path = '/') => \
           (await load(await createWorker({{ files, ...options }})).fetch('http://x' + path)).text(); \
         const serve = (expression) => `export default {{ fetch: async (request, env) => Response.json(${{expression}}) }};`; \
         return Response.json(await (async () => {{ {run} }})()); }} }};"
    );
    App::new(&code)
        .loader("LOADER", runtime().await.loader())
        .bundler(bundler)
        .deploy()
        .await
}

async fn gives(run: &str) -> String {
    text(&building(run).await, "/").await
}

#[test]
fn files_become_a_worker() {
    run(async {
        let answer = gives(
            r#"
            const files = {
              "src/index.ts": `import { greet } from "./greet"; import settings from "./settings.json"; import note from "./note.txt";
                const name: string = settings.name; export default { fetch: (): Response => new Response(greet(name) + note) };`,
              "src/greet.ts": "export const greet = (name: string) => `Hello, ${name}`;",
              "src/settings.json": `{ "name": "you" }`, "src/note.txt": "!",
            };
            const built = await createWorker({ files });
            return [Object.keys(built), built.mainModule, Object.keys(built.modules), await ask(files), await ask(files, { minify: true })];"#,
        )
        .await;
        assert_eq!(
            answer,
            r#"[["mainModule","modules"],"bundle.js",["bundle.js"],"Hello, you!","Hello, you!"]"#
        );
    });
}

/// A bundler of the host's that does nothing.
struct Nobody;

impl Fetcher for Nobody {
    fn fetch(
        &self,
        _: host::Request,
    ) -> Pin<Box<dyn Future<Output = Result<host::Response, host::FetchError>> + Send + '_>> {
        let mut response = host::Response::new(host::Body::full("nobody is there"));
        *response.status_mut() = http::StatusCode::UNPROCESSABLE_ENTITY;
        Box::pin(async { Ok(response) })
    }
}

#[test]
fn what_is_small_and_not_bundled_needs_nobody_else() {
    run(async {
        let run = r#"
            const files = { "index.ts": `import { b } from "./b"; export default { fetch: () => new Response(b as string) };`,
              "b.ts": "export const b: string = 'here';" };
            const wanting = { ...files, "package.json": `{ "dependencies": { "c": "1" } }` };
            const large = { ...files, "large.txt": "x".repeat(1e6) };
            return [await ask(files, { bundle: false }), await ending(() => ask(files)), await ending(() => ask(wanting, { bundle: false })),
              await ending(() => ask(large, { bundle: false })), await ending(() => createApp({ files, server: "index.ts", bundle: false }))];"#;
        let worker = building_with(Arc::new(Nobody), run).await;
        let nobody = "Error: nobody is there";
        let expected = serde_json::json!(["here", nobody, nobody, nobody, nobody]);
        assert_eq!(text(&worker, "/").await, expected.to_string());
    });
}

#[test]
fn what_starts_a_program_is_found() {
    run(async {
        let answer = gives(
            r#"
            const say = (word) => serve(`"${word}"`);
            const made = await createWorker({ files: { "main.ts": say("x"),
              "wrangler.toml": `main = "./main.ts"\ncompatibility_date = "2026-01-01"\ncompatibility_flags = ["nodejs_compat"]` } });
            return [
              await ask({ "a.ts": say("asked"), "index.js": say("not") }, { entryPoint: "a.ts" }),
              await ask({ "b.ts": say("wrangler"), "index.js": say("not"), "wrangler.jsonc": `{ /* here */ "main": "./b.ts" }` }),
              await ask({ "c.js": say("exports"), "package.json": `{ "exports": { ".": { "import": "./c.js" } }, "main": "./no.js" }` }),
              await ask({ "d.js": say("main"), "package.json": `{ "main": "d.js" }` }),
              await ask({ "src/index.mts": say("default"), "index.js": say("not") }),
              made.wranglerConfig,
              await ending(() => createWorker({ files: { "a.ts": "" } })),
              await ending(() => createWorker({ files: { "a.ts": "", "node_modules/x/index.js": "" }, entryPoint: "b.ts" })),
              await ending(() => createApp({ files: {}, server: "s.ts" })),
              await ending(() => createApp({ files: { "index.js": "" }, client: "c.ts" })),
            ];"#,
        )
        .await;
        let expected = r#"["\"asked\"","\"wrangler\"","\"exports\"","\"main\"","\"default\"",{"main":"./main.ts","compatibilityDate":"2026-01-01","compatibilityFlags":["nodejs_compat"]},"Error: Could not determine entry point for createWorker. Tried (in order): the `entryPoint` option, `main` in wrangler config, `exports`/`module`/`main` in package.json, and the defaults src/index.ts, src/index.js, src/index.mts, src/index.mjs, index.ts, index.js, index.py, src/worker.ts, src/worker.js. Pass `entryPoint` explicitly or add one of those files.","Error: Entry point \"b.ts\" was not found in `files`. Available files: a.ts.","Error: Server entry point \"s.ts\" was not found in `files`. Available files: (none — `files` is empty or only contains node_modules entries).","Error: Client entry point \"c.ts\" was not found in `files`. Available files: index.js."]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn options_change_what_is_built() {
    run(async {
        let answer = gives(
            r#"
            const code = async (files, options) => (await createWorker({ files, ...options })).modules["bundle.js"];
            const mapped = await code({ "src/index.ts": serve("1 as number") }, { sourcemap: true });
            const map = JSON.parse(atob(mapped.split("base64,")[1]));
            const kept = await code({ "index.js": `import { x } from "left/sub"; ${serve("x")}` }, { externals: ["left"] });
            return [
              await ask({ "index.ts": serve("[__DEV__, NAME]") }, { define: { __DEV__: "false", NAME: '"n"' } }),
              await ask({ "index.ts": `import a from "./a.svg"; import b from "./b.x.y"; import c from "./c.png"; import d from "./d.dat"; ${serve("[a, b, c, [...d]]")}`,
                "a.svg": "<svg/>", "b.x.y": "text", "c.png": "png", "d.dat": "\u00e9" },
                { loader: { ".svg": "text", ".y": "json", ".x.y": "text", ".png": "dataurl", ".dat": "binary" } }),
              await ask({ "index.ts": `import { v } from "virtual:v"; import fs from "node:fs"; ${serve("[v, fs.read()]")}` },
                { virtualModules: { "virtual:v": "export const v = 1;", "node:fs": "export default { read: () => 'ours' };" } }),
              await ask({ "index.ts": `import w from "p"; ${serve("w")}`,
                "node_modules/p/package.json": `{ "exports": { "special": "./s.js", "workerd": "./w.js", "default": "./d.js" } }`,
                "node_modules/p/s.js": "export default 's'", "node_modules/p/w.js": "export default 'w'", "node_modules/p/d.js": "export default 'd'" },
                { conditions: ["special"] }),
              map.sources, map.sourcesContent[0].includes("1 as number"),
              kept.includes(`from "left/sub"`),
              await ending(() => createWorker({ files: { "index.js": "" }, target: "es1066" })),
              await ending(() => createWorker({ files: { "index.js": "" }, jsx: "no" })),
              await ending(() => createWorker({ files: { "index.js": "" }, __dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired: [{ name: "x" }] })),
            ];"#,
        )
        .await;
        let expected = r#"["[false,\"n\"]","[\"<svg/>\",\"text\",\"data:image/png,png\",[195,169]]","[1,\"ours\"]","\"s\"",["src/index.ts"],true,true,"Error: Invalid target \"es1066\"","Error: Invalid value \"no\" for the option \"jsx\": it is \"transform\", \"preserve\" or \"automatic\".","TypeError: __dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired[0] is not a valid esbuild plugin (expected an object with `name: string` and `setup: (build) => void`)."]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn what_is_not_there_is_missed_when_it_is_required() {
    run(async {
        let answer = gives(
            r#"
            const files = { "index.js": `import a from "a"; ${serve("a")}`, "node_modules/a/package.json": "{}" };
            const having = (code) => ({ ...files, "node_modules/a/index.js": code });
            const built = await createWorker({ files: having("try { exports.b = require('b'); } catch (error) { exports.why = [error.message, error.code]; }") });
            return [built.warnings, await (await load(built).fetch("http://x")).text(),
              await ask(having("exports.later = () => require('b'); exports.now = 1;"))];"#,
        )
        .await;
        let expected = r#"[["Could not resolve \"b\" (imported by node_modules/a/index.js): to require it throws"],"{\"why\":[\"Cannot find module 'b'\",\"MODULE_NOT_FOUND\"]}","{\"now\":1}"]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn packages_among_the_files_are_followed() {
    run(async {
        let answer = gives(
            r#"
            return await ask({
              "src/index.ts": `import { esm } from "esm"; import cjs, { named } from "cjs"; import { deep } from "@scope/deep/sub"; import self from "esm/package.json";
                import { nested } from "nested"; import path from "path"; ${serve("[esm, cjs.named, named, deep, self.version, nested, path.join('a', 'b')]")}`,
              "node_modules/esm/package.json": `{ "version": "1.2.3", "type": "module", "exports": { ".": { "types": "./i.d.ts", "import": "./i.mjs" }, "./package.json": "./package.json" } }`,
              "node_modules/esm/i.mjs": "export const esm = 'esm'; export const unused = 'unused';",
              "node_modules/cjs/package.json": `{ "main": "lib" }`,
              "node_modules/cjs/lib/index.js": "exports.named = require('./part').part + typeof require('util').inspect;",
              "node_modules/cjs/lib/part.js": "module.exports = { part: 'part-' };",
              "node_modules/@scope/deep/package.json": `{ "exports": { "./*": "./out/*.js" } }`,
              "node_modules/@scope/deep/out/sub.js": "export const deep = 'deep';",
              "node_modules/nested/package.json": `{ "module": "m.js", "main": "no.js" }`,
              "node_modules/nested/m.js": "export { version as nested } from 'esm';",
              "node_modules/nested/node_modules/esm/package.json": "{}",
              "node_modules/nested/node_modules/esm/index.js": "export const version = 'inner';",
            });"#,
        )
        .await;
        assert_eq!(
            answer,
            r#""[\"esm\",\"part-function\",\"part-function\",\"deep\",\"1.2.3\",\"inner\",\"a/b\"]""#
        );
    });
}

#[test]
fn jsx_has_the_runtime_that_was_chosen() {
    run(async {
        let answer = gives(
            r#"
            const runtime = (name) => ({ [`node_modules/${name}/jsx-runtime.js`]: `export const jsx = (tag, props) => ["${name}", tag, props]; export const jsxs = jsx; export const Fragment = "f";`,
              [`node_modules/${name}/package.json`]: "{}" });
            const files = { "index.tsx": serve("<p id='a'>hi {1}</p>"), ...runtime("react"), ...runtime("preact") };
            const classic = { "index.jsx": `import React from "react"; ${serve("<b/>")}`, "node_modules/react/package.json": "{}",
              "node_modules/react/index.js": "module.exports = { createElement: (...all) => all };" };
            return [
              await ask(files, { jsx: "automatic", entryPoint: "index.tsx" }),
              await ask(files, { jsx: "automatic", jsxImportSource: "preact", entryPoint: "index.tsx" }),
              await ask({ ...files, "tsconfig.json": `{ "compilerOptions": { "jsx": "react-jsx", /* so */ "jsxImportSource": "preact" } }` }, { entryPoint: "index.tsx" }),
              await ask({ ...files, "index.tsx": `/** @jsxImportSource preact */ ${serve("<i/>")}` }, { jsx: "automatic", entryPoint: "index.tsx" }),
              await ask(classic, { entryPoint: "index.jsx" }),
            ].map((text) => JSON.parse(text));"#,
        )
        .await;
        let element = |name: &str| format!(r#"["{name}","p",{{"id":"a","children":["hi ",1]}}]"#);
        let (react, preact) = (element("react"), element("preact"));
        assert_eq!(
            answer,
            format!(r#"[{react},{preact},{preact},["preact","i",{{}}],["b",null]]"#)
        );
    });
}

#[test]
fn decorators_are_lowered_and_style_sheets_leave_the_script() {
    run(async {
        let answer = gives(
            r#"
            const files = { "src/server.ts": `const twice = (method: any) => function (this: any) { return method.call(this) * 2; };
                class Sum { @twice of() { return 21; } } ${serve("new Sum().of()")}`,
              "src/client.ts": `import "./a.css"; import { b } from "./b"; document.title = b;`, "src/b.ts": `import "./b.css"; export const b = "b";`,
              "src/a.css": "@import './base.css';\n.a { color: red }", "src/base.css": ".base {}", "src/b.css": ".b {}" };
            const app = await createApp({ files, server: "src/server.ts", client: "src/client.ts", assets: { "robots.txt": "no" } });
            return [await (await load(app).fetch("http://x")).text(), app.clientBundles, Object.keys(app.assets).sort(), app.assets["/client.css"].split("\n"),
              app.assetManifest.get("/client.js").contentType, app.warnings];"#,
        )
        .await;
        let expected = r#"["42",["/client.js"],["/client.css","/client.js","/robots.txt"],[".base {}","",".a { color: red }",".b {}",""],"application/javascript; charset=utf-8",null]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn modules_may_stay_apart() {
    run(async {
        let answer = gives(
            r#"
            const files = { "src/index.ts": `import { a } from "./lib/a"; import data from "../data.json"; import text from "./t.md"; import type { T } from "./types";
                import { pkg } from "pkg"; export * from "./lib/a"; const late = () => import("./lib/late"); const t: T = 1; ${serve("[a, data, text, pkg, (await late()).late, t]")}`,
              "src/lib/a.ts": `import { b } from "../b"; export const a: string = b + 1;`, "src/b.js": `export const b = "b";`, "src/lib/late.mts": `export const late = "late";`,
              "src/t.md": "text", "data.json": `{"d":1}`, "node_modules/pkg/package.json": `{ "main": "./m.js" }`, "node_modules/pkg/m.js": `export { pkg } from "./n.js";`,
              "node_modules/pkg/n.js": `export const pkg = "pkg";` };
            const built = await createWorker({ files, bundle: false });
            const odd = await createWorker({ files: { "index.js": `import "./missing"; import "cloudflare:workers"; import "pg";` }, bundle: false, define: {}, jsx: "automatic" });
            return [built.mainModule, Object.keys(built.modules).sort(), await (await load(built).fetch("http://x")).json(), odd.warnings];"#,
        )
        .await;
        let expected = r#"["src/index.js",["data.json","node_modules/pkg/m.js","node_modules/pkg/n.js","src/b.js","src/index.js","src/lib/a.js","src/lib/late.mjs","src/t.md"],["b1",{"d":1},"text","pkg","late",1],["Failed to resolve './missing' from index.js: Cannot resolve relative import './missing' from 'index.js'","jsx, define are ignored when `bundle: false` (transform-only mode does not run esbuild). Set `bundle: true` (the default) to apply them."]]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn file_systems_hold_what_is_built() {
    run(async {
        let answer = gives(
            r#"
            const system = new InMemoryFileSystem({ "index.ts": serve("'before'") });
            const first = await ask(system);
            system.write("index.ts", serve("'after'"));
            system.write("x/y.ts", "");
            const snapshot = await createFileSystemSnapshot((async function* () { yield ["index.js", serve("'snapshot'")]; })());
            const list = [system.list(), system.list("x/"), system.read("none")];
            system.delete("x/y.ts");
            await system.flush();
            return [first, await ask(system), await ask(snapshot), list, system.list(), hasDependencies(system),
              hasDependencies(new InMemoryFileSystem({ "package.json": `{ "dependencies": { "a": "1" } }` })),
              await installDependencies(new InMemoryFileSystem({ "package.json": "{" })),
              (await createWorker({ files: { "index.js": "", "package.json": `{ "dependencies": { "a": "1" } }` } })).warnings,
              inferContentType("a/B.HTML"), inferContentType("a.b/c") ?? null, isTextContentType("image/svg+xml")];"#,
        )
        .await;
        let expected = r#"["\"before\"","\"after\"","\"snapshot\"",[["index.ts","x/y.ts"],["x/y.ts"],null],["index.ts"],false,true,{"installed":[],"warnings":["Failed to parse package.json"]},["Failed to install a: this host installs no packages"],"text/html; charset=utf-8",null,true]"#;
        assert_eq!(answer, expected);
    });
}

#[test]
fn assets_are_served_as_workers_serve_them() {
    run(async {
        let answer = gives(
            r#"
            const { manifest, storage } = await buildAssets({ "/index.html": "home", "/about.html": "about", "/blog/index.html": "blog", "/404.html": "none", "/app.deadbeef.js": "js", "/a b.txt": "space" });
            const get = async (path, config, headers = {}, method = "GET") => {
              const response = await handleAssetRequest(new Request("http://x" + path, { headers, method }), manifest, storage, config);
              if (response === null) return null;
              const { status } = response;
              return [status, response.headers.get("location") ?? await response.text()];
            };
            const html = (mode) => ({ html_handling: mode });
            const rules = { redirects: { static: { "/old": { status: 301, to: "/about" }, "/proxy": { status: 200, to: "/about" } }, dynamic: { "/u/:id/*": { status: 302, to: "/user/:id?rest=:splat" } } },
              headers: { "/*": { set: { "x-a": "1" }, unset: ["etag"] } } };
            const full = await handleAssetRequest(new Request("http://x/app.deadbeef.js"), manifest, storage, rules);
            const etag = manifest.get("/about.html").etag;
            return [
              await get("/"), await get("/about"), await get("/about.html"), await get("/blog"), await get("/blog/"), await get("/blog/index.html"), await get("/none"),
              await get("/about", html("force-trailing-slash")), await get("/about/", html("force-trailing-slash")), await get("/blog/", html("drop-trailing-slash")), await get("/blog", html("drop-trailing-slash")),
              await get("/about", html("none")), await get("/x/y", { not_found_handling: "404-page" }), await get("/x", { not_found_handling: "single-page-application" }),
              await get("/x", { not_found_handling: "single-page-application" }, { accept: "text/html" }), await get("/about", {}, {}, "POST"), await get("/about", {}, {}, "HEAD"),
              await get("/a%20b.txt"), await get("/about", {}, { "if-none-match": `W/"${etag}"` }), await get("/old?q=1", rules), await get("/proxy", rules), await get("/u/7/a/b", rules),
              [full.headers.get("x-a"), full.headers.get("etag"), full.headers.get("cache-control"), full.headers.get("content-type")], etag,
            ];"#,
        )
        .await;
        let expected = r#"[[200,"home"],[200,"about"],[307,"/about"],[307,"/blog/"],[200,"blog"],[307,"/blog/"],null,[307,"/about/"],[200,"about"],[307,"/blog"],[200,"blog"],null,[404,"none"],null,[200,"home"],null,[200,""],[200,"space"],[304,""],[301,"/about?q=1"],[200,"about"],[302,"/user/7?rest=a/b"],["1",null,"public, max-age=31536000, immutable","application/javascript; charset=utf-8"],"ETAG"]"#;
        let etag_at = answer.rfind(",\"").unwrap();
        assert_eq!(format!("{},\"ETAG\"]", &answer[..etag_at]), expected);
    });
}

#[test]
fn mistakes_in_the_source_are_told() {
    run(async {
        let answer = gives(
            r#"
            const mistake = async (source) => { try { await createWorker({ files: { "src/index.ts": source } }); } catch (error) { return [error.message, error.errors?.[0].location]; } };
            const odd = await createWorker({ files: { "index.js": `import "./gone"; import "absent"; import "node:fs"; import "fs"; import "cloudflare:workers"; export default {};` } });
            return [await mistake("export default {\n  fetch( { return 1 }\n};"), odd.warnings];"#,
        )
        .await;
        assert!(
            answer.starts_with(r#"[["Build failed with 1 error:\nsrc/index.ts:2:"#),
            "{answer}"
        );
        assert!(answer.ends_with(r#"["Could not resolve \"./gone\" (imported by index.js): it stays an import","Could not resolve \"absent\" (imported by index.js): it stays an import"]]"#), "{answer}");
    });
}

/// A worker that the host gave no bundler has none, and neither has a dynamic one that was not handed any.
#[test]
fn building_is_a_power() {
    run(async {
        let inner = r#"import { createWorker } from "@cloudflare/worker-bundler";
            export default { async fetch(request, env) {
              try { return Response.json((await (env.BUILD ?? createWorker)({ files: { "index.js": "export default 1;" } })).mainModule); }
              catch (error) { return Response.json(error.message); } } };"#;
        let code = format!(
            "import {{ createWorker }} from '@cloudflare/worker-bundler'; const code = {inner:?}; \
             export default {{ async fetch(request, env) {{ \
               const load = (env2) => env.LOADER.load({{ compatibilityDate: '2026-06-11', mainModule: 'm.js', modules: {{ 'm.js': code }}, env: env2 }}).getEntrypoint().fetch('http://x'); \
               const answers = [await load({{}}), await load({{ BUILD: (options) => createWorker(options) }})]; \
               return Response.json(await Promise.all(answers.map((answer) => answer.json()))); }} }};"
        );
        let with = App::new(&code)
            .loader("LOADER", runtime().await.loader())
            .bundler(bundler().await)
            .deploy()
            .await;
        let answer = text(&with, "/").await;
        assert!(
            answer.starts_with(r#"["This worker was given no bundler."#),
            "{answer}"
        );
        assert!(answer.ends_with(r#","bundle.js"]"#), "{answer}");
        let without = App::new(inner).deploy().await;
        let answer = text(&without, "/").await;
        assert!(
            answer.starts_with("\"This worker was given no bundler."),
            "{answer}"
        );
    });
}

/// Packages that a test has at hand.
struct Shelf;

impl Packages for Shelf {
    fn install(
        &self,
        wanted: Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<Installed>, String>> + Send + '_>> {
        let mut installed = Installed::default();
        for (name, range) in wanted.dependencies {
            if name == "absent" {
                let warning = "Failed to install absent: there is no such package";
                installed.warnings.push(warning.to_owned());
                continue;
            }
            installed.packages.push(format!("{name}@1.0.0"));
            let folder = format!("node_modules/{name}");
            let main = format!("export default '{name} for {range}';");
            let manifest =
                format!(r#"{{ "name": "{name}", "type": "module", "main": "main.js" }}"#);
            let files = [
                ("package.json", manifest),
                ("main.js", main),
                ("types.d.ts", "export default string;".to_owned()),
            ];
            let files = files.map(|(path, text)| (format!("{folder}/{path}"), text.into()));
            installed.files.extend(files);
        }
        Box::pin(std::future::ready(match wanted.registry {
            Some(registry) => Err(format!("The registry {registry} is not asked here.")),
            None => Ok(Arc::new(installed)),
        }))
    }
}

/// The worker and the build have no network: packages are the host's.
#[test]
fn packages_come_from_the_host() {
    run(async {
        let bundler = runtime().await.bundler(Building {
            packages: Some(Arc::new(Shelf)),
            ..Building::default()
        });
        let answer = text(
            &building_with(
                bundler,
                r#"
                const files = { "index.ts": `import one from "one"; import two from "@a/two"; ${serve("[one, two]")}`,
                  "package.json": `{ "dependencies": { "one": "^1", "@a/two": "latest" } }` };
                const system = new InMemoryFileSystem({ ...files });
                const first = await installDependencies(system);
                const before = system.list().length;
                const again = await installDependencies(system);
                const partly = { "index.js": `import one from "one"; ${serve("one")}`, "package.json": `{ "dependencies": { "one": "*", "absent": "1" } }`,
                  "node_modules/one/package.json": "{}", "node_modules/one/index.js": "export default 'mine';" };
                const written = new InMemoryFileSystem({ ...files });
                return [await ask(files), first, before, again, await ask(system), await ask(written), written.read("node_modules/one/types.d.ts"),
                  await ask(partly), (await createWorker({ files: partly })).warnings,
                  await ending(() => createWorker({ files, registry: "https://elsewhere.example" }))];"#,
            )
            .await,
            "/",
        )
        .await;
        let built = r#""[\"one for ^1\",\"@a/two for latest\"]""#;
        let expected = format!(
            r#"[{built},{{"installed":["@a/two@1.0.0","one@1.0.0"],"warnings":[]}},8,{{"installed":[],"warnings":[]}},{built},{built},"export default string;","\"mine\"",["Failed to install absent: there is no such package"],"Error: The registry https://elsewhere.example is not asked here."]"#
        );
        assert_eq!(answer, expected);
    });
}
