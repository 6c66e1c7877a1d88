/** `node:assert`. */
import { inspect } from "../inspect.js";
import { AssertionError } from "../node_support/assertion_error.js";
import { deepEqual as sameStructure, LOOSE, PARTIAL, STRICT } from "../node_support/deep_equal.js";
import { invalidArgType, invalidArgValue, invalidReturnValue, missingArgs, NodeError } from "../node_support/errors.js";
import types from "../node_support/kinds.js";
import { validateFunction } from "../node_support/validators.js";

const NO_EXCEPTION = Symbol("no exception");

function fail_(details) {
  if (details.message instanceof Error) throw details.message;
  throw new AssertionError(details);
}

function checkTruth(start, count, value, message) {
  if (value) return;
  let generated = false;
  if (count === 0) {
    generated = true;
    message = "No value argument passed to `assert.ok()`";
  } else if (message === undefined) {
    generated = true;
    message = "The expression evaluated to a falsy value";
  } else if (message instanceof Error) {
    throw message;
  }
  const error = new AssertionError({ actual: value, expected: true, message, operator: "==", stackStartFn: start });
  error.generatedMessage = generated;
  throw error;
}

export function ok(...args) {
  checkTruth(ok, args.length, args[0], args[1]);
}

/** The module: a function that is `ok`, with everything else on it. */
function assert(...args) {
  checkTruth(assert, args.length, args[0], args[1]);
}

export function fail(message) {
  if (message instanceof Error) throw message;
  const error = new AssertionError({
    message: message ?? "Failed",
    operator: "fail",
    stackStartFn: fail,
  });
  error.generatedMessage = message === undefined;
  throw error;
}

/** Makes one comparing assertion. */
function comparing(name, operator, passes) {
  const method = {
    [name](actual, expected, message) {
      if (arguments.length < 2) throw missingArgs("actual", "expected");
      if (passes(actual, expected)) return;
      fail_({ actual, expected, message, operator, stackStartFn: method });
    },
  }[name];
  return method;
}

// Loose equality is what these promise.
const looselyEqual = (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b));

export const equal = comparing("equal", "==", looselyEqual);
export const notEqual = comparing("notEqual", "!=", (a, b) => !looselyEqual(a, b));
export const strictEqual = comparing("strictEqual", "strictEqual", Object.is);
export const notStrictEqual = comparing("notStrictEqual", "notStrictEqual", (a, b) => !Object.is(a, b));
export const deepEqual = comparing("deepEqual", "deepEqual", (a, b) => sameStructure(a, b, LOOSE));
export const notDeepEqual = comparing("notDeepEqual", "notDeepEqual", (a, b) => !sameStructure(a, b, LOOSE));
export const deepStrictEqual = comparing("deepStrictEqual", "deepStrictEqual", (a, b) => sameStructure(a, b, STRICT));
export const notDeepStrictEqual = comparing("notDeepStrictEqual", "notDeepStrictEqual", (a, b) => !sameStructure(a, b, STRICT));
export const partialDeepStrictEqual = comparing("partialDeepStrictEqual", "partialDeepStrictEqual", (a, b) =>
  sameStructure(a, b, PARTIAL),
);

function checkProperties(actual, expected, message, start) {
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push("name", "message");
  else if (keys.length === 0) throw invalidArgValue("error", expected, "may not be an empty object");
  for (const key of keys) {
    const given = actual?.[key];
    const wanted = expected[key];
    if (typeof given === "string" && types.isRegExp(wanted) && wanted.test(given)) continue;
    if (actual !== null && typeof actual === "object" && key in actual && sameStructure(given, wanted, STRICT)) continue;
    const pick = (from) => Object.fromEntries(keys.filter((each) => from != null && each in Object(from)).map((each) => [each, from[each]]));
    const error = new AssertionError({
      actual: pick(actual), expected: pick(expected), operator: "deepStrictEqual", message: undefined, stackStartFn: start,
    });
    Object.assign(error, { actual, expected, operator: start.name, generatedMessage: message === undefined });
    if (message instanceof Error) throw message;
    if (message !== undefined) error.message = message;
    throw error;
  }
}

/** Whether a thrown value is what was expected. Throws an AssertionError when not. */
function checkThrown(actual, expected, message, start) {
  const refuse = (generated) => {
    if (message instanceof Error) throw message;
    const error = new AssertionError({ actual, expected, message: message ?? generated, operator: start.name, stackStartFn: start });
    error.generatedMessage = message === undefined;
    throw error;
  };
  if (typeof expected !== "function") {
    if (types.isRegExp(expected)) {
      if (expected.test(String(actual))) return;
      refuse(`The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(actual))}\n`);
    }
    if (typeof actual !== "object" || actual === null) {
      refuse(`Expected values to be strictly deep-equal:\n${inspect(actual)} !== ${inspect(expected)}\n`);
    }
    checkProperties(actual, expected, message, start);
    return;
  }
  if (expected.prototype !== undefined && actual instanceof expected) return;
  if (expected === Error || Error.isPrototypeOf(expected)) {
    const name = expected.name || "Error";
    const got = actual instanceof Error ? actual.name || actual.constructor?.name : inspect(actual, { depth: -1 });
    const text = actual instanceof Error && actual.message ? `\n\nError message:\n\n${actual.message}` : "";
    refuse(`The error is expected to be an instance of "${name}". Received "${got}"${text}`);
  }
  const result = Reflect.apply(expected, {}, [actual]);
  if (result !== true) {
    const name = expected.name ? `"${expected.name}" ` : "";
    refuse(`The ${name}validation function is expected to return "true". Received ${inspect(result)}\n\nCaught error:\n\n${actual}`);
  }
}

function expectThrow(start, actual, expected, message) {
  if (typeof expected === "string") {
    if (message !== undefined) throw invalidArgType("error", ["Object", "Error", "Function", "RegExp"], expected);
    const thrownText = typeof actual === "object" && actual !== null ? actual.message : actual;
    if (actual !== NO_EXCEPTION && thrownText === expected) {
      throw new NodeError("ERR_AMBIGUOUS_ARGUMENT", `The "error/message" argument is ambiguous. The error message "${thrownText}" is identical to the message.`);
    }
    message = expected;
    expected = undefined;
  } else if (expected !== undefined && expected !== null && typeof expected !== "object" && typeof expected !== "function") {
    throw invalidArgType("error", ["Object", "Error", "Function", "RegExp"], expected);
  }
  if (actual === NO_EXCEPTION) {
    const kind = start === rejects ? "rejection" : "exception";
    const details = `${expected?.name ? ` (${expected.name})` : ""}${message && !(message instanceof Error) ? `: ${message}` : "."}`;
    if (message instanceof Error) throw message;
    const error = new AssertionError({
      actual: undefined, expected, operator: start.name, message: `Missing expected ${kind}${details}`, stackStartFn: start,
    });
    error.generatedMessage = message === undefined;
    throw error;
  }
  if (expected !== undefined && expected !== null) checkThrown(actual, expected, message, start);
}

function expectNoThrow(start, actual, expected, message) {
  if (actual === NO_EXCEPTION) return;
  if (typeof expected === "string") {
    message = expected;
    expected = undefined;
  }
  const matches =
    expected === undefined || expected === null ||
    (types.isRegExp(expected) ? expected.test(String(actual)) : typeof expected === "function" && (actual instanceof expected || (!Error.isPrototypeOf(expected) && expected.call({}, actual) === true)));
  if (!matches) throw actual;
  const kind = start === doesNotReject ? "rejection" : "exception";
  const error = new AssertionError({
    actual, expected, operator: start.name, stackStartFn: start,
    message: `Got unwanted ${kind}${message ? `: ${message}` : "."}\nActual message: "${actual?.message}"`,
  });
  error.generatedMessage = !message;
  throw error;
}

function thrownBy(callback) {
  validateFunction(callback, "fn");
  try {
    callback();
  } catch (error) {
    return error;
  }
  return NO_EXCEPTION;
}

async function rejectionOf(promiseOrFunction) {
  let promise = promiseOrFunction;
  if (typeof promiseOrFunction === "function") {
    promise = promiseOrFunction();
    if (typeof promise?.then !== "function") throw invalidReturnValue("instance of Promise", "promiseFn", promise);
  } else if (typeof promise?.then !== "function" || typeof promise?.catch !== "function") {
    throw invalidArgType("promiseFn", ["Function", "Promise"], promiseOrFunction);
  }
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return NO_EXCEPTION;
}

export function throws(callback, expected, message) {
  expectThrow(throws, thrownBy(callback), expected, message);
}

export function doesNotThrow(callback, expected, message) {
  expectNoThrow(doesNotThrow, thrownBy(callback), expected, message);
}

export async function rejects(promise, expected, message) {
  expectThrow(rejects, await rejectionOf(promise), expected, message);
}

export async function doesNotReject(promise, expected, message) {
  expectNoThrow(doesNotReject, await rejectionOf(promise), expected, message);
}

export function ifError(value) {
  if (value === null || value === undefined) return;
  let message = "ifError got unwanted exception: ";
  if (typeof value === "object" && typeof value.message === "string") {
    message += value.message.length === 0 && value.constructor ? value.constructor.name : value.message;
  } else {
    message += inspect(value);
  }
  const error = new AssertionError({ actual: value, expected: null, operator: "ifError", message, stackStartFn: ifError });
  error.generatedMessage = true;
  throw error;
}

function checkMatch(text, pattern, message, start) {
  if (!types.isRegExp(pattern)) throw invalidArgType("regexp", "RegExp", pattern);
  const wanted = start === match;
  if (typeof text === "string" && pattern.test(text) === wanted) return;
  if (message instanceof Error) throw message;
  const generated = message === undefined;
  if (generated) {
    message =
      typeof text !== "string"
        ? `The "string" argument must be of type string. Received type ${typeof text} (${inspect(text)})`
        : `The input ${wanted ? "did not match the regular expression" : "was expected to not match the regular expression"} ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`;
  }
  const error = new AssertionError({ actual: text, expected: pattern, message, operator: start.name, stackStartFn: start });
  error.generatedMessage = generated;
  throw error;
}

export function match(text, pattern, message) {
  checkMatch(text, pattern, message, match);
}

export function doesNotMatch(text, pattern, message) {
  checkMatch(text, pattern, message, doesNotMatch);
}

/** The same assertions, with the loose comparisons made strict. */
export function strict(...args) {
  checkTruth(strict, args.length, args[0], args[1]);
}

/** A set of assertions of one's own. */
export function Assert(options) {
  if (!new.target) throw new NodeError("ERR_CONSTRUCT_CALL_REQUIRED", "Class constructor Assert cannot be invoked without `new`");
  Object.assign(this, options?.strict === false ? methods : strictMethods, { AssertionError });
}

const methods = {
  fail, ok, equal, notEqual, deepEqual, notDeepEqual, deepStrictEqual, notDeepStrictEqual, strictEqual, notStrictEqual,
  partialDeepStrictEqual, throws, rejects, doesNotThrow, doesNotReject, ifError, match, doesNotMatch,
};
const strictMethods = {
  ...methods, equal: strictEqual, notEqual: notStrictEqual, deepEqual: deepStrictEqual, notDeepEqual: notDeepStrictEqual,
};
Object.assign(assert, methods, { Assert, AssertionError, strict });
Object.assign(strict, strictMethods, { Assert, AssertionError, strict });

export { AssertionError };
export default assert;
