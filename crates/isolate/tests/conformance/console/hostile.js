import { test, assert, equal, deepEqual } from "atoll:test";

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const thrower = () => {
  throw new Error("trap");
};
const hostile = {
  "a revoked proxy": revoked,
  "a proxy whose traps all throw": () => new Proxy({}, { get: thrower, ownKeys: thrower, getPrototypeOf: thrower, getOwnPropertyDescriptor: thrower, has: thrower }),
  "a proxy of a revoked proxy": () => new Proxy(revoked(), {}),
  "an object with a throwing tag": () => ({ get [Symbol.toStringTag]() { return thrower(); } }),
  "an object with a throwing constructor": () => ({ get constructor() { return thrower(); } }),
  "an object with a throwing toString": () => ({ toString: thrower }),
  "an object that inherits from a hostile proxy": () => Object.create(new Proxy({}, { get: thrower, getOwnPropertyDescriptor: thrower })),
  "an error with a throwing stack": () => Object.defineProperty(new Error("x"), "stack", { get: thrower }),
  "a throwing custom inspector": () => ({ [Symbol.for("nodejs.util.inspect.custom")]: thrower }),
  "a detached buffer": () => {
    const buffer = new ArrayBuffer(8);
    const view = new Uint8Array(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    return { buffer, view };
  },
  "something very deep": () => {
    const top = {};
    let at = top;
    for (let i = 0; i < 50_000; i++) at = at.next = {};
    return top;
  },
  "something very wide": () => Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`key${i}`, i])),
  "a cycle": () => {
    const one = {};
    one.self = one;
    return one;
  },
  "an array of holes": () => Object.assign([], { length: 100_000 }),
};

for (const [name, make] of Object.entries(hostile)) {
  test(`no console call throws for ${name}`, () => {
    const value = make();
    for (const method of ["log", "info", "debug", "dir", "dirxml", "table", "trace"]) equal(console[method](value), undefined);
    console.log("%s %d %i %f %j %o %O %c", value, value, value, value, value, value, value, value);
    console.dir(value, { depth: Infinity, showHidden: true, showProxy: true });
    console.assert(false, value);
    console.group(value);
    console.groupEnd();
    for (const method of ["count", "countReset", "time", "timeLog", "timeEnd"]) console[method](value);
  });
}

test("console has every method, and they need no receiver", () => {
  const names = ["debug", "error", "info", "log", "warn", "dir", "dirxml", "table", "trace", "group", "groupCollapsed", "groupEnd", "clear", "count", "countReset", "assert", "profile", "profileEnd", "time", "timeLog", "timeEnd", "timeStamp"];
  for (const name of names) equal(typeof console[name], "function", name);
  equal(Object.prototype.toString.call(console), "[object console]");
  const { log } = console;
  log("no receiver");
  deepEqual(Object.keys(Object.getOwnPropertyDescriptor(globalThis, "console")).sort(), ["configurable", "enumerable", "value", "writable"]);
  assert(Object.getPrototypeOf(console) !== Object.prototype);
});

test("endless groups, labels and counters stay bounded", () => {
  for (let i = 0; i < 2000; i++) {
    console.group();
    console.time(`t${i}`);
  }
  for (let i = 0; i < 2000; i++) console.groupEnd();
  console.clear();
});
