// Facets: what a parent sees of the objects in its care.

import { DurableObject } from "cloudflare:workers";
import { deferred, outcomes, table, wait } from "../support.js";

export class Leaf extends DurableObject {
  memory = 0;

  add(amount = 1) {
    this.memory += amount;
    const total = (this.ctx.storage.kv.get("total") ?? 0) + amount;
    this.ctx.storage.kv.put("total", total);
    return [this.memory, total];
  }

  total() {
    return this.ctx.storage.kv.get("total") ?? 0;
  }

  id() {
    return [typeof this.ctx.id, this.ctx.id.name, this.ctx.props];
  }

  fail() {
    throw Object.assign(new RangeError("not this"), { code: 7 });
  }

  die() {
    this.ctx.abort("died");
  }

  hang() {
    return new Promise(() => {});
  }

  deeper(path, method, ...args) {
    if (path.length === 0) return this[method](...args);
    const stub = this.ctx.facets.get(path[0], () => ({ class: this.ctx.exports.Leaf }));
    return stub.deeper(path.slice(1), method, ...args);
  }

  async fetch(request) {
    return new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
  }
}

const leaf = (ctx, name, more) => ctx.facets.get(name, () => ({ class: ctx.exports.Leaf, ...more }));
const long = "x".repeat(257);

export const facets = {
  "facets: shapes": ({ ctx }) => {
    const stub = leaf(ctx, "a");
    return [
      Object.prototype.toString.call(ctx.facets), Object.getOwnPropertyNames(Object.getPrototypeOf(ctx.facets)).sort(),
      stub.constructor.name, Object.prototype.toString.call(stub), "id" in Object.getOwnPropertyDescriptors(stub),
      typeof ctx.exports.Leaf, typeof ctx.exports.Leaf({}), ctx.exports.Leaf({}).constructor.name, Object.keys(stub),
      ctx.exports.Leaf.constructor.name, typeof ctx.exports.Probe, ctx.exports.Probe.constructor.name,
      typeof ctx.exports.Probe.idFromName, ctx.exports.Probe({}).constructor.name,
    ];
  },
  "facets: storage and memory": async ({ ctx, kv }) => {
    kv.put("total", 100);
    const first = leaf(ctx, "a");
    return [await first.add(), await leaf(ctx, "a").add(2), await leaf(ctx, "b").add(), kv.get("total")];
  },
  "facets: ids and props": ({ ctx, env }) =>
    outcomes(
      () => leaf(ctx, "a").id(),
      () => leaf(ctx, "b", { id: env.OTHER.idFromName("some") }).id(),
      () => leaf(ctx, "c", { id: "text" }).id(),
      () => leaf(ctx, "d", { class: ctx.exports.Leaf({ props: { a: 1 } }) }).id(),
      () => leaf(ctx, "e", { id: undefined }).id(),
      () => leaf(ctx, "f", { id: 5 }).id(),
    ),
  "facets: fetch": async ({ ctx }) => {
    const answer = await leaf(ctx, "a").fetch("http://x/path", { method: "POST", body: "content" });
    return [answer.status, await answer.text()];
  },
  "facets: the callback is asked once": async ({ ctx }) => {
    const asked = [];
    const get = (mark) => ctx.facets.get("a", async () => {
      asked.push(mark);
      return { class: ctx.exports.Leaf };
    });
    const [one, two] = [get(1), get(2)];
    const before = [...asked];
    await Promise.all([one.add(), two.add(), one.add()]);
    await get(3).add();
    ctx.facets.abort("a", new Error("over"));
    await get(4).add();
    return [before, asked];
  },
  "facets: callbacks that fail": ({ ctx }) =>
    outcomes(
      () => ctx.facets.get("a", () => { throw new RangeError("no"); }).add(),
      () => ctx.facets.get("b", async () => { throw "text"; }).add(),
      () => ctx.facets.get("c", () => ({})).add(),
      () => ctx.facets.get("d", () => ({ class: {} })).add(),
      () => ctx.facets.get("e", () => ({ class: class {} })).add(),
      () => ctx.facets.get("f", () => 5).add(),
      () => ctx.facets.get("g", () => undefined).add(),
    ),
  "facets: arguments": ({ ctx }) =>
    outcomes(
      () => ctx.facets.get(),
      () => ctx.facets.get("a"),
      () => ctx.facets.get("a", 5),
      () => ctx.facets.get(long, () => {}),
      () => typeof ctx.facets.get("x".repeat(256), () => {}),
      () => ctx.facets.get("é".repeat(129), () => {}),
      () => ctx.facets.abort(),
      () => ctx.facets.abort("a"),
      () => ctx.facets.abort(long, new Error("x")),
      () => ctx.facets.delete(),
      () => ctx.facets.delete(long),
      () => ctx.facets.delete("unknown"),
      () => ctx.facets.clone("a"),
      () => ctx.facets.clone(long, "a"),
      () => ctx.facets.clone("a", long),
      () => ctx.facets.clone("unknown", "unknown too"),
    ),
  "facets: errors": ({ ctx }) =>
    table({
      thrown: () => leaf(ctx, "a").fail(),
      missing: () => leaf(ctx, "a").nothing(),
      "after that": () => leaf(ctx, "a").add(),
    }),
  "facets: abort": async ({ ctx }) => {
    const stub = leaf(ctx, "a");
    await stub.add();
    const waiting = outcomes(() => stub.hang());
    await wait(10);
    ctx.facets.abort("a", new TypeError("enough"));
    return [await waiting, await outcomes(() => stub.add()), await leaf(ctx, "a").add()];
  },
  "facets: abort for reasons of all kinds": async ({ ctx }) => {
    const results = [];
    const reasons = { text: "text", object: Object.assign(new Error("m"), { extra: 1 }), dom: new DOMException("d", "AbortError"), number: 5 };
    for (const [name, reason] of Object.entries(reasons)) {
      const stub = leaf(ctx, name);
      await stub.add();
      ctx.facets.abort(name, reason);
      results.push(await outcomes(() => stub.add()));
    }
    return results;
  },
  "facets: abort before it starts": async ({ ctx }) => {
    const { promise, resolve } = deferred();
    const stub = ctx.facets.get("a", () => promise);
    const waiting = outcomes(() => stub.add());
    await wait(10);
    ctx.facets.abort("a", new Error("before it began"));
    const next = await leaf(ctx, "a").add();
    resolve({ class: ctx.exports.Leaf });
    return [await waiting, next, await leaf(ctx, "a").add()];
  },
  "facets: a stub that was not used is not aborted": async ({ ctx }) => {
    const stub = leaf(ctx, "a");
    ctx.facets.abort("a", new Error("over"));
    return stub.add();
  },
  "facets: abort itself": async ({ ctx }) => {
    const stub = leaf(ctx, "a");
    await stub.add();
    const died = await outcomes(() => stub.die());
    return [died, await leaf(ctx, "a").add()];
  },
  "facets: delete": async ({ ctx }) => {
    const stub = leaf(ctx, "a");
    await stub.add();
    await stub.deeper(["in", "in"], "add");
    const waiting = outcomes(() => stub.hang());
    await wait(10);
    ctx.facets.delete("a");
    return [await waiting, await outcomes(() => stub.add()), await leaf(ctx, "a").total(), await leaf(ctx, "a").deeper(["in", "in"], "total")];
  },
  "facets: clone": async ({ ctx }) => {
    await leaf(ctx, "a").add(5);
    await leaf(ctx, "a").deeper(["in"], "add", 7);
    const over = leaf(ctx, "b");
    await over.add();
    await over.deeper(["old"], "add");
    ctx.facets.clone("a", "b");
    const result = [await outcomes(() => over.add()), await leaf(ctx, "b").add(), await leaf(ctx, "b").deeper(["in"], "total")];
    ctx.facets.clone("nothing", "b");
    result.push(await leaf(ctx, "b").total());
    ctx.facets.clone("a", "a");
    result.push(await leaf(ctx, "a").add());
    return result;
  },
  "facets: delete and clone what never was": async ({ ctx }) => {
    ctx.facets.delete("never");
    ctx.facets.clone("never", "new");
    return leaf(ctx, "new").add();
  },
  "facets: depth": ({ ctx }) =>
    outcomes(
      () => leaf(ctx, "a").deeper(["b", "c"], "add"),
      () => leaf(ctx, "a").deeper(["b", "c", "d"], "add"),
    ),
  "facets: where stubs and classes cannot go": ({ ctx, env, storage }) => {
    const stub = leaf(ctx, "a");
    return outcomes(
      () => leaf(ctx, "b").add(stub),
      () => env.METHODS.getByName("any").echo(stub),
      () => storage.put("stub", stub),
      () => storage.kv.put("class", ctx.exports.Leaf),
      () => structuredClone(stub),
      () => structuredClone(ctx.exports.Leaf),
      () => ctx.exports.Leaf({ props: { stub } }),
      () => new (ctx.exports.Leaf({}).constructor)(),
    );
  },
};
