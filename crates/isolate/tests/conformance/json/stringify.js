import { test, assert, equal, deepEqual, throws } from "atoll:test";

/** The engine's own, which takes another way when it is told to replace something. */
const byEngine = (value) => JSON.stringify(value, (key, inner) => inner);

const values = {
  undefined: undefined,
  null: null,
  booleans: [true, false],
  "whole numbers": [0, -0, 1, -1, 12345, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 60],
  "other numbers": [0.1, -1.5, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, NaN, Infinity, -Infinity],
  "texts": ["", "plain", 'a "quoted" one', "a\\b", "\b\t\n\f\r", "\0\x01\x1f\x7f", "é", "日本語", "\u{1F600}", "\u2028\u2029", "퟿"],
  "halves of pairs": ["\ud800", "\udc00", "a\udfffb", "\ude00\ud83d", "x\ud83d\ude00\ud83d"],
  "a rope": "a".repeat(5000) + "é" + "b".repeat(5000),
  "what has no word": [undefined, () => 1, Symbol("s"), class {}],
  "properties without a word": { a: undefined, b: () => 1, c: Symbol("s"), d: 1 },
  "the first without a word": { a: undefined, b: 1, c: 2 },
  "none with a word": { a: undefined },
  "nothing in it": [{}, [], [[]], [{}], { a: {} }],
  "names": { "": 1, "a b": 2, 'q"': 3, "\n": 4, "é": 5, "\ud800": 6, 10: 7, 9: 8, "-1": 9, __proto__: 10, ["__proto__"]: 11, toJSON: 12 },
  "the same names": [{ a: 1, b: 2 }, { a: 3, b: 4 }, { b: 5, a: 6 }, { a: { a: { a: 7 } } }],
  "the same object": ((one) => [one, one, { one }])({ a: 1 }),
  "holes": [1, , 3, ,],
  "more than elements": Object.assign([1, 2], { extra: 3 }),
  "a symbol as a name": { [Symbol("s")]: 1, a: 2 },
  "what is not enumerable": Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false }),
  "what is inherited": Object.create({ a: 1 }, { b: { value: 2, enumerable: true } }),
  "no prototype": Object.assign(Object.create(null), { a: 1 }),
  "getters": { get a() { return 1; }, get b() { return undefined; }, get c() { return [2]; } },
  "instances": new (class { a = 1; #b = 2; get c() { return 3; } })(),
  "dates": [new Date(0), { at: new Date(1234567890) }, new Date(NaN)],
  "numbers and the like around": [Object(1), Object("é"), Object(false), Object(Symbol("s")), new (class extends Number {})(5)],
  "collections": [new Map([[1, 2]]), new Set([1]), /x/g, new Error("e"), new Uint8Array([1, 2]), new ArrayBuffer(2), new WeakMap()],
  "proxies": [new Proxy({ a: 1 }, {}), new Proxy([1, 2], {}), new Proxy(() => 1, {})],
  "arguments": (function () { return arguments; })(1, "two"),
  "raw JSON": [JSON.rawJSON?.("1e1000") ?? null, { raw: JSON.rawJSON?.('"x"') ?? null }],
  "a URL": { url: new URL("https://example.com/a?b#c") },
  "headers": new Headers({ a: "b" }),
};
for (const [name, value] of Object.entries(values)) test(`writes ${name} as the engine does`, () => equal(JSON.stringify(value), byEngine(value)));

test("what it writes is read again", () => {
  const value = { a: [1, "two", null, { b: [true, 0.5, "\ud83d\ude00 \" \\ \n"] }], "": {} };
  deepEqual(JSON.parse(JSON.stringify(value)), value);
});

test("toJSON is called on what has it, with the name of its place", () => {
  const seen = [];
  const spy = { toJSON(key) { seen.push([typeof key, key, this === spy]); return { key }; } };
  equal(JSON.stringify(spy), '{"key":""}');
  equal(JSON.stringify([0, spy]), '[0,{"key":"1"}]');
  equal(JSON.stringify({ "a b": spy, 7: spy }), '{"7":{"key":"7"},"a b":{"key":"a b"}}');
  deepEqual(seen, [["string", "", true], ["string", "1", true], ["string", "7", true], ["string", "a b", true]]);
  equal(JSON.stringify({ toJSON: () => undefined }), undefined);
  equal(JSON.stringify([{ toJSON: () => undefined }, { toJSON: () => () => 1 }]), "[null,null]");
  equal(JSON.stringify({ a: { toJSON: () => Object("boxed") } }), '{"a":"boxed"}');
  equal(JSON.stringify({ a: { toJSON: 1 } }), '{"a":{"toJSON":1}}');
});

test("numbers that are too large throw, unless they say what they are", () => {
  throws(() => JSON.stringify(1n), TypeError, "BigInt");
  throws(() => JSON.stringify({ a: [2n ** 70n] }), TypeError, "BigInt");
  BigInt.prototype.toJSON = function () { return `${this}n`; };
  try {
    equal(JSON.stringify([1n, 2n ** 70n]), `["1n","${2n ** 70n}n"]`);
  } finally {
    delete BigInt.prototype.toJSON;
  }
});

test("what is inside itself throws", () => {
  const one = { list: [] };
  one.list.push({ one });
  throws(() => JSON.stringify(one), TypeError, "circular");
  const list = [];
  list.push(list);
  throws(() => JSON.stringify(list), TypeError, "circular");
  const proxied = { inner: undefined };
  proxied.inner = new Proxy({ proxied }, {});
  throws(() => JSON.stringify(proxied), TypeError);
});

test("what is too deep throws, and nothing else happens", () => {
  let deep = [];
  for (let depth = 0; depth < 100_000; depth++) deep = depth % 2 ? [deep] : { deep };
  throws(() => JSON.stringify(deep), RangeError);
  let fine = 1;
  for (let depth = 0; depth < 1000; depth++) fine = [fine];
  equal(JSON.stringify(fine), "[".repeat(1000) + "1" + "]".repeat(1000));
});

test("what a getter or toJSON throws comes out", () => {
  const boom = new Error("boom");
  const bad = { ok: 1, get bad() { throw boom; } };
  for (const value of [bad, [bad], { toJSON() { throw boom; } }, new Proxy({}, { ownKeys() { throw boom; } })]) {
    let thrown;
    try {
      JSON.stringify(value);
    } catch (error) {
      thrown = error;
    }
    equal(thrown, boom);
  }
});

test("code that changes what is being written is no danger", () => {
  const list = [{ toJSON() { list.length = 1; return "shrunk"; } }, { a: 1 }, { b: 2 }];
  equal(JSON.stringify(list), '["shrunk",null,null]');
  const object = { get a() { delete object.b; object.c = 3; return 1; }, b: 2 };
  equal(JSON.stringify(object), '{"a":1}');
  const growing = [{ toJSON() { growing.push(1, 2, 3); return 0; } }];
  equal(JSON.stringify(growing), "[0]");
});

test("spaces and replacers are the engine's", () => {
  equal(JSON.stringify({ a: [1] }, null, 2), '{\n  "a": [\n    1\n  ]\n}');
  equal(JSON.stringify({ a: 1, b: 2 }, ["b"]), '{"b":2}');
  equal(JSON.stringify({ a: 1 }, null, 0), '{"a":1}');
  equal(JSON.stringify({ a: 1 }, undefined, null), '{"a":1}');
  equal(JSON.stringify.length, 3);
  equal(JSON.stringify.name, "stringify");
  deepEqual(Object.keys(JSON), []);
});

test("whatever is made by chance is written as the engine writes it", () => {
  let seed = 42;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  const text = () => String.fromCharCode(...Array.from({ length: random(12) }, () => [random(128), random(256), random(65536), 0xd800 + random(2048)][random(4)]));
  const make = (depth) => {
    switch (random(depth > 0 ? 12 : 9)) {
      case 0: return null;
      case 1: return random(2) === 0;
      case 2: return random(100);
      case 3: return (random(2 ** 30) - 2 ** 29) / 2 ** random(40);
      case 4: return (random(2 ** 30) - 2 ** 29) * 2 ** random(60);
      case 5: return undefined;
      case 6: return new Date(random(2 ** 30));
      case 7: return Object([1, text(), true][random(3)]);
      case 8: return text();
      case 9: return Array.from({ length: random(6) }, () => make(depth - 1));
      default: return Object.fromEntries(Array.from({ length: random(6) }, () => [random(3) ? `key${random(8)}` : text(), make(depth - 1)]));
    }
  };
  for (let round = 0; round < 3000; round++) {
    const value = make(4);
    equal(JSON.stringify(value), byEngine(value), `round ${round}`);
  }
});
