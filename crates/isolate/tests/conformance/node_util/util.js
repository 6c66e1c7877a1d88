import { test, assert, equal, throws, rejects, deepEqual } from "atoll:test";
import util from "node:util";
import types from "node:util/types";
import { StringDecoder } from "node:string_decoder";

test("promisify resolves, rejects and honours the custom symbol", async () => {
  const add = util.promisify((a, b, done) => done(null, a + b));
  equal(await add(1, 2), 3);
  await rejects(util.promisify((done) => done(new RangeError("x")))(), RangeError);
  const custom = Object.assign(() => {}, { [util.promisify.custom]: () => Promise.resolve("custom") });
  equal(await util.promisify(custom)(), "custom");
  throws(() => util.promisify(5), TypeError);
});

test("callbackify calls back with the value or the error", async () => {
  const call = (original, ...args) => new Promise((resolve) => util.callbackify(original)(...args, (...got) => resolve(got)));
  deepEqual(await call(async (a) => a * 2, 4), [null, 8]);
  equal((await call(async () => { throw new RangeError("x"); }))[0].message, "x");
  equal((await call(() => Promise.reject(null)))[0].code, "ERR_FALSY_VALUE_REJECTION");
});

test("inherits links prototypes", () => {
  function A() {}
  function B() {}
  util.inherits(B, A);
  assert(new B() instanceof A && B.super_ === A);
  throws(() => util.inherits(B, null), TypeError);
});

test("isDeepStrictEqual compares structure, kinds and prototypes", () => {
  const cyclic = () => { const object = { a: 1 }; object.self = object; return object; };
  for (const [a, b, expected] of [
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, true], [[1, 2], [1, 3], false], [0, -0, false], [NaN, NaN, true],
    [new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1]), true], [new Map([[{ k: 1 }, "v"]]), new Map([[{ k: 1 }, "v"]]), true],
    [new Map([["a", 1]]), new Map([["a", 2]]), false], [new Date(1), new Date(1), true], [new Date(1), new Date(2), false],
    [/a/g, /a/i, false], [new Uint8Array([1]), new Uint8Array([1]), true], [new Uint8Array([1]), new Int8Array([1]), false],
    [new Error("a"), new Error("b"), false], [Object(1), Object(1), true], [Object(1), Object(2), false], ["1", 1, false],
    [{ a: undefined }, {}, false], [Object.create(null), {}, false], [cyclic(), cyclic(), true], [[, 1], [undefined, 1], false],
    [{ [Symbol.for("s")]: 1 }, { [Symbol.for("s")]: 2 }, false], [null, {}, false], [() => {}, () => {}, false],
  ]) equal(util.isDeepStrictEqual(a, b), expected, util.inspect([a, b]));
});

test("types sees what a value really is", () => {
  const samples = {
    isPromise: Promise.resolve(), isMap: new Map(), isSet: new Set(), isWeakMap: new WeakMap(), isWeakSet: new WeakSet(),
    isDate: new Date(), isRegExp: /x/, isNativeError: new RangeError(), isProxy: new Proxy({}, {}), isArrayBuffer: new ArrayBuffer(1),
    isDataView: new DataView(new ArrayBuffer(1)), isUint8Array: new Uint8Array(), isFloat64Array: new Float64Array(),
    isAsyncFunction: async () => {}, isGeneratorFunction: function* () {}, isGeneratorObject: (function* () {})(),
    isMapIterator: new Map().keys(), isSetIterator: new Set().values(), isBoxedPrimitive: Object(1n), isSymbolObject: Object(Symbol()),
    isStringObject: new String(), isNumberObject: new Number(), isBooleanObject: new Boolean(), isBigIntObject: Object(1n),
    isArgumentsObject: (function () { return arguments; })(), isTypedArray: new Int16Array(),
  };
  for (const [name, sample] of Object.entries(samples)) {
    assert(types[name](sample), name);
    assert(!types[name]({}) && !types[name](null) && !types[name](undefined) && !types[name]("x"), name);
  }
  assert(util.types === types);
  assert(!types.isPromise({ then() {} }) && !types.isDate(Object.create(Date.prototype)));
});

test("format replaces its placeholders", () => {
  equal(util.format("%s %d %i %f %j %% %o", "a", 1.5, 1.5, "2.5", { a: 1 }, 1), 'a 1.5 1 2.5 {"a":1} % 1');
  equal(util.format("a", "b", { c: 1 }), "a b { c: 1 }");
});

test("parseArgs reads long, short, grouped and positional arguments", () => {
  const options = { verbose: { type: "boolean", short: "v" }, out: { type: "string", short: "o", default: "x" }, tag: { type: "string", multiple: true } };
  const parse = (...args) => {
    const { values, positionals } = util.parseArgs({ args, options, allowPositionals: true });
    return [{ ...values }, positionals];
  };
  deepEqual(parse("-v", "--out=a", "p"), [{ verbose: true, out: "a" }, ["p"]]);
  deepEqual(parse("-vo", "f", "--tag", "1", "--tag", "2"), [{ verbose: true, out: "f", tag: ["1", "2"] }, []]);
  deepEqual(parse("-of", "--", "-v"), [{ out: "f" }, ["-v"]]);
  equal(throws(() => parse("--nope"), TypeError).code, "ERR_PARSE_ARGS_UNKNOWN_OPTION");
  equal(throws(() => parse("--out"), TypeError).code, "ERR_PARSE_ARGS_INVALID_OPTION_VALUE");
  equal(throws(() => util.parseArgs({ args: ["p"] }), TypeError).code, "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL");
});

test("MIMEType parses and prints", () => {
  const type = new util.MIMEType('Text/HTML; charset="utf-8"; Q="a b";q=2');
  equal(type.essence, "text/html");
  deepEqual([...type.params], [["charset", "utf-8"], ["q", "a b"]]);
  equal(String(type), 'text/html;charset=utf-8;q="a b"');
  type.subtype = "plain";
  type.params.delete("q");
  equal(String(type), "text/plain;charset=utf-8");
  throws(() => new util.MIMEType("nope"), /MIME syntax/);
});

test("control characters are stripped and styles added", () => {
  equal(util.stripVTControlCharacters("\u001b[31mred\u001b[39m"), "red");
  equal(util.styleText("red", "x"), "\u001b[31mx\u001b[39m");
  throws(() => util.styleText("nocolour", "x"), TypeError);
});

test("deprecate warns once and passes calls on", () => {
  let warnings = 0;
  process.on("warning", () => warnings++);
  const old = util.deprecate((a) => a + 1, "old thing", "DEP_TEST");
  equal(old(1) + old(2), 5);
  process.removeAllListeners("warning");
});

test("aborted resolves on abort; toUSVString mends surrogates; debuglog is silent", async () => {
  const controller = new AbortController();
  const pending = util.aborted(controller.signal, {});
  controller.abort();
  await pending;
  equal(util.toUSVString("a\ud800"), "a\ufffd");
  equal(util.debuglog("nothing").enabled, false);
  equal(util.getSystemErrorName(-2), "ENOENT");
});

test("StringDecoder holds back unfinished characters", () => {
  for (const [encoding, chunks, expected] of [
    ["utf8", [[0xe2, 0x82], [0xac, 0x61]], ["", "€a", ""]], ["utf8", [[0xf0, 0x9f], [0x98], [0x80]], ["", "", "😀", ""]],
    ["utf8", [[0xe2, 0x82]], ["", "\ufffd"]], ["utf8", [[0xc3, 0x28]], ["\ufffd(", ""]], ["utf8", [[0xff, 0x61]], ["\ufffda", ""]],
    ["utf16le", [[0x61], [0x00, 0x3d, 0xd8], [0x00, 0xde]], ["", "a", "😀", ""]], ["base64", [[1], [2, 3, 4]], ["", "AQID", "BA=="]],
    ["hex", [[1, 2]], ["0102", ""]], ["latin1", [[0xe9]], ["é", ""]],
  ]) {
    const decoder = new StringDecoder(encoding);
    deepEqual([...chunks.map((chunk) => decoder.write(Buffer.from(chunk))), decoder.end()], expected, `${encoding} ${JSON.stringify(chunks)}`);
  }
  throws(() => new StringDecoder("nope"), TypeError);
});
