// Crypto, https://w3c.github.io/webcrypto/#crypto-interface

import { fill, uuid } from "atoll:native/random";
import { bufferSource, defineInterface, illegal, illegalConstructor } from "../webidl.js";
import { DigestStream } from "./digest_stream.js";
import { failure } from "./params.js";
import { subtle } from "./subtle.js";

const MAX_RANDOM_BYTES = 65536;
const INTEGER_ARRAYS = new Set([
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "BigInt64Array",
  "BigUint64Array",
]);
const arrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const MAKE = Symbol();

export class Crypto {
  #brand = true;

  constructor(guard) {
    if (guard !== MAKE) throw illegalConstructor();
  }

  static #check(crypto) {
    if (typeof crypto !== "object" || crypto === null || !(#brand in crypto)) throw illegal();
  }

  get subtle() {
    Crypto.#check(this);
    return subtle;
  }

  getRandomValues(array) {
    Crypto.#check(this);
    if (!ArrayBuffer.isView(array)) {
      throw new TypeError(
        "Failed to execute 'getRandomValues' on 'Crypto': parameter 1 is not of type 'ArrayBufferView'.",
      );
    }
    if (!INTEGER_ARRAYS.has(arrayName.call(array))) {
      throw failure(
        "TypeMismatchError",
        "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
      );
    }
    const bytes = bufferSource(array);
    if (bytes.length > MAX_RANDOM_BYTES) {
      throw failure(
        "QuotaExceededError",
        `getRandomValues() only accepts buffers of size <= 64K but provided ${bytes.length} bytes.`,
      );
    }
    fill(bytes);
    return array;
  }

  randomUUID() {
    Crypto.#check(this);
    return uuid();
  }

  /** Not of the standard: https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors */
  get DigestStream() {
    return DigestStream;
  }
}

defineInterface(Crypto);

export const crypto = new Crypto(MAKE);
