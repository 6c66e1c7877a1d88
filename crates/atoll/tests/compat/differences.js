// Each difference that COMPAT.md tells of, and whether it shows.
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import vm from "node:vm";
import zlib from "node:zlib";

/** The error that `work` ends with. */
async function failure(work) {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

const dynamic = (code) => ({ compatibilityDate: "2026-06-11", mainModule: "main.js", modules: { "main.js": code } });
const answer = async (worker) => (await worker.getEntrypoint().fetch("http://x/")).text();
const fails = async (...works) => (await Promise.all(works.map(failure))).every((error) => error !== undefined);
const noSuch = (name) => () => {
  if (typeof zlib[name] === "function") zlib[name](Buffer.from("x"));
  else throw new Error(`no ${name}`);
};

const MAGIC = [0, 97, 115, 109, 1, 0, 0, 0];
/** A module whose function `add` adds two numbers. */
const ADD = new Uint8Array([
  ...MAGIC, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0,
  10, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b,
]);

export const differences = {
  "`ssecKey` throws": ({ env }) => fails(() => env.R2.get("key", { ssecKey: "0".repeat(64) })),
  "streams as results throw": async ({ env }) => {
    const instance = await env.FLOW.create();
    for (;;) {
      const { status, output } = await instance.status();
      if (status === "complete") return output === 'Step "stream" is a ReadableStream, which is not supported yet.' || output;
      await scheduler.wait(5);
    }
  },
  "instances have no `subscribe()`": async ({ env }) => (await env.FLOW.create()).subscribe === undefined,
  "KV namespaces can be in `env` of dynamic workers and be sent, and what was put is seen at once": async ({ env }) => {
    await env.KV.put("key", "value");
    const code = "export default { fetch: async (_, env) => new Response(await env.LENT.get('key')) };";
    return (await answer(env.LOADER.load({ ...dynamic(code), env: { LENT: env.KV } }))) === "value";
  },
  "`env.AI` asks one server that speaks OpenAI's API, and what it is not asked for throws: batches, translation, classification, `.aiSearch()`, `.autorag()`, logs of gateways": async ({ env }) => {
    const { response } = await env.AI.run("@cf/a/b", { prompt: "Count to 3" });
    const absent = [
      () => env.AI.run("@cf/a/b", { requests: [] }),
      () => env.AI.run("@cf/meta/m2m100-1.2b", { text: "a", target_lang: "de" }),
      () => env.AI.run("@cf/huggingface/distilbert-sst-2-int8", { text: "a" }),
      () => env.AI.models({ task: "a" }),
      () => env.AI.aiSearch(),
      () => env.AI.autorag("a"),
      () => env.AI.gateway("a").getLog("b"),
    ];
    for (const use of absent) {
      const error = await Promise.try(use).catch((error) => error);
      if (!/is not supported/.test(error?.message)) return error;
    }
    return response === "1 2 3";
  },
  "`.toMarkdown()` reads pages, CSV, XML, JSON and text, and says of other documents that it does not": async ({ env }) => {
    const document = (name, text, type = "") => ({ name, blob: new Blob([text], { type }) });
    const told = await env.AI.toMarkdown([
      document("a.html", "<h1>A</h1>"),
      document("b.csv", "a,b\n1,2"),
      document("c.xml", "<c/>"),
      document("d", "{}", "application/json"),
      document("e.txt", "e"),
      document("f.pdf", "%PDF-1.7", "application/pdf"),
    ]);
    return told.map(({ format }) => format).join() === "markdown,markdown,markdown,markdown,markdown,error" && /\.pdf|application\/pdf/.test(told[5].error);
  },
  "streamed answers of `@cf/` models can be resumed too": async ({ env }) => {
    const messages = [{ role: "user", content: "Count to 3" }];
    const answer = await env.AI.run("@cf/a/b", { messages, stream: true }, { returnRawResponse: true });
    const id = answer.headers.get("cf-aig-run-id");
    const resume = (from) => env.AI.fetch(`https://workers-binding.ai/ai-gateway/gateways/g/run/${id}/resume?from=${from}`);
    const [text, resumed] = [await answer.text(), await (await resume(2)).text()];
    return text.endsWith(resumed) && resumed.length < text.length;
  },
  "namespaces and `AbortSignal` can be sent too": async ({ env }) => {
    const stub = env.OBJECT.getByName("a");
    const { namespace, signal } = await stub.echo({ namespace: env.OBJECT, signal: AbortSignal.abort("enough") });
    return typeof namespace.idFromName === "function" && signal.reason === "enough";
  },

  "a call on a result that is not there yet waits for it here": async ({ env }) => {
    const list = [1];
    const call = env.OBJECT.getByName("a").echo({ given: (value) => value.length }).given(list);
    // What changes meanwhile travels with it.
    list.push(2);
    return (await call) === 2;
  },

  "facets can set alarms": ({ env }) => env.OBJECT.getByName("alarms").setAlarmOfFacet(),

  "`streamingTails` and Python throw": ({ env }) =>
    fails(
      () => env.LOADER.load({ ...dynamic("1"), streamingTails: [env.SELF] }),
      () => env.LOADER.load({ ...dynamic("1"), modules: { "main.py": "" } }),
    ),

  "at most 32 MiB of code": ({ env }) => fails(() => env.LOADER.load(dynamic(" ".repeat((32 << 20) + 1)))),

  "functions and loaders can be in `env`": async ({ env }) => {
    const code = "export default { async fetch(request, env) { return new Response(typeof env.LOADER.load + (await env.double(2))); } }";
    return (await answer(env.LOADER.load({ ...dynamic(code), env: { double: (x) => 2 * x, LOADER: env.LOADER } }))) === "function4";
  },

  "TypeScript and JSX are taken": async ({ env }) => {
    const code = "export default { fetch: (): Response => new Response(`typed` as string) };";
    return (await answer(env.LOADER.load({ ...dynamic(""), mainModule: "a.ts", modules: { "a.ts": code } }))) === "typed";
  },

  "`limits` also have `memoryMb` and `wallMs`": async ({ env }) => {
    const code = "export default { fetch: () => scheduler.wait(60_000) };";
    const error = await failure(() => answer(env.LOADER.load({ ...dynamic(code), limits: { memoryMb: 16, wallMs: 20 } })));
    return error.message.includes("20 ms");
  },

  "`connect()` of `cloudflare:sockets` throws": () => fails(async () => (await import("cloudflare:sockets")).connect("a.test:1")),


  "`env.SELF.connect()` and `.queue()` fail": ({ env }) => fails(() => env.SELF.connect("a:1"), () => env.SELF.queue("q", [])),

  "`URL.createObjectURL()` throws": () => fails(() => URL.createObjectURL(new Blob())),

  "`structuredClone()` refuses a SharedArrayBuffer, a Request and a MessagePort": () =>
    fails(
      () => structuredClone(new SharedArrayBuffer(1)),
      () => structuredClone(new Request("http://a.test/")),
      () => structuredClone(new MessageChannel().port1),
    ),

  "streams cannot be transferred": () => {
    const stream = new ReadableStream();
    return fails(() => structuredClone(stream, { transfer: [stream] }));
  },

  // What a module computes, a worker without executable memory computes.
  "an interpreter runs it": async ({ env }) => {
    const modules = {
      "main.js":
        "import add from './add.wasm'; const { exports } = new WebAssembly.Instance(add); " +
        "export default { fetch: () => new Response(exports.add(40, 2)) };",
      "add.wasm": { wasm: ADD },
    };
    return (await answer(env.LOADER.load({ ...dynamic(""), modules }))) === "42";
  },

  "memories are not shared": () => fails(() => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })),

  "modules that handle exceptions, collect garbage or have threads are invalid": () =>
    [
      // A tag without parameters, a structure without fields, and a shared memory.
      [1, 4, 1, 0x60, 0, 0, 13, 3, 1, 0, 0],
      [1, 3, 1, 0x5f, 0],
      [5, 4, 1, 3, 1, 1],
    ].every((sections) => !WebAssembly.validate(new Uint8Array([...MAGIC, ...sections]))) && WebAssembly.validate(ADD),

  "PBKDF2 has no cap but processor time": async () => {
    const key = await globalThis.crypto.subtle.importKey("raw", new Uint8Array(8), "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(8), iterations: 100_001 };
    return (await globalThis.crypto.subtle.deriveBits(algorithm, key, 128)).byteLength === 16;
  },

  "time stands still while code runs": () => {
    const [date, now] = [Date.now(), performance.now()];
    for (let i = 0; i < 100_000; i++) Math.sqrt(i);
    return Date.now() === date && performance.now() === now;
  },

  "other languages than English resolve to en-US": () =>
    new Intl.NumberFormat("de").resolvedOptions().locale === "en-US" && Intl.NumberFormat.supportedLocalesOf("de").length === 0,

  "`eval()` and `new Function()` are refused, also at the top level": () => refusedAtTop && fails(() => (0, eval)("1"), () => new Function("")),

  "a missing module can be imported, and using it throws `ERR_METHOD_NOT_IMPLEMENTED`": async () =>
    (await failure(() => vm.runInThisContext("1"))).code === "ERR_METHOD_NOT_IMPLEMENTED",

  "`node:fs` watches nothing": () => fails(() => fs.watch("/tmp")),

  "`node:http` and `node:https` cannot listen": () => fails(() => http.createServer()),

  "`node:zlib` has no zstd": () => fails(noSuch("zstdCompressSync")),

  "`node:crypto` has no certificates and no elliptic curves but those of Web Crypto": () =>
    fails(() => new crypto.X509Certificate("x"), () => crypto.createECDH("secp256k1")),

  "`process.exit()` throws": () => fails(() => process.exit()),
};

const refusedAtTop = (() => {
  try {
    new Function("");
    return false;
  } catch {
    return true;
  }
})();
