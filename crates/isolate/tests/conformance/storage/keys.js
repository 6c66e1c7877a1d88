import { test, equal, deepEqual, throws, rejects } from "atoll:test";
import { newStorage } from "atoll:test-storage";

const KEYS = ["a", "aa", "ab", "abc", "b", "ba", "c", "d"];

const filled = () => {
  const storage = newStorage();
  for (const key of KEYS) storage.kv.put(key, key);
  return storage;
};

const RANGES = [
  [{ prefix: "a" }, "a,aa,ab,abc"],
  [{ start: "ab" }, "ab,abc,b,ba,c,d"],
  [{ startAfter: "ab" }, "abc,b,ba,c,d"],
  [{ end: "b" }, "a,aa,ab,abc"],
  [{ start: "aa", end: "ba" }, "aa,ab,abc,b"],
  [{ limit: 2 }, "a,aa"],
  [{ limit: 2, reverse: true }, "d,c"],
  [{ limit: 1.9 }, "a"],
  [{ prefix: "a", start: "ab" }, "ab,abc"],
  [{ prefix: "a", end: "ab" }, "a,aa"],
  [{ prefix: "a", reverse: true, limit: 1 }, "abc"],
  [{ prefix: "a", startAfter: "aa" }, "ab,abc"],
  [{ start: "c", end: "a" }, ""],
  [{ start: "b", reverse: true }, "d,c,ba,b"],
  [{ end: "b", reverse: true }, "abc,ab,aa,a"],
  [{ startAfter: "b", reverse: true }, "d,c,ba"],
  [{ end: "" }, ""],
  [undefined, KEYS.join()],
];

for (const [range, expected] of RANGES) {
  test(`a listing of ${JSON.stringify(range)} has its keys in order`, async () => {
    const storage = filled();
    equal([...(await storage.list(range)).keys()].join(), expected);
    equal([...storage.kv.list(range)].map(([key]) => key).join(), expected);
  });
}

test("keys are in the order of their bytes", async () => {
  const storage = newStorage();
  const ordered = ["", "B", "a", "a\0b", "aa", "z", "~", "é", "\uffff", "\u{10000}"];
  await storage.put(Object.fromEntries(ordered.toReversed().map((key) => [key, 1])));
  deepEqual([...(await storage.list()).keys()], ordered);
  deepEqual([...(await storage.get(ordered.toReversed())).keys()], ordered);
});

test("arguments of a wrong kind are refused in Workers' words", async () => {
  const storage = newStorage();
  for (const [work, pattern] of [
    [() => storage.get(), /^Failed to execute 'get' on 'DurableObjectStorage': parameter 1 is not of type 'string or Array'\.$/],
    [() => storage.get("a", 1), /parameter 2 is not of type 'GetOptions'/],
    [() => storage.put("a"), /^put\(\) called with undefined value\.$/],
    [() => storage.put({ a: 1 }, 5), /^put\(\) may only be called with a single key-value pair/],
    [() => storage.list(5), /parameter 1 is not of type 'ListOptions'/],
    [() => storage.list({ limit: 0 }), /^List limit must be positive\.$/],
    [() => storage.list({ limit: 2 ** 40 }), /^Value out of range\. Must be between -2147483648 and 2147483647 \(inclusive\)\.$/],
    [() => storage.list({ start: "a", startAfter: "a" }), /both start and startAfter/],
    [() => storage.setAlarm("tomorrow"), /^Failed to execute 'setAlarm' on 'DurableObjectStorage': parameter 1 is not of type 'date'\.$/],
    [() => storage.setAlarm(NaN), /not a valid Date/],
    [() => storage.setAlarm(-1), /alarm time <= 0/],
    [() => storage.setAlarm(1e300), /dates after 2189/],
    [() => storage.transaction(5), /^Failed to execute 'transaction' on 'DurableObjectStorage': parameter 1 is not of type 'function'\.$/],
  ]) {
    await rejects(work, pattern);
  }
  throws(() => storage.kv.get(), /^Failed to execute 'get' on 'SyncKvStorage': parameter 1 is not of type 'string'\.$/);
  throws(() => storage.kv.put("a"), /parameter 2 is not of type 'Value'/);
});

test("only the latest listing of a store goes on", () => {
  const { kv } = filled();
  const first = kv.list();
  equal(first.next().value[0], "a");
  kv.put("aaa", 1);
  equal(first.next().value[0], "aa");
  equal(kv.list().next().value[0], "a");
  throws(() => first.next(), /^kv\.list\(\) iterator was invalidated/);
});

test("values keep their types", async () => {
  const storage = newStorage();
  const value = { date: new Date(5), map: new Map([[1, new Set([2n])]]), bytes: new Uint8Array([1, 2]), nothing: undefined };
  await storage.put("a", value);
  deepEqual(await storage.get("a"), value);
  storage.kv.put("b", undefined);
  equal(storage.kv.get("b"), undefined);
  await rejects(() => storage.put("f", () => 1), /could not be cloned/);
});

test("a put of many is done whole or not at all", async () => {
  const storage = newStorage();
  await rejects(() => storage.put({ a: 1, b: () => 2 }), /could not be cloned/);
  equal(await storage.get("a"), undefined);
  await storage.put({ a: 1, b: undefined });
  deepEqual(await storage.get(["b", "a"]), new Map([["a", 1]]));
  equal(await storage.delete(["a", "b"]), 1);
  equal(await storage.delete("a"), false);
});

test("deleteAll deletes keys, tables and the alarm", async () => {
  const storage = filled();
  storage.sql.exec("CREATE TABLE t (a)");
  await storage.setAlarm(Date.now() + 1000);
  await storage.deleteAll();
  equal((await storage.list()).size, 0);
  equal(await storage.getAlarm(), null);
  throws(() => storage.sql.exec("SELECT * FROM t"), /no such table/);
  storage.kv.put("a", 1);
  equal(storage.kv.get("a"), 1);
});

test("methods are called on what they belong to", async () => {
  const { kv, ...rest } = newStorage();
  throws(() => kv.get.call({}, "a"), /^Illegal invocation: function called with incorrect `this` reference/);
  throws(() => rest.sql.exec.call({}, "SELECT 1"), /^Illegal invocation/);
  const storage = newStorage();
  await rejects(async () => storage.put.call({}, "a", 1), /^Illegal invocation/);
});
