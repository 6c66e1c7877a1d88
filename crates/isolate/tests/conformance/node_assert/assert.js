import { test, equal, throws, rejects } from "atoll:test";
import assert, { AssertionError } from "node:assert";
import strict from "node:assert/strict";

const fails = (body, pattern) => {
  const error = throws(body, AssertionError);
  equal(error.code, "ERR_ASSERTION");
  if (pattern && !pattern.test(error.message)) throw new Error(`unexpected message: ${error.message}`);
  return error;
};

test("truth is checked by assert and ok", () => {
  assert(1);
  assert.ok("x");
  equal(fails(() => assert(0, "zero")).message, "zero");
  fails(() => assert.ok(null));
  fails(() => assert(), /No value argument/);
  throws(() => assert(false, new RangeError("mine")), RangeError);
});

test("equality comes in loose and strict forms", () => {
  assert.equal(1, "1");
  assert.notEqual(1, 2);
  assert.strictEqual(NaN, NaN);
  fails(() => assert.strictEqual(1, 2), /^Expected values to be strictly equal:\n\n1 !== 2\n$/);
  fails(() => assert.equal(1, 2), /^1 == 2$/);
  fails(() => assert.notStrictEqual(1, 1), /^Expected "actual" to be strictly unequal to: 1$/);
  fails(() => strict.equal(1, "1"));
  equal(throws(() => assert.equal(1), TypeError).code, "ERR_MISSING_ARGS");
});

test("deep equality comes in loose, strict and partial forms", () => {
  assert.deepEqual({ a: 1 }, { a: "1" });
  assert.deepStrictEqual({ a: [1, new Map([["k", new Set([1])]])] }, { a: [1, new Map([["k", new Set([1])]])] });
  assert.notDeepStrictEqual({ a: 1 }, { a: "1" });
  assert.notDeepEqual({ a: 1 }, { b: 1 });
  assert.partialDeepStrictEqual({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 2 } });
  fails(() => assert.partialDeepStrictEqual({ a: 1 }, { b: 1 }));
  const error = fails(() => assert.deepStrictEqual({ a: 1 }, { a: 2 }), /\+ actual - expected[^]*\+ {3}a: 1\n- {3}a: 2/);
  equal(error.operator, "deepStrictEqual");
  equal(error.generatedMessage, true);
  equal(error.actual.a, 1);
});

test("throws checks by class, pattern, object and function", () => {
  const thrower = () => { throw Object.assign(new TypeError("bad input"), { code: "E_BAD" }); };
  assert.throws(thrower);
  assert.throws(thrower, TypeError);
  assert.throws(thrower, /bad/);
  assert.throws(thrower, { name: "TypeError", message: /input$/, code: "E_BAD" });
  assert.throws(thrower, (error) => error.code === "E_BAD");
  fails(() => assert.throws(() => {}), /Missing expected exception\./);
  fails(() => assert.throws(() => {}, TypeError), /Missing expected exception \(TypeError\)\./);
  fails(() => assert.throws(thrower, /nope/), /did not match the regular expression/);
  fails(() => assert.throws(thrower, { code: "OTHER" }));
  fails(() => assert.throws(thrower, RangeError), /instance of "RangeError". Received "TypeError"/);
  equal(throws(() => assert.throws(5), TypeError).code, "ERR_INVALID_ARG_TYPE");
});

test("doesNotThrow names the exception it got", () => {
  assert.doesNotThrow(() => {});
  fails(() => assert.doesNotThrow(() => { throw new Error("oops"); }, "why"), /Got unwanted exception: why\nActual message: "oops"/);
});

test("rejects and doesNotReject do the same for promises", async () => {
  await assert.rejects(Promise.reject(new TypeError("x")), TypeError);
  await assert.rejects(async () => { throw new Error("x"); }, /x/);
  await rejects(assert.rejects(Promise.resolve()), AssertionError);
  await assert.doesNotReject(async () => 1);
  await rejects(assert.doesNotReject(Promise.reject(new Error("x"))), AssertionError);
  await rejects(assert.rejects(5), TypeError);
});

test("match, ifError and fail", () => {
  assert.match("abc", /b/);
  assert.doesNotMatch("abc", /x/);
  fails(() => assert.match("abc", /x/), /did not match/);
  fails(() => assert.doesNotMatch("abc", /b/), /expected to not match/);
  assert.ifError(null);
  fails(() => assert.ifError(new Error("e")), /ifError got unwanted exception: e/);
  fails(() => assert.fail(), /^Failed$/);
  fails(() => assert.fail("boom"), /^boom$/);
});

test("strict is the strict half, and both are functions", () => {
  equal(assert.strict, strict);
  equal(strict.strict, strict);
  equal(strict.deepEqual, assert.deepStrictEqual);
  strict(true);
  const own = new AssertionError({ actual: 1, expected: 2, operator: "strictEqual" });
  equal(own.name, "AssertionError");
});
