// What libraries probe for: the shapes of namespaces, stubs, contexts and storage.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, table } from "../support.js";

/** Methods and accessors of a prototype, with how many arguments methods say that they take. */
function members(value) {
  const prototype = Object.getPrototypeOf(value);
  const list = {};
  for (const name of Object.getOwnPropertyNames(prototype).sort()) {
    const { value: method, get, set, enumerable, writable } = Object.getOwnPropertyDescriptor(prototype, name);
    const kind = get ? `get${set ? " set" : ""}` : `${typeof method}${writable ? "" : " fixed"}`;
    list[name] = `${kind}${enumerable ? "" : " hidden"}`;
  }
  return list;
}

const kind = (value) => [typeof value, Object.prototype.toString.call(value), value?.constructor?.name, Object.getOwnPropertyNames(value), Object.keys(value)];

export const shapes = {
  "shapes: namespace": ({ env }) => [...kind(env.PROBE), JSON.stringify(env.PROBE), String(env.PROBE), typeof env.PROBE.then],
  "shapes: members of a namespace": ({ env }) => members(env.PROBE),
  "shapes: what there is of a namespace": ({ env }) =>
    ["get", "getByName", "idFromName", "idFromString", "newUniqueId", "jurisdiction", "getExisting", "fetch", "list"].map((name) => `${name} ${typeof env.PROBE[name]} ${name in env.PROBE}`),
  "shapes: namespace made by hand": ({ env }) =>
    outcomes(() => new env.PROBE.constructor(), () => env.PROBE.idFromName.call({}, "a"), () => env.PROBE.get.call(env.PROBE.idFromName("a"), "a"), () => structuredClone(env.PROBE)),
  "shapes: a namespace is not a stub": ({ env }) => outcomes(() => env.PROBE.foo, () => typeof env.PROBE.fetch),
  "shapes: stub": ({ env }) => kind(newStub(env.PROBE)),
  "shapes: members of a stub": ({ env }) => {
    const stub = newStub(env.PROBE);
    const names = ["fetch", "id", "name", "connect", "queue", "scheduled", "then", "catch", "finally", "dup", "toString", "toJSON", "valueOf", "constructor", "hasOwnProperty", "alarm", "webSocketMessage", "anything", "_hidden", "0", ""];
    return names.map((name) => `${name}: ${typeof stub[name]}, in: ${name in stub}`);
  },
  "shapes: symbols of a stub": ({ env }) => {
    const stub = newStub(env.PROBE);
    return [Symbol.iterator, Symbol.asyncIterator, Symbol.toPrimitive, Symbol.toStringTag, Symbol.dispose, Symbol.asyncDispose, Symbol.hasInstance, Symbol("own")].map((symbol) => `${String(symbol)}: ${typeof stub[symbol]}, in: ${symbol in stub}`);
  },
  "shapes: functions of a stub": ({ env }) => {
    const stub = newStub(env.PROBE);
    return [stub.fetch.name, stub.fetch.length, typeof stub.foo, stub.fetch === stub.fetch, stub.foo === stub.foo, Object.prototype.toString.call(stub.foo), stub.foo.constructor?.name, typeof stub.foo.bar, typeof stub.foo.call, typeof stub.foo.apply, typeof stub.foo.bind];
  },
  "shapes: a stub is not a promise": async ({ env }) => {
    const stub = newStub(env.PROBE);
    return [typeof stub.then, (await stub) === stub, typeof (await Promise.resolve(stub)).fetch];
  },
  "shapes: a stub as other things": ({ env }) => {
    const stub = newStub(env.PROBE);
    return outcomes(() => String(stub), () => `${stub}`, () => JSON.stringify(stub), () => Object.entries(stub), () => ({ ...stub }), () => structuredClone(stub), () => stub == "x", () => stub instanceof DurableObject);
  },
  "shapes: writing on a stub": ({ env }) => {
    const stub = newStub(env.PROBE);
    return outcomes(() => (stub.extra = 5), () => typeof stub.extra, () => delete stub.extra, () => (stub.fetch = 1), () => typeof stub.fetch, () => typeof stub.id, () => Object.isFrozen(stub), () => Object.isExtensible(stub));
  },
  "shapes: stub made by hand": ({ env }) => {
    const stub = newStub(env.PROBE);
    return outcomes(() => new stub.constructor());
  },
  "shapes: the base class": () => [DurableObject.name, DurableObject.length, typeof DurableObject, Object.getOwnPropertyNames(DurableObject.prototype), Object.getOwnPropertyNames(DurableObject).sort()],
  "shapes: the base class made by hand": () =>
    outcomes(
      () => new DurableObject(),
      () => new DurableObject({}, {}),
      () => new (class extends DurableObject {})({ a: 1 }, { b: 2 }),
      () => new (class extends DurableObject {})(),
    ),
  "shapes: classes on globalThis": () => ["DurableObject", "DurableObjectId", "DurableObjectNamespace", "DurableObjectState", "DurableObjectStorage", "DurableObjectStub", "SqlStorage", "WebSocketRequestResponsePair", "WebSocketPair", "Fetcher"].map((name) => `${name}: ${typeof globalThis[name]}`),
};

export const shapesInside = {
  "ctx: id": ({ ctx }) => [ctx.id.name, typeof ctx.id.toString(), ctx.id === ctx.id, Object.getOwnPropertyNames(ctx.id)],
  "ctx: shape": ({ ctx }) => [typeof ctx, Object.prototype.toString.call(ctx), ctx.constructor.name, Object.getOwnPropertyNames(ctx).sort()],
  "ctx: members": ({ ctx }) => members(ctx),
  "ctx: what there is": ({ ctx }) =>
    ["abort", "acceptWebSocket", "blockConcurrencyWhile", "container", "exports", "facets", "getWebSockets", "id", "passThroughOnException", "props", "storage", "waitUntil", "restore", "version", "tracing", "setWebSocketAutoResponse"].map((name) => `${name} ${typeof ctx[name]} ${name in ctx}`),
  "ctx: what stays the same": ({ ctx, object }) => [ctx.storage === ctx.storage, ctx.storage.sql === ctx.storage.sql, ctx.storage.kv === ctx.storage.kv, ctx.props === ctx.props, object.ctx === ctx, ctx.exports === ctx.exports],
  "ctx: props": ({ ctx }) => ctx.props,
  "ctx: exports": ({ ctx }) => Object.keys(ctx.exports).sort(),
  "ctx: container": ({ ctx }) => [ctx.container],
  "ctx: of the object": ({ object, env }) => [Object.getOwnPropertyNames(object).sort(), object.env === env, Object.getPrototypeOf(Object.getPrototypeOf(object)) === DurableObject.prototype],
  "ctx: env": ({ env }) => Object.keys(env).sort(),
  "ctx: made by hand": ({ ctx }) => outcomes(() => new ctx.constructor(), () => new ctx.storage.constructor(), () => new ctx.storage.sql.constructor(), () => structuredClone(ctx), () => JSON.stringify(ctx.storage)),
  "ctx: wrong receivers": ({ ctx, storage, sql }) =>
    outcomes(() => ctx.waitUntil.call({}, 1), () => ctx.getWebSockets.call({}), () => storage.get.call({}, "a"), () => sql.exec.call({}, "select 1"), () => Object.getPrototypeOf(ctx).id),
  "ctx: wrong arguments": ({ ctx }) =>
    table({
      "waitUntil without": () => ctx.waitUntil(),
      "waitUntil of a number": () => ctx.waitUntil(5),
      "block without": () => ctx.blockConcurrencyWhile(),
      "block on a number": () => ctx.blockConcurrencyWhile(5),
      "sockets of a number": () => ctx.getWebSockets(5).length,
      "sockets of null": () => ctx.getWebSockets(null).length,
      "accept nothing": () => ctx.acceptWebSocket(),
      "accept an object": () => ctx.acceptWebSocket({}),
      "tags of nothing": () => ctx.getTags(),
      "tags of an object": () => ctx.getTags({}),
    }),
  "storage: shape": ({ storage }) => [typeof storage, Object.prototype.toString.call(storage), storage.constructor.name, Object.getOwnPropertyNames(storage).sort()],
  "storage: members": ({ storage }) => members(storage),
  "storage: sql shape": ({ sql }) => [typeof sql, Object.prototype.toString.call(sql), sql.constructor.name, Object.getOwnPropertyNames(sql).sort(), typeof sql.Cursor, typeof sql.Statement],
  "storage: sql members": ({ sql }) => members(sql),
  "storage: kv shape": ({ kv }) => [typeof kv, Object.prototype.toString.call(kv), kv.constructor.name, Object.getOwnPropertyNames(kv).sort()],
  "storage: kv members": ({ kv }) => members(kv),
  "storage: cursor shape": ({ sql }) => {
    const cursor = sql.exec("select 1 as a");
    return [typeof cursor, Object.prototype.toString.call(cursor), cursor.constructor.name, cursor instanceof sql.Cursor, Object.getOwnPropertyNames(cursor).sort(), typeof cursor[Symbol.iterator], cursor[Symbol.iterator]() === cursor];
  },
  "storage: cursor members": ({ sql }) => members(sql.exec("select 1 as a")),
};
