// KV as Cloudflare's pages and workerd's texts have it.
import { assert, collect, failure, streamOf } from "./support.js";
import { WorkerEntrypoint } from "cloudflare:workers";

const { equal, deepEqual } = assert.default ?? assert;

export class Lender extends WorkerEntrypoint {
  lend() {
    return { kv: this.env.KV };
  }
  async read(kv, key) {
    return kv.get(key);
  }
}

const cases = {
  async "values come back as they are asked for"({ KV }) {
    equal(await KV.get("none"), null);
    equal(await KV.put("text", "täxt"), undefined);
    equal(await KV.get("text"), "täxt");
    equal(await KV.get("text", "text"), "täxt");
    equal(await KV.get("text", { type: "text", cacheTtl: 60 }), "täxt");
    await KV.put("json", JSON.stringify({ a: [1] }));
    deepEqual(await KV.get("json", "json"), { a: [1] });
    await KV.put("bytes", new Uint8Array([0, 255, 7]).subarray(1));
    deepEqual([...new Uint8Array(await KV.get("bytes", "arrayBuffer"))], [255, 7]);
    await KV.put("buffer", new Uint8Array([1, 2]).buffer);
    equal((await KV.get("buffer", { type: "arrayBuffer" })).byteLength, 2);
    equal(await collect(await KV.get("text", "stream")), "täxt");
    await KV.put("empty", "");
    equal(await KV.get("empty"), "");
    await KV.put("number", 7);
    equal(await KV.get("number"), "7");
    await KV.put("text", "new");
    equal(await KV.get("text"), "new");
    equal(await KV.delete("text"), undefined);
    equal(await KV.get("text"), null);
    equal(await KV.delete("text"), undefined);
  },
  async "streams of any length are taken"({ KV }) {
    await KV.put("short", streamOf(10));
    equal(await KV.get("short"), "aaaaaaaaaa");
    await KV.put("long", streamOf(3_000_000));
    equal((await KV.get("long", "arrayBuffer")).byteLength, 3_000_000);
    let size = 0;
    for await (const piece of await KV.get("long", "stream")) size += piece.byteLength;
    equal(size, 3_000_000);
    const { readable, writable } = new FixedLengthStream(4);
    const writer = writable.getWriter();
    const put = KV.put("fixed", readable);
    await writer.write(new TextEncoder().encode("four"));
    await writer.close();
    await put;
    equal(await KV.get("fixed"), "four");
    await KV.put("body", new Response("of a response").body);
    equal(await KV.get("body"), "of a response");
  },
  async "metadata stays with its value"({ KV }) {
    deepEqual(await KV.getWithMetadata("none"), { value: null, metadata: null, cacheStatus: null });
    await KV.put("m", "v", { metadata: { nämé: "ü", list: [1, null] } });
    deepEqual(await KV.getWithMetadata("m"), {
      value: "v", metadata: { nämé: "ü", list: [1, null] }, cacheStatus: null,
    });
    await KV.put("m", streamOf(100_000), { metadata: "large" });
    const { value, metadata } = await KV.getWithMetadata("m", "arrayBuffer");
    deepEqual([value.byteLength, metadata], [100_000, "large"]);
    await KV.put("m", "plain");
    equal((await KV.getWithMetadata("m")).metadata, null);
  },
  async "many keys are read at once"({ KV }) {
    await KV.put("one", '{"n":1}', { metadata: { a: 1 } });
    await KV.put("two", '"2"');
    deepEqual([...(await KV.get(["one", "two", "no"]))], [["one", '{"n":1}'], ["two", '"2"'], ["no", null]]);
    deepEqual([...(await KV.get(["one", "two"], "json"))], [["one", { n: 1 }], ["two", "2"]]);
    deepEqual([...(await KV.getWithMetadata(["one", "no"], "json"))], [
      ["one", { value: { n: 1 }, metadata: { a: 1 } }], ["no", null],
    ]);
    await KV.put("text", "no JSON");
    equal(
      await failure(() => KV.get(["text"], "json")),
      "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value",
    );
    equal(await failure(() => KV.get([])), "Error: KV GET_BULK failed: 400 You must request a minimum of 1 key");
    const many = Array.from({ length: 101 }, (_, index) => `k${index}`);
    equal(await failure(() => KV.get(many)), "Error: KV GET_BULK failed: 400 You can request a maximum of 100 keys");
    equal(
      await failure(() => KV.get(["one"], "stream")),
      'Error: KV GET_BULK failed: 400 "stream" is not a valid type. Use "json" or "text"',
    );
  },
  async "keys are listed in the order of their bytes, page by page"({ LIST }) {
    const names = ["a", "a/1", "a/2", "a/ü", "a/\u{1F600}", "b", "Z"];
    for (const name of names) await LIST.put(name, "x", name === "a/1" ? { metadata: { m: 1 } } : {});
    const all = await LIST.list();
    deepEqual(all, {
      keys: [
        { name: "Z" }, { name: "a" }, { name: "a/1", metadata: { m: 1 } }, { name: "a/2" },
        { name: "a/ü" }, { name: "a/\u{1F600}" }, { name: "b" },
      ],
      list_complete: true, cacheStatus: null,
    });
    deepEqual((await LIST.list({ prefix: "a/" })).keys.map(({ name }) => name), ["a/1", "a/2", "a/ü", "a/\u{1F600}"]);
    const pages = [];
    let cursor;
    do {
      const page = await LIST.list({ prefix: "a", limit: 2, cursor });
      pages.push(page.keys.map(({ name }) => name));
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor !== undefined);
    deepEqual(pages, [["a", "a/1"], ["a/2", "a/ü"], ["a/\u{1F600}"]]);
    deepEqual((await LIST.list({ prefix: "none" })).keys, []);
    equal(
      await failure(() => LIST.list({ limit: 1001 })),
      "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
    );
  },
  async "what Workers refuse is refused in their words"({ KV }) {
    equal(await failure(() => KV.get("")), "TypeError: Key name cannot be empty.");
    equal(await failure(() => KV.put(".", "")), 'TypeError: "." is not allowed as a key name.');
    equal(await failure(() => KV.delete("..")), 'TypeError: ".." is not allowed as a key name.');
    equal(
      await failure(() => KV.get("ü".repeat(257))),
      "Error: KV GET failed: 414 UTF-8 encoded length of 514 exceeds key length limit of 512.",
    );
    await KV.put("ü".repeat(256), "longest");
    equal(await KV.get("ü".repeat(256)), "longest");
    equal(
      await failure(() => KV.get("k", { cacheTtl: 29 })),
      "Error: KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.",
    );
    equal(
      await failure(async () => (await KV.put("k", "v"), KV.get("k", "blob"))),
      'TypeError: Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
    );
    equal(
      await failure(() => KV.put("k", {})),
      "TypeError: KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.",
    );
    const put = (options) => failure(() => KV.put("k", "v", options));
    equal(
      await put({ expirationTtl: 0 }),
      "Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.",
    );
    equal(
      await put({ expirationTtl: 59 }),
      "Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
    );
    equal(
      await put({ expiration: 1 }),
      "Error: KV PUT failed: 400 Invalid expiration of 1. Please specify integer greater than the current number of " +
        "seconds since the UNIX epoch.",
    );
    const soon = Math.floor(Date.now() / 1000) + 30;
    equal(
      await put({ expiration: soon }),
      `Error: KV PUT failed: 400 Invalid expiration of ${soon}. Expiration times must be at least 60 seconds in the future.`,
    );
    equal(
      await put({ metadata: "x".repeat(1023) }),
      "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
    );
    equal(await put({ metadata: "x".repeat(1022) }), "nothing was thrown");
    const most = 25 * 1024 * 1024;
    equal(
      await failure(() => KV.put("k", new Uint8Array(most + 1))),
      "Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.",
    );
    equal(
      await failure(() => KV.put("k", streamOf(most + 10))),
      "Error: KV PUT failed: 413 Value length of 26214410 exceeds limit of 26214400.",
    );
    equal(await KV.get("k"), "v");
    await KV.put("k", streamOf(most));
    let size = 0;
    for await (const piece of await KV.get("k", "stream")) size += piece.byteLength;
    equal(size, most);
  },
  async "a namespace is another's only when it is the same one"({ KV, LIST, SAME }) {
    await KV.put("shared", "yes");
    equal(await SAME.get("shared"), "yes");
    equal(await LIST.get("shared"), null);
  },
  async "a binding can be passed on, to methods and to code from strings"({ KV, LOADER }, ctx) {
    await KV.put("lent", "out");
    const { Lender } = ctx.exports;
    const { kv } = await Lender.lend();
    equal(await kv.get("lent"), "out");
    equal(await Lender.read(KV, "lent"), "out");
    const worker = LOADER.load({
      compatibilityDate: "2026-06-11",
      mainModule: "main.js",
      modules: {
        "main.js": `export default { async fetch(_, env) {
          await env.STORE.put("inner", "written");
          return new Response(await env.STORE.get("lent") + Object.keys(env));
        } }`,
      },
      env: { STORE: KV },
    });
    equal(await (await worker.getEntrypoint().fetch("http://x/")).text(), "outSTORE");
    equal(await KV.get("inner"), "written");
    equal(
      await failure(() => structuredClone(KV)),
      'DataCloneError: Could not serialize object of type "KvNamespace". This type does not support serialization.',
    );
  },
};

export default {
  async test(_, env, ctx) {
    for (const [name, run] of Object.entries(cases)) {
      try {
        await run(env, ctx);
      } catch (error) {
        throw new Error(`${name}: ${error.stack ?? error}`);
      }
    }
  },
};
