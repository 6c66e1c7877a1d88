// Random values, https://nodejs.org/api/crypto.html#cryptorandombytessize-callback and what is near it

import { fill, uuid } from "atoll:native/random";
import { Buffer } from "../../node/buffer.js";
import { invalidArgType, outOfRange } from "../../node_support/errors.js";
import { validateBoolean, validateFunction, validateNumber, validateObject } from "../../node_support/validators.js";
import { queueMicrotask } from "../../async_context.js";
import { bufferSource } from "../../webidl.js";
import { later } from "./support.js";

const MAX_BYTES = 2 ** 31 - 1;
const MAX_RANGE = 2 ** 48 - 1;

function checkSize(size) {
  validateNumber(size, "size", 0, MAX_BYTES);
  return Math.trunc(size);
}

function randomBuffer(size) {
  const buffer = Buffer.alloc(size);
  fill(bufferSource(buffer));
  return buffer;
}

export function randomBytes(size, callback) {
  size = checkSize(size);
  if (callback === undefined) return randomBuffer(size);
  validateFunction(callback, "callback");
  later(callback, () => randomBuffer(size));
}

/** The bytes of a buffer from an offset, which counts elements as its size does. */
function part(buffer, offset = 0, size) {
  const bytes = bufferSource(buffer);
  if (bytes === undefined) throw invalidArgType("buf", ["ArrayBuffer", "ArrayBufferView"], buffer);
  const width = buffer.BYTES_PER_ELEMENT ?? 1;
  validateNumber(offset, "offset");
  const start = offset * width;
  if (!(start >= 0 && start <= bytes.length)) throw outOfRange("offset", `>= 0 && <= ${bytes.length}`, start);
  if (size === undefined) return bytes.subarray(start);
  validateNumber(size, "size");
  const length = size * width;
  if (!(length >= 0 && start + length <= bytes.length)) {
    throw outOfRange("size + offset", `<= ${bytes.length}`, start + length);
  }
  return bytes.subarray(start, start + length);
}

export function randomFillSync(buffer, offset, size) {
  fill(part(buffer, offset, size));
  return buffer;
}

export function randomFill(buffer, offset, size, callback) {
  if (typeof offset === "function") [offset, size, callback] = [undefined, undefined, offset];
  else if (typeof size === "function") [size, callback] = [undefined, size];
  validateFunction(callback, "callback");
  const bytes = part(buffer, offset, size);
  later(callback, () => {
    fill(bytes);
    return buffer;
  });
}

/** A whole number below `range`, each as likely as the others. */
function below(range) {
  const limit = 2 ** 48 - (2 ** 48 % range);
  const bytes = new Uint8Array(6);
  for (;;) {
    fill(bytes);
    const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (number < limit) return number % range;
  }
}

export function randomInt(min, max, callback) {
  if (max === undefined || typeof max === "function") [min, max, callback] = [0, min, max];
  if (callback !== undefined) validateFunction(callback, "callback");
  if (!Number.isSafeInteger(min)) throw invalidArgType("min", "a safe integer", min);
  if (!Number.isSafeInteger(max)) throw invalidArgType("max", "a safe integer", max);
  if (max <= min) throw outOfRange("max", `greater than the value of "min" (${min})`, max);
  if (max - min > MAX_RANGE) throw outOfRange("max - min", `<= ${MAX_RANGE}`, max - min);
  const work = () => min + below(max - min);
  if (callback === undefined) return work();
  const number = work();
  queueMicrotask(() => callback(undefined, number));
}

export function randomUUID(options) {
  if (options !== undefined) {
    validateObject(options, "options");
    if (options.disableEntropyCache !== undefined) {
      validateBoolean(options.disableEntropyCache, "options.disableEntropyCache");
    }
  }
  return uuid();
}
