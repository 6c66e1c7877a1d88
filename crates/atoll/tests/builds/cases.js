// The examples that the npm package documents, and what its own tests ask of it.

const serve = (expression) => `export default { fetch: async (request, env) => new Response(String(${expression})) };`;
const failure = async (call) => {
  try {
    return await call();
  } catch (error) {
    return `${error.name}: ${error.message.split("\n")[0]}`;
  }
};
const shapeOf = ({ mainModule, modules, warnings, wranglerConfig }) => ({ mainModule, modules: Object.keys(modules).sort(), warnings, wranglerConfig });

/** Packages in all the ways in which they say where they start. */
const packages = {
  "node_modules/esm/package.json": JSON.stringify({ name: "esm", exports: { ".": { import: "./index.mjs", require: "./index.cjs" }, "./sub": "./sub.js" } }),
  "node_modules/esm/index.mjs": "export const kind = 'module'; export default 'default';",
  "node_modules/esm/index.cjs": "exports.kind = 'commonjs';",
  "node_modules/esm/sub.js": "export const sub = 'sub';",
  "node_modules/cjs/package.json": JSON.stringify({ name: "cjs", main: "./lib/main.js" }),
  "node_modules/cjs/lib/main.js": "const part = require('./part'); exports.all = part.map((x) => x * 2); exports.esm = require('esm').kind;",
  "node_modules/cjs/lib/part.js": "module.exports = [1, 2, 3];",
  "node_modules/@scope/name/package.json": JSON.stringify({ name: "@scope/name", module: "./m.js", main: "./missing.js" }),
  "node_modules/@scope/name/m.js": "export { kind as scoped } from 'esm';",
  "node_modules/data/package.json": JSON.stringify({ name: "data", main: "index.json" }),
  "node_modules/data/index.json": JSON.stringify({ value: 7 }),
};

const app = {
  files: {
    "src/server.ts": serve("'server: ' + new URL(request.url).pathname + ' ' + request.method"),
    "src/client.ts": "const who: string = 'client'; document.title = who;",
    "src/admin.tsx": "console.log('admin');",
  },
  server: "src/server.ts",
  client: ["src/client.ts", "src/admin.tsx"],
  assets: { "/index.html": "<h1>home</h1>", "about.html": "about", "/docs/index.html": "docs", "/app.abcdef0123.css": "p {}", "/404.html": "nothing", "/data.bin": new Uint8Array([1, 2, 3]).buffer },
};

const urls = ["/", "/index.html", "/index", "/about", "/about/", "/about.html", "/docs", "/docs/", "/docs/index", "/client.js", "/app.abcdef0123.css", "/none", "/a//b", "/%61bout", "/data.bin", "/docs/x/y"];

async function served({ createApp, createMemoryStorage, handleAssetRequest, load }, config, headers = {}, method = "GET") {
  const built = await createApp({ ...app, assetConfig: config });
  const storage = createMemoryStorage(built.assets);
  const answers = {};
  for (const url of urls) {
    const request = new Request(`http://x${url}`, { headers, method });
    const answer = await handleAssetRequest(request, built.assetManifest, storage, built.assetConfig);
    const response = answer ?? (await load(built).fetch(request, { redirect: "manual" }));
    const isScript = url === "/client.js";
    const names = ["location", "content-type", "cache-control", ...(isScript ? [] : ["etag"]), "x-set"];
    answers[url] = [answer !== null, response.status, ...names.map((name) => response.headers.get(name)), isScript ? "script" : await response.text()];
  }
  return answers;
}

export const cases = {
  exports: ({ bundler }) => Object.keys(bundler).sort(),
  simple: async ({ createWorker, ask }) => {
    const built = await createWorker({ files: { "src/index.ts": serve("'hello'") } });
    return [shapeOf(built), await ask(built)];
  },
  relative: async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "src/index.ts": `import { a } from "./lib/a"; import { b } from "./b.ts"; import { c } from "./c"; ${serve("a + b + c")}`,
      "src/lib/a.ts": "export const a: string = 'a';", "src/b.ts": "export const b = 'b';", "src/c/index.ts": "export * from '../lib/../d';", "src/d.mjs": "export const c = 'c';" } })),
  virtual: async ({ createWorker, ask }) =>
    ask(await createWorker({
      files: { "src/index.ts": `import { readFileSync } from "node:fs"; import value from "virtual:app/config"; ${serve("readFileSync('/message.txt', 'utf8') + value")}` },
      virtualModules: {
        "node:fs": `const files = { "/message.txt": "from a virtual module" }; export function readFileSync(path) { return files[path]; } export default { readFileSync };`,
        fs: `export * from "node:fs"; export { default } from "node:fs";`,
        "virtual:app/config": "import { readFileSync } from 'fs'; export default typeof readFileSync;",
      },
    })),
  "entry point: option": async ({ createWorker, ask }) => ask(await createWorker({ entryPoint: "x/y.ts", files: { "x/y.ts": serve("'y'"), "src/index.ts": serve("'no'") } })),
  "entry point: wrangler": async ({ createWorker, ask }) =>
    Promise.all([
      { "wrangler.toml": 'main = "./a.ts"' }, { "wrangler.json": '{ "main": "a.ts" }' }, { "wrangler.jsonc": '{ // where\n "main": "./a.ts" /* so */ }' },
      { "wrangler.toml": "main = [", "index.ts": serve("'index'") },
    ].map(async (config) => {
      const built = await createWorker({ files: { "a.ts": serve("'a'"), ...config } });
      return [built.wranglerConfig, await ask(built)];
    })),
  "entry point: package.json": async ({ createWorker, ask }) =>
    Promise.all([{ main: "./m.js" }, { module: "m.js", main: "no.js" }, { exports: "./m.js" }, { exports: { ".": "./m.js" } }, { exports: { ".": { default: "./m.js" } } }, { exports: { "./x": "./no.js" }, main: "m.js" }].map(async (manifest) =>
      ask(await createWorker({ files: { "m.js": serve("'m'"), "package.json": JSON.stringify(manifest) } })),
    )),
  "entry point: defaults": async ({ createWorker, ask }) =>
    Promise.all(["src/index.ts", "src/index.js", "src/index.mts", "src/index.mjs", "index.ts", "index.js", "src/worker.ts", "src/worker.js"].map(async (path) => ask(await createWorker({ files: { [path]: serve(`'${path}'`) } })))),
  "entry point: errors": async ({ createWorker, createApp }) => [
    await failure(() => createWorker({ files: {} })),
    await failure(() => createWorker({ files: { "a.ts": "", "b.ts": "" }, entryPoint: "c.ts" })),
    await failure(() => createWorker({ files: Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`f${n}.ts`, ""])), entryPoint: "c.ts" })),
    await failure(() => createApp({ files: { "a.ts": "" } })),
    await failure(() => createApp({ files: { "a.ts": "" }, server: "s.ts" })),
    await failure(() => createApp({ files: { "a.ts": "" }, server: "a.ts", client: "c.ts" })),
  ],
  "wrangler config": async ({ createWorker, ask }) => {
    const built = await createWorker({ files: { "src/index.ts": `import { Buffer } from "node:buffer"; ${serve("Buffer.from('hi').toString('hex')")}`,
      "wrangler.toml": 'main = "src/index.ts"\ncompatibility_date = "2026-01-01"\ncompatibility_flags = ["nodejs_compat"]' } });
    return [shapeOf(built), await ask(built, "http://x/", ["nodejs_compat"])];
  },
  "cloudflare:workers": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.ts": `import { WorkerEntrypoint } from "cloudflare:workers"; export default class extends WorkerEntrypoint { fetch(request) { return new Response("entrypoint " + new URL(request.url).search); } }` } }), "http://x/?q=1"),
  minified: async ({ createWorker, ask }) => {
    const files = { "index.ts": `function averyLongFunctionName(parameter: number) { return parameter + 1; } ${serve("averyLongFunctionName(1) + averyLongFunctionName(2)")}` };
    const [plain, small] = [await createWorker({ files }), await createWorker({ files, minify: true })];
    return [small.modules["bundle.js"].length < plain.modules["bundle.js"].length, await ask(small)];
  },
  "source map": async ({ createWorker }) => {
    const built = await createWorker({ files: { "src/index.ts": serve("1") }, sourcemap: true });
    const map = JSON.parse(atob(/sourceMappingURL=data:application\/json[^,]*,(\S+)/.exec(built.modules["bundle.js"])[1]));
    return [map.version, map.sources.length, map.sourcesContent[0]];
  },
  externals: async ({ createWorker }) => {
    const built = await createWorker({ files: { "index.js": `import a from "left"; import b from "left/sub"; import c from "lefty"; ${serve("[a, b, c]")}` }, externals: ["left"] });
    return [["left", "left/sub", "lefty"].map((name) => built.modules["bundle.js"].includes(`"${name}"`)), built.warnings];
  },
  define: async ({ createWorker, ask }) => ask(await createWorker({ files: { "index.ts": serve("[__DEV__, process.env.NODE_ENV, VERSION]") }, define: { __DEV__: "false", "process.env.NODE_ENV": '"production"', VERSION: '"1.2"' } })),
  "NODE_ENV": async ({ createWorker, ask }) => [
    await ask(await createWorker({ files: { "index.ts": serve("process.env.NODE_ENV") } })),
    await ask(await createWorker({ files: { "index.ts": serve("process.env.NODE_ENV") }, minify: true })),
  ],
  loaders: async ({ createWorker, ask }) =>
    ask(await createWorker({
      files: { "index.ts": `import a from "./a.svg"; import b from "./b.sql"; import c from "./c.bin"; import d from "./d.b64"; import e from "./e.url"; import f from "./f.special.txt"; import g from "./g.cfg"; ${serve("JSON.stringify([a, b, [...c], d, e, f, g])")}`,
        "a.svg": "<svg>ü</svg>", "b.sql": "select 1", "c.bin": "é", "d.b64": "base", "e.url": "u", "f.special.txt": '{"x":1}', "g.cfg": "export default 'code'" },
      loader: { ".svg": "text", ".sql": "text", ".bin": "binary", ".b64": "base64", ".url": "dataurl", ".txt": "text", ".special.txt": "json", ".cfg": "js" },
    })),
  json: async ({ createWorker, ask }) => ask(await createWorker({ files: { "index.ts": `import data, { list } from "./data.json"; ${serve("JSON.stringify([data, list])")}`, "data.json": '{ "list": [1, 2], "a-b": true }' } })),
  css: async ({ createWorker, ask }) => ask(await createWorker({ files: { "index.ts": `import "./a.css"; ${serve("'styled'")}`, "a.css": "p { color: red }" }, loader: { ".css": "text" } })),
  packages: async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { ...packages, "src/index.ts": `import d, { kind } from "esm"; import { sub } from "esm/sub"; import cjs from "cjs"; import { all } from "cjs"; import { scoped } from "@scope/name"; import data from "data"; ${serve("JSON.stringify([d, kind, sub, cjs.all, all, scoped, data])")}` } })),
  "default of CommonJS": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.ts": `import a, * as all from "interop"; import b from "plain"; ${serve("JSON.stringify([a, all.named, b, typeof b])")}`,
      "node_modules/interop/package.json": "{}", "node_modules/interop/index.js": "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'd'; exports.named = 'n';",
      "node_modules/plain/package.json": "{}", "node_modules/plain/index.js": "module.exports = function plain() {}; module.exports.x = 1;" } })),
  "jsx: automatic": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.tsx": serve("JSON.stringify(<p id='a'>{1}<></></p>)"), "node_modules/preact/package.json": "{}",
      "node_modules/preact/jsx-runtime.js": "export const jsx = (...all) => all.slice(0, 2); export const jsxs = jsx; export const Fragment = 'fragment';" }, entryPoint: "index.tsx", jsx: "automatic", jsxImportSource: "preact" })),
  "jsx: classic": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.tsx": `const React = { createElement: (...all) => all, Fragment: "f" }; ${serve("JSON.stringify(<p id='a'>{1}<></></p>)")}` }, entryPoint: "index.tsx" })),
  "jsx: pragma": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.tsx": `/** @jsx h */ const h = (...all) => all; ${serve("JSON.stringify(<p id='a'/>)")}` }, entryPoint: "index.tsx" })),
  "dynamic imports": async ({ createWorker, ask }) => {
    const built = await createWorker({ files: { "index.ts": `const load = () => import("./late"); ${serve("(await load()).late")}`, "late.ts": "export const late = 'late';" } });
    return [shapeOf(built), await ask(built)];
  },
  "syntax of types": async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.ts": `enum Color { Red = 1, Green } namespace N { export const x = 5; } abstract class A<T> { constructor(public readonly a: T, private b?: number) {} declare c: string; get<K extends keyof T>(k: K) { return this.a[k]!; } }
      class B extends A<{ z: 3 }> { override get(k: any) { return super.get(k); } } const s = { v: 1 } satisfies { v: number }; type X = typeof s; import type { Y } from "./gone"; export type { Y }; ${serve("JSON.stringify([Color.Green, Color[1], N.x, new B({ z: 3 }).get('z'), s.v as X['v']])")}` } })),
  "unresolved imports": async ({ createWorker }) => {
    const { modules } = await createWorker({ files: { "index.js": `import "./gone.js"; import "absent"; import "node:fs"; import "fs"; ${serve("1")}` } });
    return ["./gone.js", "absent", "node:fs"].map((name) => modules["bundle.js"].includes(`"${name}"`));
  },
  mistakes: async ({ createWorker }) => [
    await failure(() => createWorker({ files: { "index.ts": "export default {" } })),
    await failure(() => createWorker({ files: { "index.ts": "import { missing } from './a'; console.log(missing);", "a.ts": "export const other = 1;" } })),
    await failure(() => createWorker({ files: { "index.ts": "import './a.json'", "a.json": "{" } })),
    await failure(() => createWorker({ files: { "index.ts": "const a = 1; const a = 2;" } })),
  ],
  "plugins that are none": async ({ createWorker }) => [
    await failure(() => createWorker({ files: { "index.ts": "" }, __dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired: [null] })),
    await failure(() => createWorker({ files: { "index.ts": "" }, __dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired: [{ name: "x", setup: 1 }] })),
  ],
  plugins: async ({ createWorker, ask }) =>
    ask(await createWorker({ files: { "index.ts": `import v from "plugin:x"; ${serve("v")}` },
      __dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired: [{ name: "x", setup(build) {
        build.onResolve({ filter: /^plugin:/ }, ({ path }) => ({ path, namespace: "p" }));
        build.onLoad({ filter: /.*/, namespace: "p" }, () => ({ contents: "export default 'from a plugin'", loader: "js" }));
      } }] })),
  "transform only": async ({ createWorker, ask }) => {
    const esm = { "node_modules/esm/package.json": JSON.stringify({ exports: "./index.js" }), "node_modules/esm/index.js": packages["node_modules/esm/index.mjs"] };
    const built = await createWorker({ bundle: false, files: { ...packages, ...esm, "src/index.ts": `import { a } from "./lib/a"; import { kind } from "esm"; import { scoped } from "@scope/name"; import data from "./data.json"; import type { T } from "./t"; const t: T = "t"; ${serve("JSON.stringify([a, kind, scoped, data, t])")}`,
      "src/lib/a.ts": "import b from '../b.js'; export const a: string = 'a' + b;", "src/b.js": "export default 'b';", "src/data.json": "[1]", "src/t.ts": "export type T = string;" } });
    return [shapeOf(built), await ask(built)];
  },
  "transform only: warnings": async ({ createWorker }) => [
    shapeOf(await createWorker({ bundle: false, files: { "index.ts": `import "./gone"; import "absent"; ${serve("1")}` } })),
    shapeOf(await createWorker({ bundle: false, files: { "index.ts": serve("1") }, define: {}, conditions: [], virtualModules: {}, loader: {}, jsxImportSource: "x" })),
    shapeOf(await createWorker({ bundle: false, files: { "index.ts": serve("1") }, jsx: "automatic", sourcemap: true, minify: true })),
  ],
  "app": async ({ createApp, load }) => {
    const built = await createApp(app);
    const manifest = [...built.assetManifest].filter(([path]) => !path.endsWith(".js")).sort();
    return [shapeOf(built), Object.keys(built.assets).sort(), built.clientBundles, built.assetConfig, manifest, await (await load(built).fetch("http://x/z", { method: "POST" })).text()];
  },
  "app without anything": async ({ createApp }) => {
    const { assets, assetManifest, ...rest } = await createApp({ files: { "index.ts": serve("1") }, bundle: false });
    return [Object.keys(assets), assetManifest.size, Object.keys(rest).sort(), shapeOf(rest)];
  },
  "assets: as they are": (all) => served(all, undefined),
  "assets: force": (all) => served(all, { html_handling: "force-trailing-slash" }),
  "assets: drop": (all) => served(all, { html_handling: "drop-trailing-slash", not_found_handling: "404-page" }),
  "assets: none": (all) => served(all, { html_handling: "none" }),
  "assets: page": (all) => served(all, { not_found_handling: "single-page-application" }, { accept: "text/html" }),
  "assets: HEAD": (all) => served(all, {}, {}, "HEAD"),
  "assets: POST": (all) => served(all, {}, {}, "POST"),
  "assets: rules": (all) =>
    served(all, { redirects: { static: { "/none": { status: 301, to: "/about?x#y" }, "https://x/docs": { status: 200, to: "/about" } }, dynamic: { "/a*b": { status: 302, to: "https://other.example/:splat" }, "/docs/:one/:two": { status: 308, to: "/:two/:one" }, "/(": { status: 301, to: "/" } } },
      headers: { "/*": { set: { "X-Set": "all" } }, "/about*": { set: { "x-set": "about" }, unset: ["etag"] } } }),
  "assets: known tags": async (all) => {
    const { manifest } = await all.buildAssets(app.assets);
    return served(all, {}, { "if-none-match": `"x", W/"${manifest.get("/index.html").etag}"` });
  },
  "file systems": async ({ InMemoryFileSystem, createFileSystemSnapshot, createWorker, ask, hasDependencies }) => {
    const system = new InMemoryFileSystem(new Map([["src/index.ts", serve("'one'")]]));
    const first = await ask(await createWorker({ files: system }));
    system.write("src/index.ts", serve("'two'"));
    system.write("a/b.txt", "b");
    const snapshot = await createFileSystemSnapshot([["index.ts", serve("'three'")], ["x", "1"], ["x", "2"]]);
    const seen = [system.read("a/b.txt"), system.read("no"), system.list(), system.list("a/"), snapshot.read("x"), await system.flush()];
    system.delete("a/b.txt");
    const dependent = (manifest) => hasDependencies(new InMemoryFileSystem({ "package.json": manifest }));
    return [first, await ask(await createWorker({ files: system })), await ask(await createWorker({ files: snapshot })), seen, system.list(),
      dependent("{}"), dependent('{"dependencies":{}}'), dependent('{"dependencies":{"a":"1"}}'), dependent("{"), dependent('{"devDependencies":{"a":"1"}}')];
  },
  "installed already": async ({ InMemoryFileSystem, installDependencies, createWorker, ask }) => {
    const files = { ...packages, "package.json": '{ "dependencies": { "esm": "^1", "cjs": "*" } }', "index.ts": `import { kind } from "esm"; ${serve("kind")}` };
    const system = new InMemoryFileSystem({ ...files });
    return [await installDependencies(system), await ask(await createWorker({ files: system })), await ask(await createWorker({ files })), await installDependencies(new InMemoryFileSystem()), await installDependencies(new InMemoryFileSystem({ "package.json": "{" }))];
  },
  mime: ({ inferContentType, isTextContentType }) => [
    ["a.html", "b.MJS", "c.css", "d.json", "e.svg", "f.woff2", "g.mp4", "h.pdf", "i.wasm", "j.map", "k.unknown", "l", "m.x/n", ".png", "o.tar.gz", "p.webmanifest", "q.txt", "r.csv", "s.ico", "t.eot"].map((path) => inferContentType(path) ?? null),
    ["text/x", "application/json", "image/svg+xml", "image/png", "application/javascript"].map(isTextContentType),
  ],
};
