// storage: the asynchronous key-value API.

import { outcomes, table } from "../support.js";
import { refused, stored } from "./kv.js";

const keysOf = (storage) => async (options) => [...(await storage.list(options)).keys()];

async function letters(storage) {
  await storage.put(Object.fromEntries(["b", "a", "ab", "c", "aa", "z"].map((key) => [key, `value of ${key}`])));
}

const many = (count) => Array.from({ length: count }, (_, index) => `key ${index}`);

export const asyncKv = {
  "async kv: put and get": async ({ storage }) => [await storage.put("a", { b: [1] }), await storage.get("a"), await storage.get("none"), storage.get("a") instanceof Promise],
  "async kv: several keys": async ({ storage }) => {
    await storage.put({ b: 2, a: 1, c: 3 });
    const got = await storage.get(["c", "none", "a"]);
    return [got, [...got.keys()], await storage.get([]), await storage.delete(["a", "none", "b"]), await storage.delete([]), await storage.list()];
  },
  "async kv: delete": async ({ storage }) => {
    await storage.put("a", 1);
    return [await storage.delete("a"), await storage.delete("a"), await storage.get("a")];
  },
  "async kv: values": async ({ storage }) => {
    const works = {};
    for (const [name, value] of Object.entries(stored)) {
      works[name] = async () => {
        await storage.put(name, value);
        return storage.get(name);
      };
    }
    return table(works);
  },
  "async kv: values that are refused": ({ storage }) => table(Object.fromEntries(Object.entries(refused).map(([name, value]) => [name, () => storage.put(name, value)]))),
  "async kv: undefined": async ({ storage }) => outcomes(() => storage.put("a", undefined), () => storage.get("a"), () => storage.put("b"), () => storage.put({ c: undefined }), () => storage.list()),
  "async kv: a value is a copy": async ({ storage }) => {
    const value = { list: [1] };
    const done = storage.put("a", value);
    value.list.push(2);
    await done;
    const got = await storage.get("a");
    got.list.push(3);
    return storage.get("a");
  },
  "async kv: keys": ({ storage }) =>
    table({
      nothing: () => storage.get(),
      empty: () => storage.get(""),
      "putting empty": () => storage.put("", 1),
      number: async () => [await storage.put(5, "five"), await storage.get("5")],
      null: () => storage.get(null),
      undefined: () => storage.get(undefined),
      object: () => storage.get({}),
      "list of numbers": () => storage.get([1, 2]),
      "2048 bytes": () => storage.put("x".repeat(2048), 1),
      "2049 bytes": () => storage.put("x".repeat(2049), 1),
      "2049 bytes, reading": () => storage.get("x".repeat(2049)),
      "2049 bytes, deleting": () => storage.delete("x".repeat(2049)),
      "2049 bytes, in a list": () => storage.get(["a", "x".repeat(2049)]),
      "2049 bytes, in an object": () => storage.put({ ["x".repeat(2049)]: 1 }),
      "2049 bytes, listing": () => storage.list({ start: "x".repeat(2049) }),
      "1500 letters of 2 bytes": () => storage.put("é".repeat(1500), 1),
    }),
  "async kv: 128 keys": ({ storage }) =>
    table({
      "get 128": async () => (await storage.get(many(128))).size,
      "get 129": () => storage.get(many(129)),
      "put 128": () => storage.put(Object.fromEntries(many(128).map((key) => [key, 1]))),
      "put 129": () => storage.put(Object.fromEntries(many(129).map((key) => [key, 1]))),
      "delete 128": () => storage.delete(many(128)),
      "delete 129": () => storage.delete(many(129)),
    }),
  "async kv: sizes of values": ({ storage }) =>
    table({
      "1 MB": () => storage.put("a", "x".repeat(1_000_000)),
      "2 MB": () => storage.put("b", new Uint8Array(2_000_000)),
      "3 MiB": () => storage.put("d", new Uint8Array(3 * 1024 * 1024)),
    }),
  "async kv: put's arguments": ({ storage }) =>
    table({
      nothing: () => storage.put(),
      "a number": () => storage.put(5),
      "null": () => storage.put(null),
      "an empty object": () => storage.put({}),
      "a list": async () => [await storage.put(["a", "b"]), await storage.list()],
      "a map": async () => [await storage.put(new Map([["m", 1]])), await storage.get("m")],
      "an object and options": async () => [await storage.put({ o: 1 }, { allowUnconfirmed: true }), await storage.get("o")],
      "options": async () => [await storage.put("p", 1, { allowConcurrency: true, allowUnconfirmed: true, noCache: true }), await storage.get("p", { allowConcurrency: true, noCache: true })],
      "unknown options": async () => [await storage.put("q", 1, { nope: 1 }), await storage.get("q", { nope: 1 })],
      "options null": async () => [await storage.put("r", 1, null), await storage.get("r", null)],
      "options text": () => storage.put("s", 1, "x"),
    }),
  "async kv: parts of a list": async ({ storage }) => {
    await letters(storage);
    const keys = keysOf(storage);
    return table({
      all: () => keys(),
      start: () => keys({ start: "ab" }),
      startAfter: () => keys({ startAfter: "ab" }),
      end: () => keys({ end: "c" }),
      prefix: () => keys({ prefix: "a" }),
      "prefix and start": () => keys({ prefix: "a", start: "ab" }),
      "prefix and startAfter": () => keys({ prefix: "a", startAfter: "aa" }),
      "prefix and end": () => keys({ prefix: "a", end: "ab" }),
      "start outside of prefix": () => keys({ prefix: "a", start: "b" }),
      limit: () => keys({ limit: 2 }),
      "limit 0": () => keys({ limit: 0 }),
      "limit -1": () => keys({ limit: -1 }),
      "limit 1.5": () => keys({ limit: 1.5 }),
      reverse: () => keys({ reverse: true }),
      "reverse, limit, end": () => keys({ reverse: true, limit: 2, end: "c" }),
      "reverse and startAfter": () => keys({ reverse: true, startAfter: "a" }),
      "start and startAfter": () => keys({ start: "a", startAfter: "b" }),
      "start above end": () => keys({ start: "c", end: "a" }),
      "start is end": () => keys({ start: "a", end: "a" }),
      options: () => keys({ allowConcurrency: true, noCache: true }),
      number: () => keys(5),
      null: () => keys(null),
      "start undefined": () => keys({ start: undefined, limit: undefined, reverse: undefined }),
      "start null": () => keys({ start: null }),
    });
  },
  "async kv: list is a map": async ({ storage }) => {
    await letters(storage);
    const list = await storage.list({ limit: 2 });
    return [Object.prototype.toString.call(list), list instanceof Map, list];
  },
  "async kv: order without awaiting": async ({ storage }) => {
    storage.put("a", 1);
    storage.put("a", 2);
    const first = storage.get("a");
    storage.delete("a");
    const second = storage.get("a");
    storage.put("a", 3);
    return Promise.all([first, second, storage.get("a")]);
  },
  "async kv: order of promises": async ({ storage }) => {
    const order = [];
    const note = (name, promise) => promise.then(() => order.push(name));
    await Promise.all([note("put", storage.put("a", 1)), note("get", storage.get("a")), note("list", storage.list()), note("delete", storage.delete("a")), note("microtask", Promise.resolve()), note("sync", storage.sync())]);
    return order.sort();
  },
  "async kv: deleteAll": async ({ storage, sql }) => {
    await storage.put({ a: 1, b: 2 });
    sql.exec("create table t (a); insert into t values (1)");
    const done = await storage.deleteAll();
    return [done, await storage.list(), sql.exec("select name from sqlite_master where name not like '\\_cf%' escape '\\'").toArray(), await storage.put("c", 3), await storage.list()];
  },
  "async kv: deleteAll twice, and with options": async ({ storage }) => outcomes(() => storage.deleteAll(), () => storage.deleteAll({ allowUnconfirmed: true }), () => storage.deleteAll(null), () => storage.deleteAll(5)),
  "async kv: deleteAll and writes of the same turn": async ({ storage, kv }) => {
    kv.put("a", 1);
    const done = storage.deleteAll();
    kv.put("b", 2);
    await done;
    return [...kv.list()];
  },
  "async kv: sync": async ({ storage }) => [await storage.sync(), await (storage.put("a", 1), storage.sync()), await storage.get("a")],
};
