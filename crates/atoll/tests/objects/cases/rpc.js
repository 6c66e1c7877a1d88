// RPC between workers: stubs, functions, promises that are used before they are there, streams, disposal.

import { DurableObject, RpcStub, RpcTarget, WorkerEntrypoint, exports } from "cloudflare:workers";
import { newStub, table } from "../support.js";

class Tally extends RpcTarget {
  #sum;
  own = "an instance's own";

  constructor(sum = 0) {
    super();
    this.#sum = sum;
  }

  add(by) {
    this.#sum += by;
    return this.#sum;
  }

  get sum() {
    return this.#sum;
  }

  get parts() {
    return { half: this.#sum / 2, twice: () => this.#sum * 2, tally: new Tally(this.#sum) };
  }

  next() {
    return new Tally(this.#sum + 1);
  }

  self() {
    return this;
  }

  async slowly() {
    await scheduler.wait(1);
    return new Tally(this.#sum);
  }

  throws() {
    throw Object.assign(new RangeError("too much"), { limit: 3 });
  }

  remember(callback) {
    this.callback = callback.dup();
  }

  recall(value) {
    return this.callback(value);
  }
}

class Derived extends Tally {
  add(by) {
    return super.add(by * 10);
  }
}

class Stranger {}

/** What cases call. */
export class Desk extends WorkerEntrypoint {
  own = () => "own";

  echo(value) {
    return value;
  }

  count(...values) {
    return values.length;
  }

  tally(sum) {
    return new Tally(sum);
  }

  derived() {
    return new Derived(1);
  }

  get price() {
    return 12;
  }

  get later() {
    return Promise.resolve("a promised property");
  }

  get double() {
    return (value) => value * 2;
  }

  nested() {
    return { list: [new Tally(1), { deep: new Tally(2) }], map: new Map([["k", new Tally(3)]]), plain: "text", f: (x) => [x] };
  }

  async each(callback, values) {
    const results = [];
    for (const value of values) results.push(await callback(value));
    return results;
  }

  async use(tally) {
    return [await tally.add(1), await tally.sum];
  }

  async useLater(stub) {
    const kept = stub.dup();
    return new (class extends RpcTarget {
      call(value) {
        return kept(value);
      }
    })();
  }

  bytes(text) {
    return new Blob([text]).stream();
  }

  async read(stream) {
    return new Response(stream).text();
  }

  async hash(request) {
    return [request.method, request.url, request.headers.get("x-test"), await request.text()];
  }

  answer(status) {
    return new Response(status === 204 ? null : "answered", { status, headers: { "x-test": "yes" } });
  }

  headers() {
    return new Headers([["a", "1"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]]);
  }

  stranger() {
    return new Stranger();
  }

  fails(kind) {
    if (kind === "text") throw "a thrown text";
    if (kind === "nothing") throw undefined;
    if (kind === "cause") throw new Error("outer", { cause: new TypeError("inner") });
    if (kind === "dom") throw new DOMException("no such thing", "NotFoundError");
    if (kind === "remote") throw Object.assign(new Error("flagged"), { retryable: true, remote: false });
    throw new SyntaxError("bad");
  }

  async hop(depth) {
    if (depth === 0) throw new EvalError("at the bottom");
    return this.ctx.exports.Desk.hop(depth - 1);
  }

  propsOf() {
    return this.ctx.props;
  }

  async callProp(value) {
    return this.ctx.props.callback(value);
  }

  fetch(request) {
    return Response.json({ url: request.url, props: this.ctx.props });
  }
}

/** An object that hands out parts of itself. */
export class Shelf extends DurableObject {
  #count = 0;

  handle() {
    const shelf = this;
    return new (class extends RpcTarget {
      put() {
        shelf.#count += 1;
        return shelf.#count;
      }
      async store(key, value) {
        await shelf.ctx.storage.put(key, value);
        return shelf.ctx.storage.get(key);
      }
    })();
  }

  async ask(callback) {
    return [await callback(this.#count), await callback("again")];
  }

  async askWhileBusy(callback) {
    const first = callback("first");
    this.#count += 1;
    return [await first, this.#count];
  }

  touch() {
    this.#count += 100;
    return this.#count;
  }

  label() {
    return this.ctx.id.name;
  }
}

export const rpcHandlers = {
  one: (arg, env, ctx) => [arg, typeof env, typeof ctx],
};

const desk = () => exports.Desk;

/** How a call ends. */
const ending = async (call) => {
  try {
    return { gave: await call() };
  } catch (error) {
    return error;
  }
};

export const rpc = {
  "rpc: values and calls": async () => [
    await desk().echo({ a: [1, "two", null, undefined], d: new Date(5), n: 2n }),
    await desk().count(),
    await desk().count(1, 2, 3),
    await desk().price,
    await desk().later,
  ],
  "rpc: what a method is": () => [
    typeof desk().echo,
    typeof desk().echo(1),
    desk().echo(1) instanceof Promise,
    typeof desk().echo(1).then,
    Object.prototype.toString.call(desk()),
  ],
  "rpc: what cannot be called": () =>
    table({
      missing: () => desk().missing(),
      own: () => desk().own(),
      constructor: () => desk().constructor,
      dup: () => desk().dup(),
      alarm: () => desk().alarm(),
      "not a function": () => desk().price(),
      "own of a target": async () => (await desk().tally(1)).own,
      "inherited from Object": async () => (await desk().tally(1)).hasOwnProperty("x"),
      "missing of a target": async () => (await desk().tally(1)).nothing(),
      "deep in nothing": () => desk().price.deeper,
    }),
  "rpc: targets": async () => {
    const tally = await desk().tally(5);
    const twin = await tally.self();
    return [await tally.add(1), await tally.sum, await twin.add(1), await (await desk().derived()).add(1)];
  },
  "rpc: kinds of stubs": async () => {
    const tally = await desk().tally(5);
    return [typeof tally, tally instanceof RpcStub, tally instanceof RpcTarget, typeof tally.dup, tally.then];
  },
  "rpc: pipelining": async () => [
    await desk().tally(1).add(2),
    await desk().tally(1).next().next().sum,
    await desk().tally(1).slowly().add(5),
    await desk().tally(8).parts.half,
    await desk().tally(8).parts.twice(),
    await desk().tally(8).parts.tally.add(1),
    await desk().nested().f("x"),
    await desk().nested().plain,
    await desk().double(4),
  ],
  "rpc: pipelining on what is not there": () =>
    table({
      "a call on a number": () => desk().count().add(1),
      "a property of a number": () => desk().count().sum,
      "missing in an object": () => desk().nested().nothing(),
      "text that is called": () => desk().nested().plain(),
      "after a failure": () => desk().fails("x").add(1),
      "too deep": () => {
        let at = desk();
        for (let depth = 0; depth < 70; depth += 1) at = at.x;
        return at;
      },
    }),
  "rpc: nested targets": async () => {
    const { list, map, f, plain } = await desk().nested();
    return [await list[0].sum, await list[1].deep.add(1), await map.get("k").sum, await f(1), plain];
  },
  "rpc: functions": async () => {
    const seen = [];
    const results = await desk().each((value) => {
      seen.push(value);
      return { value };
    }, [1, "b"]);
    return [results, seen];
  },
  "rpc: a function that throws": () => desk().each(() => { throw new RangeError("from the caller"); }, [1]),
  "rpc: a target as an argument": async () => {
    const tally = new Tally(7);
    return [await desk().use(tally), tally.sum];
  },
  "rpc: a stub goes home": async () => {
    const tally = await desk().tally(1);
    return [await desk().use(tally), await (await desk().echo(tally.dup())).sum];
  },
  "rpc: a function outlives its call when it was kept": async () => {
    const target = await desk().useLater((value) => `called with ${value}`);
    return [await target.call(1), await target.call(2)];
  },
  "rpc: a target that remembers": async () => {
    const tally = await desk().tally(1);
    await tally.remember((value) => [value, "remembered"]);
    return [await tally.recall(1), await tally.recall(2)];
  },
  "rpc: streams": async () => [
    await new Response(await desk().bytes("down")).text(),
    await desk().read(new Blob(["up"]).stream()),
    await desk().read(new Response("a body").body),
    (await new Response(await desk().echo(new Blob(["x".repeat(300_000)]).stream())).text()).length,
  ],
  "rpc: requests and responses": async () => {
    const answered = await desk().answer(201);
    return [
      await desk().hash(new Request("http://host/path", { method: "PUT", body: "sent", headers: { "x-test": "1" } })),
      [answered.status, answered.headers.get("x-test"), await answered.text(), answered instanceof Response],
      [(await desk().answer(204)).status, (await desk().answer(204)).body],
      [...(await desk().headers())],
    ];
  },
  "rpc: what cannot travel": () =>
    table({
      "a class's instance, there": () => desk().echo(new Stranger()),
      "a class's instance, back": () => desk().stranger(),
      symbol: () => desk().echo(Symbol("s")),
      promise: () => desk().echo([Promise.resolve(1)]),
      "an RPC promise": () => desk().echo([desk().price]),
      weak: () => desk().echo(new WeakMap()),
      socket: () => desk().echo(new WebSocketPair()[0]),
      url: () => desk().echo(new URL("http://x/")),
      form: () => desk().echo(new FormData()),
    }),
  "rpc: errors": () =>
    table(
      Object.fromEntries(
        ["error", "text", "nothing", "cause", "dom", "remote"].map((kind) => [kind, () => ending(() => desk().fails(kind))]),
      ),
    ),
  "rpc: errors named by their class": async () => {
    class Named extends Error {
      get name() {
        return "Named";
      }
    }
    const back = await desk().echo(new Named("text"));
    return [back.name, back.message, back instanceof Error, Object.keys(back)];
  },
  "rpc: proxies": async () => {
    const plain = new Proxy({ a: 1, double: (x) => x * 2 }, {});
    const target = new Proxy(new Tally(1), { get: (of, name) => (name === "any" ? () => "any" : Reflect.get(of, name, of)) });
    const back = await desk().echo(plain);
    const other = await desk().echo(target);
    return table({
      kind: () => typeof back,
      plain: async () => [await back.a, await back.double(4)],
      missing: () => back.nothing(),
      target: async () => [await other.any(), await other.sum],
      function: () => desk().each(new Proxy((x) => x + 1, {}), [1, 2]),
      instance: () => desk().echo(new Proxy(new Stranger(), {})),
      nested: async () => (await desk().echo({ deep: [plain] })).deep[0].a,
    });
  },
  "rpc: errors across hops": () => desk().hop(3),
  "rpc: an error of a target": async () => ending(async () => (await desk().tally(1)).throws()),
  "rpc: disposing of a stub": async () => {
    const tally = await desk().tally(1);
    const other = tally.dup();
    tally[Symbol.dispose]();
    const after = await ending(() => tally.sum);
    const still = await other.sum;
    other[Symbol.dispose]();
    return [after, still];
  },
  "rpc: RpcStub": async () => {
    const stub = new RpcStub(new Tally(3));
    const plain = new RpcStub({ a: 1, f: (x) => x + 1 });
    const called = new RpcStub((x) => x * 2);
    return [await stub.add(1), await plain.a, await plain.f(1), await called(4), await desk().use(stub)];
  },
  "rpc: what RpcStub refuses": () =>
    table({
      nothing: () => new RpcStub(),
      number: () => new RpcStub(1),
      instance: () => new RpcStub(new Stranger()),
      date: () => new RpcStub(new Date()),
    }),
  "rpc: exports": async ({ ctx }) => [
    typeof ctx.exports.Desk,
    typeof ctx.exports.default,
    "Desk" in ctx.exports,
    "nothing" in ctx.exports,
    await ctx.exports.Shelf.getByName("rpc: exports").label(),
  ],
  "rpc: props": async ({ ctx }) => [
    await ctx.exports.Desk.propsOf(),
    await ctx.exports.Desk({ props: { a: [1, new Date(0)] } }).propsOf(),
    await (await ctx.exports.Desk({ props: { b: 2 } }).fetch("http://desk/x")).json(),
  ],
  "rpc: handlers that are no class": async ({ ctx }) => [
    await ctx.exports.default.rpcOne("x"),
    await ending(() => ctx.exports.default.rpcOne("x", "y")),
    await ending(() => ctx.exports.default.rpcOne()),
  ],
  "rpc: a part of an object": async ({ env }) => {
    const handle = await newStub(env.SHELF).handle();
    return [await handle.put(), await handle.put(), await handle.store("k", { v: 1 })];
  },
  "rpc: an object calls back": async ({ env }) => {
    const stub = newStub(env.SHELF);
    return [await stub.ask((value) => ["asked", value]), await stub.handle().put()];
  },
  "rpc: a call back comes in again": async ({ env }) => {
    const stub = newStub(env.SHELF);
    return stub.askWhileBusy(async (value) => [value, await stub.touch()]);
  },
  "rpc: bindings as values": async ({ env }) => {
    const stub = env.SHELF.getByName("passed");
    const { back } = await desk().echo({ back: stub });
    return [await back.label(), await (await desk().echo(env.SELF)).fetch("http://x/echo", { method: "POST", body: "through" }).then((r) => r.text())];
  },
};
