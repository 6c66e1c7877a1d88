// What both make of packages that they have to fetch.

import * as bundler from "@cloudflare/worker-bundler";

const { createApp, createWorker, InMemoryFileSystem, installDependencies } = bundler;

const serve = (expression) => `export default { fetch: async () => new Response(JSON.stringify(${expression})) };`;
const manifest = (dependencies, more = {}) => JSON.stringify({ dependencies, ...more });

/** A program that says what each of these packages is, by default imports. */
const saying = (dependencies, names = Object.keys(dependencies)) => ({
  "package.json": manifest(dependencies),
  "src/index.ts": `${names.map((name, index) => `import p${index} from ${JSON.stringify(name)};`).join("\n")}\n${serve(`[${names.map((_, index) => `p${index}`)}]`)}`,
});

const cases = (registry, load) => {
  const ask = async (built) => (await load(built).fetch("http://x/")).text();
  const build = async (files, options = {}) => {
    const built = await createWorker({ files, registry, ...options });
    return [await ask(built), Object.keys(built.modules).sort(), built.warnings ?? null];
  };
  const says = (dependencies, options) => build(saying(dependencies), options);
  const install = async (dependencies, options = {}, files = {}) => {
    const system = new InMemoryFileSystem({ "package.json": manifest(dependencies), ...files });
    const { installed, warnings } = await installDependencies(system, { registry, ...options });
    return [installed.sort(), warnings.sort(), system.list().sort()];
  };
  return {
    "exact version": () => says({ leaf: "1.0.0" }),
    "caret": () => says({ leaf: "^1.0.0" }),
    "tilde": () => says({ leaf: "~1.0.0" }),
    "comparators": () => says({ leaf: ">=1.0.0 <1.2.0 || 7" }),
    "latest": () => says({ leaf: "latest" }),
    "any": () => says({ leaf: "*" }),
    "a tag": () => says({ leaf: "next" }),
    "a version before a release": () => says({ leaf: "3.0.0-beta.1" }),
    "a range that leaves out what comes before a release": () => says({ leaf: ">=2.0.0" }),
    "a scope": () => says({ "@team/tool": "^1" }),
    "what packages need": () => says({ tree: "^1" }),
    "packages that need each other": () => says({ ping: "1" }),
    "what two packages share": () => says({ left: "1", right: "1" }),
    "what two packages need in versions of their own": () => says({ old: "1", young: "1" }),
    "what a package expects beside it": () => says({ plugin: "1", leaf: "1.0.0" }),
    "what a package expects beside it and nobody names": () => says({ plugin: "1" }),
    "what a package can do without": () => says({ optional: "1" }),
    "another name": () => says({ renamed: "npm:leaf@1.0.0" }),
    "no such package": () => build({ ...saying({ leaf: "1.0.0" }), "package.json": manifest({ leaf: "1.0.0", absent: "1" }) }),
    "no such version": () => build({ ...saying({ leaf: "1.0.0" }), "package.json": manifest({ leaf: "1.0.0", tree: "^7" }) }),
    "no range at all": () => build({ ...saying({ leaf: "1.0.0" }), "package.json": manifest({ leaf: "1.0.0", tree: "not a range" }) }),
    "names that lead elsewhere": () => build({ ...saying({ leaf: "1.0.0" }), "package.json": manifest({ leaf: "1.0.0", "../../escape": "1" }) }),
    "a manifest that is none": () => build({ "package.json": "{", "index.js": serve("1") }),
    "files in the way": () => build({ ...saying({ leaf: "^1" }), "node_modules/leaf/package.json": "{}", "node_modules/leaf/index.js": "export default 'own';" }),
    "development": () => install({ leaf: "1.0.0" }, { dev: true }, { "package.json": manifest({ leaf: "1.0.0" }, { devDependencies: { tree: "1" } }) }),
    "no development": () => install({}, {}, { "package.json": manifest({ leaf: "1.0.0" }, { devDependencies: { tree: "1" } }) }),
    "what a file system gets": () => install({ tree: "^1" }),
    "a file system's program": async () => {
      const system = new InMemoryFileSystem(saying({ tree: "^1" }));
      return [await build(system), system.read("node_modules/leaf/package.json") !== null];
    },
    "exports by conditions": () => build(saying({ conditional: "1" })),
    "exports by own conditions": () => build(saying({ conditional: "1" }), { conditions: ["special"] }),
    "a part of a package": () => build(saying({ parts: "1" }, ["parts/one", "parts/deep/two.js"])),
    "CommonJS": () => build(saying({ common: "1" })),
    "minified": () => says({ tree: "^1" }, { minify: true }),
    "minified, with a source map": async () => {
      const built = await createWorker({ files: saying({ tree: "^1" }), registry, minify: true, sourcemap: true });
      const map = JSON.parse(atob(/sourceMappingURL=data:application\/json[^,]*,(\S+)/.exec(built.modules["bundle.js"])[1]));
      return [await ask(built), map.sources.length];
    },
    "left outside": async () => {
      const built = await createWorker({ files: saying({ leaf: "1.0.0", tree: "^1" }), registry, externals: ["leaf"] });
      return [/from\s*"leaf"/.test(built.modules["bundle.js"]), built.warnings ?? null];
    },
    "in place of a package": () => says({ leaf: "1.0.0" }, { virtualModules: { leaf: "export default 'virtual';" } }),
    "constants": () => build({ ...saying({ leaf: "1.0.0" }), "src/index.ts": `import leaf from "leaf"; ${serve("[leaf, MODE, process.env.NODE_ENV]")}` }, { define: { MODE: '"m"' } }),
    "files of a package": () => build(saying({ files: "1" })),
    "files of a package, read otherwise": () => build(saying({ files: "1" }), { loader: { ".txt": "base64" } }),
    "JSX of a package": () => build({ "package.json": manifest({ pract: "1" }), "src/index.tsx": serve("<p id='a'>{1}</p>") }, { entryPoint: "src/index.tsx", jsx: "automatic", jsxImportSource: "pract" }),
    "an older target": () => says({ modern: "1" }, { target: "es2020" }),
    "not bundled": () => says({ tree: "^1", "@team/tool": "1" }, { bundle: false }),
    "an app": async () => {
      const files = { ...saying({ leaf: "1.0.0" }), "src/client.ts": "import tree from 'tree'; document.title = tree;", "package.json": manifest({ leaf: "1.0.0", tree: "^1" }) };
      const built = await createApp({ files, registry, client: "src/client.ts", assets: { "/index.html": "<h1>home</h1>" } });
      return [await ask(built), built.clientBundles, Object.keys(built.assets).sort(), built.assets["/client.js"].includes("leaf 1.2.0"), built.warnings ?? null];
    },
  };
};

export default {
  async fetch(request, env) {
    const registry = decodeURIComponent(new URL(request.url).search.slice(1));
    const load = ({ mainModule, modules }) => env.LOADER.load({ compatibilityDate: "2026-06-11", mainModule, modules }).getEntrypoint();
    const results = {};
    for (const [name, run] of Object.entries(cases(registry, load))) {
      try {
        results[name] = (await run()) ?? null;
      } catch (error) {
        results[name] = { threw: `${error?.name}: ${error?.message.split("\n")[0]}` };
      }
    }
    return Response.json(results);
  },
};
