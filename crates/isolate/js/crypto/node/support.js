// What the parts of node:crypto share: bytes in, bytes out, names of hashes.

import { Buffer } from "../../node/buffer.js";
import { invalidArgType, NodeTypeError } from "../../node_support/errors.js";
import { bufferSource } from "../../webidl.js";
import { queueMicrotask } from "../../async_context.js";
import { toUtf8 } from "../params.js";

const BYTES = ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"];

/** Bytes of a string or a buffer. */
export function bytesOf(value, name, encoding = "utf8") {
  if (typeof value === "string") return stringBytes(value, encoding);
  const bytes = bufferSource(value);
  if (bytes === undefined) throw invalidArgType(name, BYTES, value);
  return bytes;
}

/** Bytes of a string or a view; what Node's streaming calls take. */
export function viewBytes(value, name, encoding) {
  if (typeof value === "string") return stringBytes(value, encoding);
  if (!ArrayBuffer.isView(value)) throw invalidArgType(name, ["string", "Buffer", "TypedArray", "DataView"], value);
  return bufferSource(value);
}

const UTF8 = new Set([undefined, null, "buffer", "utf8", "utf-8"]);
const stringBytes = (text, encoding) => (UTF8.has(encoding) ? toUtf8(text) : Buffer.from(text, encoding));

/** A Buffer, or a string in an encoding. */
export function output(arrayBuffer, encoding) {
  const buffer = Buffer.from(arrayBuffer);
  return encoding === undefined || encoding === null || encoding === "buffer" ? buffer : buffer.toString(encoding);
}

/** Every hash by Node's name, with the name that natives know. */
export const HASHES = new Map([
  ["md5", "MD5"],
  ["ripemd160", "RIPEMD160"],
  ["sha1", "SHA-1"],
  ["sha224", "SHA-224"],
  ["sha256", "SHA-256"],
  ["sha384", "SHA-384"],
  ["sha512", "SHA-512"],
  ["sha512-224", "SHA-512/224"],
  ["sha512-256", "SHA-512/256"],
  ["sha3-224", "SHA3-224"],
  ["sha3-256", "SHA3-256"],
  ["sha3-384", "SHA3-384"],
  ["sha3-512", "SHA3-512"],
]);

/** What OpenSSL also calls them, less an `RSA-` in front. */
const ALIASES = new Map([
  ["rmd160", "ripemd160"],
  ["sha-1", "sha1"],
  ["sha-224", "sha224"],
  ["sha-256", "sha256"],
  ["sha-384", "sha384"],
  ["sha-512", "sha512"],
  ["sha2-224", "sha224"],
  ["sha2-256", "sha256"],
  ["sha2-384", "sha384"],
  ["sha2-512", "sha512"],
  ["sha-512/224", "sha512-224"],
  ["sha-512/256", "sha512-256"],
  ["sha512/224", "sha512-224"],
  ["sha512/256", "sha512-256"],
]);

/** The native name of a hash, or undefined. */
export function nativeHash(name) {
  const known = HASHES.get(name);
  if (known !== undefined) return known;
  const lower = String(name).toLowerCase().replace(/^rsa-/, "");
  return HASHES.get(ALIASES.get(lower) ?? lower);
}

export function requiredHash(name) {
  const hash = nativeHash(name);
  if (hash === undefined) throw new NodeTypeError("ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${name}`);
  return hash;
}

/** Does work now and tells the callback later, in the caller's async context. */
export function later(callback, work) {
  let result;
  try {
    result = work();
  } catch (error) {
    queueMicrotask(() => callback(error));
    return;
  }
  queueMicrotask(() => callback(null, result));
}

/** A class that is also called without `new`, as Node's are. */
export function callable(Class, name) {
  const Callable = function (...args) {
    return Reflect.construct(Class, args, new.target ?? Callable);
  };
  Object.defineProperty(Callable, "name", { value: name });
  Callable.prototype = Class.prototype;
  Object.defineProperty(Class.prototype, "constructor", { value: Callable, writable: true, configurable: true });
  return Callable;
}
