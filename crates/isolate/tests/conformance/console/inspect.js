import { test, equal } from "atoll:test";
import { format, inspect } from "node:util";

class Point {
  constructor() {
    this.x = 1;
  }
  get hidden() {
    return 1;
  }
}
const circular = { name: "c" };
circular.self = circular;
const withCause = Object.assign(new TypeError("outer", { cause: new Error("inner") }), { code: "E_X" });
withCause.stack = "TypeError: outer\n    at f (file.js:1:1)";
withCause.cause.stack = "Error: inner\n    at g (file.js:2:2)";

const table = [
  [undefined, "undefined"],
  [-0, "-0"],
  [10n, "10n"],
  ["it's", `"it's"`],
  ["a\nb", "'a\\nb'"],
  [Symbol("s"), "Symbol(s)"],
  [{ a: 1, "b-c": { d: { e: { f: 1 } } } }, "{ a: 1, 'b-c': { d: { e: [Object] } } }"],
  [[1, , 3], "[ 1, <1 empty item>, 3 ]"],
  [Object.assign([1], { extra: true }), "[ 1, extra: true ]"],
  [new Map([["k", { v: 1 }]]), "Map(1) { 'k' => { v: 1 } }"],
  [new Set([1, "a"]), "Set(2) { 1, 'a' }"],
  [new Uint8Array(3), "Uint8Array(3) [ 0, 0, 0 ]"],
  [new ArrayBuffer(2), "ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }"],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  [/a\/b/gi, "/a\\/b/gi"],
  [function named() {}, "[Function: named]"],
  [() => {}, "[Function (anonymous)]"],
  [async function later() {}, "[AsyncFunction: later]"],
  [function* many() {}, "[GeneratorFunction: many]"],
  [class A {}, "[class A]"],
  [class B extends Point {}, "[class B extends Point]"],
  [new Point(), "Point { x: 1 }"],
  [Object.assign(Object.create(null), { a: 1 }), "[Object: null prototype] { a: 1 }"],
  [circular, "<ref *1> { name: 'c', self: [Circular *1] }"],
  [Promise.resolve(4), "Promise { 4 }"],
  [new Promise(() => {}), "Promise { <pending> }"],
  [new WeakMap(), "WeakMap { <items unknown> }"],
  [new Proxy({ a: 1 }, {}), "{ a: 1 }"],
  [Object(1), "[Number: 1]"],
  [Object("abc"), "[String: 'abc']"],
  [{ get a() { return 1; }, set b(v) {}, get c() { return 1; }, set c(v) {} }, "{ a: [Getter], b: [Setter], c: [Getter/Setter] }"],
  [{ [Symbol("k")]: 1 }, "{ [Symbol(k)]: 1 }"],
  [withCause, "TypeError: outer\n    at f (file.js:1:1) {\n  code: 'E_X',\n  [cause]: Error: inner\n      at g (file.js:2:2)\n}"],
  [{ [inspect.custom]: (depth) => `custom ${depth}` }, "custom 2"],
  [Array.from({ length: 101 }, () => 0), `[\n${"  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,\n".repeat(8)}  0, 0, 0, 0,\n  ... 1 more item\n]`],
  [["a".repeat(50), "b".repeat(50)], `[\n  '${"a".repeat(50)}',\n  '${"b".repeat(50)}'\n]`],
];
for (const [value, text] of table) {
  test(`inspect gives ${text.slice(0, 60).replaceAll("\n", " ")}`, () => equal(inspect(value), text));
}

const formats = [
  [["%s is %d and %i", "a", "42", 42.9], "a is 42 and 42"],
  [["%f %j", "1.5z", { a: 1 }], '1.5 {"a":1}'],
  [["%s", { a: { b: 1 } }], "{ a: [Object] }"],
  [["%s", -0], "-0"],
  [["%d", 1n], "1n"],
  [["%o", { a: [1] }], "{ a: [ 1, [length]: 1 ] }"],
  [["%O", { a: { b: { c: { d: 1 } } } }], "{ a: { b: { c: [Object] } } }"],
  [["%c styled", "color: red"], " styled"],
  [["100%", 1], "100% 1"],
  [["%%", "x"], "% x"],
  [["%s"], "%s"],
  [["a", "b", { c: 1 }], "a b { c: 1 }"],
  [[1, "two"], "1 two"],
];
for (const [args, text] of formats) {
  test(`format gives ${JSON.stringify(text)}`, () => equal(format(...args), text));
}

test("options change depth, lengths, sorting, getters and colours", () => {
  equal(inspect({ a: { b: {} } }, { depth: 0 }), "{ a: [Object] }");
  equal(inspect([1, 2, 3], { maxArrayLength: 1 }), "[ 1, ... 2 more items ]");
  equal(inspect("abcdef", { maxStringLength: 2 }), "'ab'... 4 more characters");
  equal(inspect({ b: 1, a: 2 }, { sorted: true }), "{ a: 2, b: 1 }");
  equal(inspect({ get a() { return 5; } }, { getters: true }), "{ a: [Getter: 5] }");
  equal(inspect({ a: 1 }, { colors: true }), "{ a: \u001b[33m1\u001b[39m }");
  equal(inspect({ a: 1, b: 2 }, { compact: false }), "{\n  a: 1,\n  b: 2\n}");
  equal(inspect(new Proxy([1], {}), { showProxy: true }), "Proxy [ [ 1 ], {} ]");
});

test("an error's stack is its name and message, then frames", () => {
  class Custom extends TypeError {}
  for (const error of [new Error("text"), new RangeError("text"), new Custom("text")]) {
    const [first, second] = error.stack.split("\n");
    equal(first, `${error.name}: text`);
    equal(second.startsWith("    at "), true);
  }
  try {
    null.property;
  } catch (error) {
    equal(error.stack.split("\n")[0], `TypeError: ${error.message}`);
  }
  const holder = {};
  Error.captureStackTrace(holder);
  equal(holder.stack.split("\n")[0], "Error");
  const error = new Error("x");
  error.stack = "mine";
  equal(error.stack, "mine");
  equal(Object.keys(error).length, 0);
});
