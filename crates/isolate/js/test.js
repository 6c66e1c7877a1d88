// `atoll:test`: the small harness of the conformance cases. Prints a line for each case.

import { log } from "atoll:native/io";

const cases = [];

/**
 * @param {string} name the promise that the case checks
 * @param {() => unknown} body
 */
export function test(name, body) {
  cases.push({ name, body });
}

/** A line of output, for looking at something. */
export const print = (...values) => log("log", values.map(String).join(" "));

const show = (value) => {
  try {
    return typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
};

export function assert(condition, message = "assertion failed") {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, message = "") {
  if (!Object.is(actual, expected)) throw new Error(`${message} expected ${show(expected)}, got ${show(actual)}`.trim());
}

const same = (a, b) => {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof Map || a instanceof Set) return same([...a], [...b]);
  if (a instanceof ArrayBuffer) return same([...new Uint8Array(a)], [...new Uint8Array(b)]);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
};

export function deepEqual(actual, expected, message = "") {
  if (!same(actual, expected)) throw new Error(`${message} expected ${show(expected)}, got ${show(actual)}`.trim());
}

const matches = (error, expected) => {
  if (expected === undefined) return;
  if (typeof expected === "function") assert(error instanceof expected, `expected a ${expected.name}, got ${error}`);
  else if (typeof expected === "string") equal(error?.name, expected, `${error}:`);
  else assert(expected.test(String(error?.message)), `expected a message like ${expected}, got ${error?.message}`);
};

/** @param {Function | string | RegExp} [expected] a class, an error name, or what the message looks like */
export function throws(body, expected) {
  let result;
  try {
    result = body();
  } catch (error) {
    matches(error, expected);
    return error;
  }
  throw new Error(`expected an exception, got ${show(result)}`);
}

export async function rejects(promise, expected) {
  let result;
  try {
    result = await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    matches(error, expected);
    return error;
  }
  throw new Error(`expected a rejection, got ${show(result)}`);
}

Object.defineProperty(globalThis, Symbol.for("atoll.runTests"), {
  configurable: true,
  value: async () => {
    let failed = 0;
    for (const { name, body } of cases) {
      try {
        await body();
        log("log", `ok ${name}`);
      } catch (error) {
        failed += 1;
        log("log", `not ok ${name}: ${error?.message ?? error}\n${error?.stack ?? ""}`.trimEnd());
      }
    }
    if (failed > 0) throw new Error(`${failed} of ${cases.length} cases failed`);
  },
});
