// storage.kv: the synchronous key-value API.

import { outcomes, table } from "../support.js";

const entries = (kv, options) => [...kv.list(options)];

function letters(kv) {
  for (const key of ["b", "a", "ab", "c", "aa", "B", "é", "日", "z1", "z2"]) kv.put(key, `value of ${key}`);
}

const cyclic = () => {
  const value = { name: "ring" };
  value.self = value;
  return value;
};

export const stored = {
  text: "a",
  number: 5,
  fraction: 1.5,
  "minus zero": -0,
  NaN: NaN,
  bigint: 5n ** 40n,
  true: true,
  null: null,
  date: new Date(5),
  pattern: /a+/gi,
  list: [1, , "b"],
  map: new Map([["a", new Set([1])]]),
  buffer: new Uint8Array([1, 2]).buffer,
  bytes: new Uint8Array([1, 2, 3]).subarray(1),
  floats: new Float64Array([1.5]),
  view: new DataView(new ArrayBuffer(2)),
  error: new RangeError("out"),
  cause: new Error("outer", { cause: "inner" }),
  nested: { a: { b: [{ c: 1 }] } },
  ring: cyclic(),
  boxed: Object(5),
  instance: new (class Thing {
    x = 1;
  })(),
};

export const refused = {
  function: () => {},
  symbol: Symbol("a"),
  "function inside": { a: () => {} },
  promise: Promise.resolve(1),
  weak: new WeakMap(),
};

export const kv = {
  "kv: put and get": ({ kv }) => {
    kv.put("a", { b: [1] });
    return [kv.get("a"), kv.get("none"), kv.put("c", 1), kv.get("c"), kv.get("a") === kv.get("a")];
  },
  "kv: delete": ({ kv }) => {
    kv.put("a", 1);
    return [kv.delete("a"), kv.delete("a"), kv.get("a")];
  },
  "kv: values": ({ kv }) =>
    table(
      Object.fromEntries(
        Object.entries(stored).map(([name, value]) => [
          name,
          () => {
            kv.put(name, value);
            return kv.get(name);
          },
        ]),
      ),
    ),
  "kv: values that are refused": ({ kv }) => table(Object.fromEntries(Object.entries(refused).map(([name, value]) => [name, () => kv.put(name, value)]))),
  "kv: undefined": ({ kv }) => outcomes(() => kv.put("a", undefined), () => kv.get("a"), () => kv.put("b"), () => entries(kv)),
  "kv: keys": ({ kv }) =>
    table({
      empty: () => kv.put("", 1),
      nothing: () => kv.get(),
      number: () => {
        kv.put(5, "five");
        return [kv.get("5"), kv.get(5)];
      },
      null: () => {
        kv.put(null, 1);
        return kv.get("null");
      },
      undefined: () => {
        kv.put(undefined, 1);
        return kv.get("undefined");
      },
      object: () => kv.put({}, 1),
      list: () => kv.get(["a", "b"]),
      symbol: () => kv.get(Symbol("a")),
      "2048 bytes": () => kv.put("x".repeat(2048), 1),
      "2049 bytes": () => kv.put("x".repeat(2049), 1),
      "2049 bytes, reading": () => kv.get("x".repeat(2049)),
      "2049 bytes, deleting": () => kv.delete("x".repeat(2049)),
      "with a zero": () => {
        kv.put("a\0b", 1);
        return [kv.get("a\0b"), kv.get("a")];
      },
      "lone surrogate": () => {
        kv.put("\ud800", 1);
        return [kv.get("\ud800"), kv.get("\ufffd")];
      },
    }),
  "kv: sizes of values": ({ kv }) =>
    table({
      "1 MB": () => kv.put("a", "x".repeat(1_000_000)),
      "2 MB": () => kv.put("b", new Uint8Array(2_000_000)),
      "2 MiB": () => kv.put("c", new Uint8Array(2 * 1024 * 1024)),
      "3 MiB": () => kv.put("d", new Uint8Array(3 * 1024 * 1024)),
    }),
  "kv: list": ({ kv }) => {
    letters(kv);
    const list = kv.list();
    return [Object.prototype.toString.call(list), Array.isArray(list), typeof list.next, typeof list[Symbol.iterator], [...list].map(([key]) => key), [...kv.list()][0]];
  },
  "kv: parts of a list": ({ kv }) => {
    letters(kv);
    const keys = (options) => () => entries(kv, options).map(([key]) => key);
    return table({
      undefined: keys(undefined),
      null: keys(null),
      empty: keys({}),
      start: keys({ start: "ab" }),
      "start between": keys({ start: "abc" }),
      startAfter: keys({ startAfter: "ab" }),
      end: keys({ end: "c" }),
      range: keys({ start: "aa", end: "b" }),
      "nothing between": keys({ start: "c", end: "b" }),
      prefix: keys({ prefix: "a" }),
      "prefix and start": keys({ prefix: "a", start: "ab" }),
      "prefix and end": keys({ prefix: "a", end: "ab" }),
      "empty prefix": keys({ prefix: "" }),
      limit: keys({ limit: 2 }),
      "limit and reverse": keys({ limit: 2, reverse: true }),
      reverse: keys({ reverse: true }),
      "reverse with start": keys({ reverse: true, start: "b", end: "z" }),
      "start and startAfter": keys({ start: "a", startAfter: "b" }),
      "limit 0": keys({ limit: 0 }),
      "limit -1": keys({ limit: -1 }),
      "limit 1.5": keys({ limit: 1.5 }),
      "limit as text": keys({ limit: "2" }),
      "limit NaN": keys({ limit: NaN }),
      "unknown option": keys({ nope: 1 }),
      number: keys(5),
    });
  },
  "kv: changes during a list": ({ kv }) => {
    letters(kv);
    return outcomes(() => {
      const seen = [];
      for (const [key] of kv.list({ prefix: "a" })) {
        seen.push(key);
        kv.delete("ab");
      }
      return seen;
    });
  },
  "kv: order of keys": ({ kv }) => {
    for (const key of ["\u{10000}", "\uffff", "~", "\x7f", "\x80", "0", "10", "9", "A", "a", " "]) kv.put(key, 1);
    return entries(kv).map(([key]) => key);
  },
  "kv: both APIs see the same": async ({ kv, storage }) => {
    kv.put("a", 1);
    await storage.put("b", 2);
    return [await storage.get("a"), kv.get("b"), [...(await storage.list()).keys()], entries(kv)];
  },
  "kv: in a transaction that fails": ({ kv, storage }) => {
    kv.put("a", 1);
    return outcomes(
      () =>
        storage.transactionSync(() => {
          kv.put("a", 2);
          throw new Error("undo");
        }),
      () => kv.get("a"),
    );
  },
  "kv: arguments that lack": ({ kv }) => outcomes(() => kv.put(), () => kv.put("a"), () => kv.delete(), () => kv.get.call({}, "a")),
};
