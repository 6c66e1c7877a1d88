// A worker that tries to get at a namespace and a bucket that it was not given.
import { DurableObject } from "cloudflare:workers";
import { assert, failure } from "./support.js";

const { equal, deepEqual } = assert.default ?? assert;

class Own extends DurableObject {
  fetch() {
    return new Response("own");
  }
}
/** Called as those are that keep what bindings lead to. */
export class KeyValues extends Own {}
export class Bucket extends Own {}

const KEYS = [
  "treasure", "kept/treasure", "/kept/treasure", "//kept/treasure", "../kept/treasure", "..%2Fkept%2Ftreasure", "kept\0treasure",
  "treasure?namespace=kept", "treasure#kept", "http://kept/treasure", "own/../kept/treasure", "\\..\\kept\\treasure", "kept\r\ntreasure",
];
const nothing = (found) => found === null;

const cases = {
  async "keys lead nowhere else"({ KV, R2 }) {
    for (const key of KEYS) {
      const wanted = { key, value: await KV.get(key).catch(() => null), bucket: await R2.get(key).catch(() => null), head: await R2.head(key).catch(() => null) };
      deepEqual(wanted, { key, value: null, bucket: null, head: null });
    }
    for (const prefix of ["", "../", "/", "kept"]) {
      deepEqual((await KV.list({ prefix })).keys, []);
      deepEqual((await R2.list({ prefix, startAfter: "" })).objects, []);
    }
    deepEqual((await R2.list({ cursor: btoa("kept") }).catch(() => ({ objects: [] }))).objects, []);
  },
  async "no binding can be made"({ KV, R2 }) {
    for (const binding of [KV, R2]) {
      const { constructor } = binding;
      for (const given of [[], ["kept"], [{ capability: 0 }], [binding], [Symbol.for("KvNamespace"), { capability: 1 }]]) {
        equal(/^TypeError/.test(await failure(() => Reflect.construct(constructor, given))), true);
      }
      const made = Object.create(Object.getPrototypeOf(binding), Object.getOwnPropertyDescriptors(binding));
      equal(/^TypeError/.test(await failure(() => made.get("treasure"))), true);
      equal(await failure(() => structuredClone(binding)) === "nothing was thrown", false);
      equal(binding.fetch, undefined);
    }
    for (const [method, other] of [[KV.get, R2], [R2.get, KV], [KV.list, R2], [R2.list, KV]]) {
      equal(/^TypeError/.test(await failure(() => method.call(other, "treasure"))), true);
    }
  },
  async "classes and objects of the same names are its own"({ SAME_NAME, SAME_BUCKET }) {
    for (const namespace of [SAME_NAME, SAME_BUCKET]) {
      const stub = namespace.getByName("kept");
      equal(await (await stub.fetch("http://x/treasure")).text(), "own");
      equal((await failure(() => stub.get("treasure"))) === "nothing was thrown", false);
    }
  },
  async "an upload of another bucket is none here"({ R2 }) {
    const upload = R2.resumeMultipartUpload("treasure", "00000000-0000-4000-8000-000000000000");
    equal((await failure(() => upload.uploadPart(1, "tin"))) === "nothing was thrown", false);
    equal((await failure(() => upload.complete([{ partNumber: 1, etag: "x" }]))) === "nothing was thrown", false);
  },
  async "code that it makes has what it hands over"({ KV, LOADER }) {
    const code = `export default { async fetch(request, env) {
      return Response.json([Object.keys(env), (await env.LENT?.get("treasure")) ?? null]);
    } }`;
    const load = (env) => LOADER.load({ compatibilityDate: "2026-06-11", mainModule: "a.js", modules: { "a.js": code }, env, globalOutbound: null });
    const ask = async (worker) => (await worker.getEntrypoint().fetch("http://x/")).json();
    deepEqual(await ask(load({})), [[], null]);
    deepEqual(await ask(load({ LENT: KV })), [["LENT"], null]);
  },
  async "what it keeps under the same name changes nothing"({ KV, R2, KEEPER }) {
    await KV.put("treasure", "lead");
    await R2.put("treasure", "tin");
    equal(await (await KEEPER.fetch("http://x/")).text(), "gold silver");
    await KV.delete("treasure");
    await R2.delete("treasure");
    equal(await (await KEEPER.fetch("http://x/")).text(), "gold silver");
    equal(nothing(await KV.get("treasure")), true);
  },
};

export default {
  async test(_, env) {
    equal(await (await env.KEEPER.fetch("http://x/", { method: "PUT" })).text(), "gold silver");
    for (const [name, run] of Object.entries(cases)) {
      try {
        await run(env);
      } catch (error) {
        throw new Error(`${name}: ${error.stack ?? error}`);
      }
    }
  },
};
