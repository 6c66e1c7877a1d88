// Whole numbers as node:crypto has them: bytes, the most significant first, or BigInts.

import { isPrime, randomPrime } from "atoll:native/crypto";
import { fill } from "atoll:native/random";
import { invalidArgType, NodeError, NodeRangeError, outOfRange } from "../../node_support/errors.js";
import { validateBoolean, validateFunction, validateInt32, validateObject } from "../../node_support/validators.js";
import { bufferSource } from "../../webidl.js";
import { later } from "./support.js";

const MAX_INT32 = 2 ** 31 - 1;

/** @param {Uint8Array} bytes */
export const toNumber = (bytes) => (bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`));

/** As few bytes as a number takes, but not less than `size`. @param {bigint} number */
export function toBytes(number, size = 0) {
  const digits = number.toString(16);
  return Uint8Array.fromHex(digits.padStart(Math.max(2 * size, digits.length + (digits.length % 2)), "0"));
}

export const bitLength = (number) => (number === 0n ? 0 : number.toString(2).length);

/** A random number of so many bits at most. */
export function randomBits(bits) {
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  fill(bytes);
  return BigInt.asUintN(bits, toNumber(bytes));
}

export function checkPrimality(number) {
  const result = isPrime(toBytes(number));
  if (result === undefined) throw new NodeError("ERR_OUT_OF_RANGE", "The number is too large");
  return result;
}

/** @param {number} bits */
export function makePrime(bits, safe) {
  const bytes = randomPrime(bits, safe);
  if (bytes === undefined) throw new NodeRangeError("ERR_OUT_OF_RANGE", `There is no such prime of ${bits} bits`);
  return toNumber(new Uint8Array(bytes));
}

function numberOf(value, name) {
  if (typeof value === "bigint") {
    if (value < 0n) throw outOfRange(name, ">= 0", value);
    return value;
  }
  const bytes = bufferSource(value);
  if (bytes === undefined) throw invalidArgType(name, ["ArrayBuffer", "TypedArray", "Buffer", "DataView", "bigint"], value);
  return toNumber(bytes);
}

export function checkPrimeSync(candidate, options = {}) {
  const number = numberOf(candidate, "candidate");
  validateObject(options, "options");
  // The test that is made knows no exception, however often it is made.
  validateInt32(options.checks ?? 0, "options.checks", 0, MAX_INT32);
  return checkPrimality(number);
}

/** A prime of this size that is `rem` more than a multiple of `add`. */
function primeBeside(size, add, rem, safe) {
  if (bitLength(add) > size || add === 0n) throw new NodeRangeError("ERR_OUT_OF_RANGE", "invalid options.add");
  if (rem >= add) throw new NodeRangeError("ERR_OUT_OF_RANGE", "invalid options.rem");
  const top = 1n << BigInt(size - 1);
  for (;;) {
    const start = top | randomBits(size);
    const candidate = start - (start % add) + rem;
    const fits = bitLength(candidate) === size && checkPrimality(candidate);
    if (fits && (!safe || checkPrimality(candidate >> 1n))) return candidate;
  }
}

export function generatePrimeSync(size, options = {}) {
  validateInt32(size, "size", 1, MAX_INT32);
  validateObject(options, "options");
  const { safe = false, bigint = false, add, rem } = options;
  validateBoolean(safe, "options.safe");
  validateBoolean(bigint, "options.bigint");
  let prime;
  if (add === undefined) {
    if (rem !== undefined) numberOf(rem, "options.rem");
    prime = makePrime(size, safe);
  } else {
    const usual = safe ? 3n : 1n;
    prime = primeBeside(size, numberOf(add, "options.add"), rem === undefined ? usual : numberOf(rem, "options.rem"), safe);
  }
  return bigint ? prime : toBytes(prime, Math.ceil(size / 8)).buffer;
}

/** With a callback, which may stand in the place of the options. */
function told(work) {
  return (value, options, callback) => {
    if (typeof options === "function") [options, callback] = [{}, options];
    validateFunction(callback, "callback");
    later(callback, () => work(value, options));
  };
}

export const checkPrime = told(checkPrimeSync);
export const generatePrime = told(generatePrimeSync);
