// Methods called on stubs: values, errors, what can be called and what not.

import { DurableObject, RpcTarget } from "cloudflare:workers";
import { newStub, outcomes, table } from "../support.js";

class Custom extends Error {
  name = "Custom";
  detail = 5;
}

class Point {
  constructor(x) {
    this.x = x;
  }
}

class Counter extends RpcTarget {
  #count = 0;
  add(by) {
    return (this.#count += by);
  }
}

const ring = () => {
  const value = { name: "ring" };
  value.self = value;
  return value;
};

/** Values by name, made anew for each call. */
const values = {
  text: () => "a",
  "not Latin": () => "日本 🎨",
  "lone surrogate": () => "\ud800",
  number: () => 1.5,
  "minus zero": () => -0,
  NaN: () => NaN,
  infinity: () => -Infinity,
  bigint: () => 2n ** 70n,
  true: () => true,
  null: () => null,
  undefined: () => undefined,
  date: () => new Date(1e12),
  "bad date": () => new Date(NaN),
  pattern: () => /a+/giu,
  list: () => [1, "b", [null]],
  "list with holes": () => [1, , 3],
  object: () => ({ a: 1, b: { c: [undefined] } }),
  "no prototype": () => Object.assign(Object.create(null), { a: 1 }),
  map: () => new Map([["a", new Map([[1, 2]])]]),
  set: () => new Set([1, "a"]),
  buffer: () => new Uint8Array([1, 2]).buffer,
  "part of a buffer": () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
  floats: () => new Float32Array([1.5]),
  big: () => new BigInt64Array([-1n]),
  view: () => new DataView(new ArrayBuffer(3), 1),
  error: () => new TypeError("of types"),
  "error with a cause": () => new Error("outer", { cause: new RangeError("inner") }),
  "boxed values": () => [Object(1), Object("a"), Object(false)],
  ring,
  "the same twice": () => {
    const one = { a: 1 };
    return [one, one];
  },
  instance: () => new Point(1),
  "instance inside": () => ({ point: new Point(1) }),
  symbol: () => Symbol("a"),
  "symbol inside": () => ({ a: Symbol("a") }),
  "weak map": () => new WeakMap(),
  promise: () => Promise.resolve(5),
  "promise inside": () => ({ a: Promise.resolve(5) }),
  "getter inside": () => ({
    get a() {
      return 7;
    },
  }),
  url: () => new URL("http://a.test/"),
  "url inside": () => ({ url: new URL("http://a.test/") }),
};

const errors = {
  error: () => new Error("plain"),
  type: () => new TypeError("of types"),
  range: () => new RangeError("of ranges"),
  syntax: () => new SyntaxError("of syntax"),
  custom: () => new Custom("of our own"),
  "with a cause": () => new Error("outer", { cause: "inner" }),
  "with fields": () => Object.assign(new Error("fields"), { code: "E_CODE", status: 404, retryable: true }),
  aggregate: () => new AggregateError([new Error("a")], "several"),
  dom: () => new DOMException("aborted", "AbortError"),
  text: () => "text",
  number: () => 5,
  null: () => null,
  undefined: () => undefined,
  object: () => ({ code: 5 }),
  frozen: () => Object.freeze(new Error("frozen")),
  "no message": () => new Error(),
  "long message": () => new Error("x".repeat(100_000)),
  renamed: () => Object.assign(new Error("renamed"), { name: "Other" }),
  "two lines": () => new Error("two\nlines"),
};

export class Methods extends DurableObject {
  log = [];
  property = "own";
  ownMethod = () => "own";
  #hidden = 1;

  echo(...values) {
    return values.length === 1 ? values[0] : values;
  }
  give(name) {
    return values[name]();
  }
  async giveLater(name) {
    return values[name]();
  }
  throwIt(name) {
    throw errors[name]();
  }
  async reject(name) {
    throw errors[name]();
  }
  stackOf(name) {
    const error = errors[name]();
    throw Object.assign(error, { mine: typeof error.stack });
  }
  count() {
    return arguments.length;
  }
  seen(value) {
    return [typeof value, Object.prototype.toString.call(value), value?.constructor?.name];
  }
  note(value) {
    this.log.push(value);
    return this.log.length;
  }
  async noteLater(value) {
    await null;
    this.log.push(value);
  }
  notes() {
    return this.log;
  }
  get accessor() {
    return "from an accessor";
  }
  get throwing() {
    throw new Error("from an accessor");
  }
  _underscored() {
    return "underscored";
  }
  static staticMethod() {
    return "static";
  }
  thenable() {
    return { then: (resolve) => resolve("from then") };
  }
  stub() {
    return this.env.METHODS.get(this.ctx.id);
  }
  counter() {
    return new Counter();
  }
  callback() {
    return (value) => `called with ${value}`;
  }
  callIt(callback) {
    return callback("x");
  }
  nested() {
    return { deep: { value: 5 } };
  }
  async viaItself() {
    return this.env.METHODS.get(this.ctx.id).echo("through itself");
  }
  async viaOther(name) {
    const other = newStub(this.env.METHODS, "other");
    return outcomes(() => other.throwIt(name));
  }
  response() {
    return new Response("body", { status: 201, headers: { a: "b" } });
  }
  async request(request) {
    return [request.method, request.url, await request.text()];
  }
  stream() {
    return new Response("streamed").body;
  }
  headers() {
    return new Headers({ a: "b" });
  }
  hiddenValue() {
    return this.#hidden;
  }
  idIs() {
    return this.ctx.id.name;
  }
  alarm() {
    return "alarm";
  }
  then(resolve) {
    return `then of ${typeof resolve}`;
  }
  toString() {
    return "overridden";
  }
  big(bytes) {
    return new Uint8Array(bytes);
  }
}

/** Calls one method for each name. */
const each = (stub, names, method) => table(Object.fromEntries(names.map((name) => [name, () => stub[method](name)])));

export const calls = {
  "calls: values given back": ({ env }) => each(newStub(env.METHODS), Object.keys(values), "give"),
  "calls: values given back later": ({ env }) => each(newStub(env.METHODS), Object.keys(values).slice(0, 12), "giveLater"),
  "calls: values sent": ({ env }) => {
    const stub = newStub(env.METHODS);
    return table(Object.fromEntries(Object.entries(values).map(([name, make]) => [name, () => stub.echo(make())])));
  },
  "calls: what arrives is of the right kind": ({ env }) => {
    const stub = newStub(env.METHODS);
    return table(Object.fromEntries(["date", "map", "buffer", "floats", "error", "object", "no prototype", "list"].map((name) => [name, () => stub.seen(values[name]())])));
  },
  "calls: the same object stays the same": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const [a, b] = await stub.give("the same twice");
    const back = await stub.echo(ring());
    return [a === b, back.self === back];
  },
  "calls: arguments": async ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(() => stub.count(), () => stub.count(undefined), () => stub.count(1, undefined, undefined), () => stub.echo(1, [2], "3"), () => stub.echo(...Array(100).fill(1)).then((list) => list.length));
  },
  "calls: arguments are copied at once": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const list = [1];
    const answer = stub.echo(list);
    list.push(2);
    return answer;
  },
  "calls: errors": ({ env }) => each(newStub(env.METHODS), Object.keys(errors), "throwIt"),
  "calls: rejections": ({ env }) => each(newStub(env.METHODS), ["error", "custom", "text", "undefined"], "reject"),
  "calls: what errors are": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const see = async (name) => {
      try {
        await stub.throwIt(name);
      } catch (error) {
        return [Object.prototype.toString.call(error), error.constructor.name, error instanceof Error, error instanceof TypeError, error.name, typeof error.stack, error.cause, Object.keys(error).sort(), error.remote, error.durableObjectReset, String(error).slice(0, 40)];
      }
    };
    return [await see("type"), await see("custom"), await see("with a cause"), await see("with fields"), await see("aggregate"), await see("dom")];
  },
  "calls: after an error": async ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(() => stub.throwIt("error"), () => stub.echo("still here"), () => stub.note(1), () => stub.reject("error"), () => stub.notes());
  },
  "calls: errors through two objects": ({ env }) => outcomes(() => newStub(env.METHODS).viaOther("type"), () => newStub(env.METHODS).viaOther("custom")),
  "calls: what can't be called": ({ env }) => {
    const stub = newStub(env.METHODS);
    return table(Object.fromEntries(["missing", "property", "ownMethod", "#hidden", "staticMethod", "hasOwnProperty", "toString", "valueOf", "isPrototypeOf", "__proto__", "log", "ctx", "env", "", "a b"].map((name) => [name, () => stub[name]()])));
  },
  "calls: reserved names": ({ env }) => {
    const stub = newStub(env.METHODS);
    return table(Object.fromEntries(["alarm", "webSocketMessage", "webSocketClose", "connect", "queue", "scheduled", "tail", "test", "dup", "toJSON", "catch"].map((name) => [name, () => stub[name]()])));
  },
  "calls: what can be called": ({ env }) => {
    const stub = newStub(env.METHODS);
    return table(Object.fromEntries(["_underscored", "hiddenValue", "idIs", "thenable", "viaItself"].map((name) => [name, () => stub[name]()])));
  },
  "calls: accessors": ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(() => stub.accessor, () => stub.accessor(), () => stub.throwing, () => stub.property, () => stub.missing, () => stub.nested().deep.value, () => stub.nested().deep);
  },
  "calls: headers": ({ env }) => newStub(env.METHODS).headers().then((headers) => [...headers]),
  "calls: responses and requests": ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(
      async () => {
        const response = await stub.response();
        return [response.status, response.headers.get("a"), await response.text()];
      },
      () => stub.request(new Request("http://x.test/", { method: "POST", body: "sent" })),
      async () => new Response(await stub.stream()).text(),
    );
  },
  "calls: stubs as values": ({ env }) => {
    const stub = newStub(env.METHODS, "as a value");
    return outcomes(async () => (await stub.stub()).idIs(), async () => typeof (await stub.echo(stub)).echo, () => stub.echo(stub.id), () => stub.echo(env.METHODS));
  },
  "calls: functions and targets": ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(
      () => stub.callIt((value) => `heard ${value}`),
      async () => (await stub.callback())("y"),
      async () => {
        const counter = await stub.counter();
        return [await counter.add(2), await counter.add(3)];
      },
      () => stub.counter().add(4),
    );
  },
  "calls: what a call gives": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const promise = stub.echo(1);
    return [typeof promise, Object.prototype.toString.call(promise), promise instanceof Promise, typeof promise.then, typeof promise.catch, typeof promise.finally, await promise, await promise.then((value) => value + 1), await stub.echo(2).finally(() => {})];
  },
  "calls: arrive in order": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const sent = Array.from({ length: 30 }, (_, index) => index);
    const lengths = await Promise.all(sent.map((index) => stub.note(index)));
    return [lengths, await stub.notes()];
  },
  "calls: fetches and calls arrive in order": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const refused = stub.fetch("http://x/").catch(() => "refused");
    const first = stub.note("first");
    const second = stub.note("second");
    return [await second, await first, await refused];
  },
  "calls: nobody waits": async ({ env, ctx }) => {
    const stub = newStub(env.METHODS);
    ctx.waitUntil(stub.note("not awaited"));
    stub.noteLater("nor this");
    return [await stub.notes()];
  },
  "calls: two stubs of one object": async ({ env }) => {
    const name = "two stubs";
    const [a, b] = [env.METHODS.getByName(name), env.METHODS.get(env.METHODS.idFromName(name))];
    await a.note("a");
    await b.note("b");
    return [await a.notes(), await env.METHODS.get(env.METHODS.idFromString(a.id.toString())).notes()];
  },
  "calls: functions of a stub": ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(() => {
      const { echo } = stub;
      return echo("taken off");
    }, () => stub.echo.call(null, 1), () => stub.echo.apply(null, [1, 2]), () => stub.echo.bind(null)(3), () => stub["echo"]("by name"), () => new stub.echo());
  },
  "calls: sizes": ({ env }) => {
    const stub = newStub(env.METHODS);
    return outcomes(() => stub.big(5_000_000).then((bytes) => bytes.length), () => stub.echo("x".repeat(2_000_000)).then((text) => text.length), () => stub.echo(new Uint8Array(33 * 1024 * 1024)), () => stub.big(33 * 1024 * 1024), () => stub.echo("still here"));
  },
  "calls: disposing": async ({ env }) => {
    const stub = newStub(env.METHODS);
    const result = await stub.nested();
    return outcomes(() => typeof result[Symbol.dispose], () => Object.getOwnPropertySymbols(result).length, () => Object.keys(result), () => result[Symbol.dispose]?.(), () => result.deep);
  },
};
