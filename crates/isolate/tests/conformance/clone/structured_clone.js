import { test, assert, equal, deepEqual, throws } from "atoll:test";

const primitives = [undefined, null, true, false, 0, -0, NaN, Infinity, -Infinity, 1.5, 2 ** 53, -(2 ** 31), 5e-324, 0n, -1n, 2n ** 100n, "", "text", "é", "\u{1F600}", "\ud800", "a\0b"];
for (const value of primitives) {
  test(`keeps the primitive ${typeof value} ${String(value).toWellFormed()}`, () => equal(structuredClone(value), value));
}

const objects = {
  "a plain object": { a: 1, b: { c: [1, 2] }, __proto: 1, 5: "five" },
  "an object with a __proto__ key": JSON.parse('{"__proto__": {"x": 1}}'),
  "an array": [1, "two", [3]],
  "an array with extra properties": Object.assign([1, 2], { extra: true }),
  "a date": new Date(1234),
  "an invalid date": new Date(NaN),
  "a regular expression": /a[/]b/gimsuy,
  "a map": new Map([[{ k: 1 }, "v"], ["k", new Map()]]),
  "a set": new Set([1, "a", { x: 1 }]),
  "an array buffer": new Uint8Array([1, 2, 3]).buffer,
  "a wrapped number": Object(3),
  "a wrapped string": Object("s"),
  "a wrapped boolean": Object(false),
  "a wrapped bigint": Object(7n),
};
for (const [name, value] of Object.entries(objects)) {
  test(`copies ${name}`, () => {
    const copy = structuredClone(value);
    assert(copy !== value);
    deepEqual(copy, value);
    equal(Object.prototype.toString.call(copy), Object.prototype.toString.call(value));
  });
}

test("holes stay holes, and lengths stay", () => {
  const copy = structuredClone([1, , 3, ,]);
  equal(copy.length, 4);
  assert(!(1 in copy) && !(3 in copy) && 2 in copy);
  const sparse = [];
  sparse[100_000] = "far";
  const far = structuredClone(sparse);
  equal(far.length, 100_001);
  deepEqual(Object.keys(far), ["100000"]);
  equal(structuredClone(Object.assign([], { length: 4_000_000_000 })).length, 4_000_000_000);
});

test("lastIndex starts anew", () => {
  const pattern = /x/g;
  pattern.lastIndex = 5;
  equal(structuredClone(pattern).lastIndex, 0);
});

test("identity and cycles survive", () => {
  const shared = { s: 1 };
  const top = { one: shared, two: shared, list: [shared], map: new Map([[shared, shared]]) };
  top.self = top;
  const copy = structuredClone(top);
  equal(copy.self, copy);
  equal(copy.one, copy.two);
  equal(copy.list[0], copy.one);
  equal([...copy.map.keys()][0], copy.one);
});

test("only own enumerable string keys count, and getters are read", () => {
  class Thing {
    own = 1;
    #secret = 2;
    method() {}
    get fromPrototype() {
      return this.#secret;
    }
  }
  const thing = Object.assign(new Thing(), { [Symbol("s")]: 1 });
  Object.defineProperty(thing, "hidden", { value: 1 });
  Object.defineProperty(thing, "computed", { get: () => "read", enumerable: true });
  const copy = structuredClone(thing);
  equal(Object.getPrototypeOf(copy), Object.prototype);
  deepEqual(copy, { own: 1, computed: "read" });
});

test("a getter's exception passes through, and what it deletes is left out", () => {
  throws(() => structuredClone({ get a() { throw new RangeError("mine"); } }), RangeError);
  const value = {
    get a() {
      delete this.b;
      return 1;
    },
    b: 2,
  };
  deepEqual(structuredClone(value), { a: 1 });
});

test("errors keep class, message, stack and cause", () => {
  for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
    const error = new Class("text", { cause: { why: 1 } });
    const copy = structuredClone(error);
    equal(Object.getPrototypeOf(copy), Class.prototype);
    equal(copy.message, "text");
    equal(copy.stack, error.stack);
    deepEqual(copy.cause, { why: 1 });
  }
  class Custom extends TypeError {}
  const custom = new Custom("x");
  equal(Object.getPrototypeOf(structuredClone(custom)), TypeError.prototype);
  const renamed = Object.assign(new Error("x"), { name: "RangeError" });
  equal(Object.getPrototypeOf(structuredClone(renamed)), RangeError.prototype);
  assert(!Object.hasOwn(structuredClone(new Error()), "message"));
  const loop = new Error("loop");
  loop.cause = loop;
  const copy = structuredClone(loop);
  equal(copy.cause, copy);
});

test("a DOMException keeps name, message and code", () => {
  const copy = structuredClone(new DOMException("text", "AbortError"));
  assert(copy instanceof DOMException);
  equal(copy.name, "AbortError");
  equal(copy.message, "text");
  equal(copy.code, 20);
});

test("views share one copy of their buffer", () => {
  const buffer = new ArrayBuffer(16);
  const value = { bytes: new Uint8Array(buffer, 1, 3), floats: new Float64Array(buffer, 8), view: new DataView(buffer, 2), buffer };
  value.bytes[0] = 9;
  const copy = structuredClone(value);
  equal(copy.bytes.buffer, copy.buffer);
  equal(copy.floats.buffer, copy.buffer);
  equal(copy.view.buffer, copy.buffer);
  deepEqual([copy.bytes.byteOffset, copy.bytes.length, copy.bytes[0]], [1, 3, 9]);
  deepEqual([copy.floats.byteOffset, copy.floats.length, copy.view.byteOffset, copy.view.byteLength], [8, 1, 2, 14]);
  for (const Class of [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, BigInt64Array, BigUint64Array]) {
    equal(structuredClone(new Class(2)).constructor, Class);
  }
});

test("resizable buffers stay resizable, and views that follow them follow the copy", () => {
  const buffer = new ArrayBuffer(4, { maxByteLength: 16 });
  const copy = structuredClone({ buffer, follows: new Uint8Array(buffer), fixed: new Uint8Array(buffer, 0, 2) });
  equal(copy.buffer.maxByteLength, 16);
  copy.buffer.resize(8);
  deepEqual([copy.follows.length, copy.fixed.length], [8, 2]);
  equal(buffer.byteLength, 4);
});

test("transferring moves a buffer", () => {
  const buffer = new Uint8Array([1, 2]).buffer;
  const view = new Uint8Array(buffer);
  const copy = structuredClone({ buffer, view }, { transfer: [buffer] });
  equal(buffer.byteLength, 0);
  assert(buffer.detached);
  equal(copy.view.buffer, copy.buffer);
  deepEqual([...copy.view], [1, 2]);
});

test("a transfer list is checked", () => {
  const detached = new ArrayBuffer(1);
  structuredClone(detached, { transfer: [detached] });
  throws(() => structuredClone(detached), "DataCloneError");
  throws(() => structuredClone(new Uint8Array(2), { transfer: [{}] }), TypeError);
  throws(() => structuredClone(1, { transfer: 5 }), TypeError);
  throws(() => structuredClone(1, 5), TypeError);
  throws(() => structuredClone(), TypeError);
  const kept = new ArrayBuffer(1);
  throws(() => structuredClone(() => {}, { transfer: [kept] }), "DataCloneError");
  assert(!kept.detached, "nothing moves when the value cannot be cloned");
});

const refused = {
  "() => 1 could not be cloned.": [() => 1, "() => 1 could not be cloned."],
  "a symbol": [Symbol("a"), "Symbol(a) could not be cloned."],
  "a weak map": [new WeakMap(), "#<WeakMap> could not be cloned."],
  "a promise": [Promise.resolve(), "#<Promise> could not be cloned."],
  "a proxy": [new Proxy({}, {}), "#<Object> could not be cloned."],
  "a generator": [(function* () {})(), "[object Generator] could not be cloned."],
  "a map iterator": [new Map().entries(), "[object Map Iterator] could not be cloned."],
  "a weak reference": [new WeakRef({}), "#<WeakRef> could not be cloned."],
  "a URL": [new URL("http://a/"), 'Could not serialize object of type "URL". This type does not support serialization.'],
  "form data": [new FormData(), 'Could not serialize object of type "FormData". This type does not support serialization.'],
  "a nested function": [{ a: [{ b() {} }] }, "b() {} could not be cloned."],
};
for (const [name, [value, message]] of Object.entries(refused)) {
  test(`refuses ${name}`, () => {
    const error = throws(() => structuredClone(value), "DataCloneError");
    assert(error instanceof DOMException);
    equal(error.code, 25);
    equal(error.message, message);
  });
}

test("deep values clone, and absurdly deep ones fail with an error", () => {
  let at = {};
  const deep = at;
  for (let i = 0; i < 5000; i++) at = at.next = [{}][0];
  structuredClone(deep);
  for (let i = 0; i < 100_000; i++) at = at.next = {};
  throws(() => structuredClone(deep), RangeError);
});

test("patched prototypes do not change how values travel", () => {
  const { set } = Map.prototype;
  Map.prototype.set = () => {
    throw new Error("patched");
  };
  try {
    equal(structuredClone(new Map([])).size, 0);
    const map = Reflect.construct(Map, []);
    set.call(map, 1, 2);
    equal(structuredClone(map).get(1), 2);
  } finally {
    Map.prototype.set = set;
  }
});

test("Blob, File and Headers are copied", async () => {
  const blob = structuredClone(new Blob(["hi"], { type: "text/plain" }));
  assert(blob instanceof Blob);
  equal(await blob.text(), "hi");
  equal(structuredClone(new Headers({ a: "b" })).get("a"), "b");
});
