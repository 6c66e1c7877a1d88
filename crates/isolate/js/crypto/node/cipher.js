// createCipheriv and createDecipheriv, https://nodejs.org/api/crypto.html#class-cipheriv

import { cipherAdditionalData, cipherFinish, cipherStart, cipherUpdate } from "atoll:native/crypto";
import { Buffer } from "../../node/buffer.js";
import { invalidArgType, NodeError, NodeRangeError, NodeTypeError } from "../../node_support/errors.js";
import { validateString } from "../../node_support/validators.js";
import { bufferSource } from "../../webidl.js";
import { secretBytes } from "./keys.js";
import { addTransform, START } from "./lazy_transform.js";
import { bytesOf, output, viewBytes } from "./support.js";

const NO_BYTES = new Uint8Array();
const TAG_BYTES = [4, 8, 12, 13, 14, 15, 16];

/** Every cipher by name. */
const CIPHERS = new Map(
  [128, 192, 256].flatMap((bits) =>
    ["cbc", "ctr", "ecb", "gcm"].map((mode) => [
      `aes-${bits}-${mode}`,
      { mode, keyBytes: bits / 8, ivBytes: { cbc: 16, ctr: 16, ecb: 0, gcm: 12 }[mode] },
    ]),
  ),
);

function findCipher(name) {
  const lower = name.toLowerCase().replace(/^id-aes(\d+)-gcm$/, "aes-$1-gcm").replace(/^aes(\d+)$/, "aes-$1-cbc");
  const cipher = CIPHERS.get(lower);
  return cipher === undefined ? undefined : { name: lower, ...cipher };
}

const badState = (action) => new NodeError("ERR_CRYPTO_INVALID_STATE", `Invalid state for operation ${action}`);

class Cipher {
  #state;
  #mode;
  #encrypts;
  #options;
  #padding = true;
  #tag;
  #tagBytes;
  #bytes = 0;
  #done = false;

  constructor(encrypts, name, key, iv, options) {
    validateString(name, "cipher");
    const cipher = findCipher(name);
    if (cipher === undefined) throw new NodeError("ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher");
    const keyBytes = secretBytes(key, "key", options?.encoding);
    if (keyBytes.length !== cipher.keyBytes) {
      throw new NodeRangeError("ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
    }
    const ivBytes = iv === null ? NO_BYTES : bytesOf(iv, "iv");
    this.#encrypts = encrypts;
    this.#mode = cipher.mode;
    this.#options = options;
    if (options?.authTagLength !== undefined) {
      if (!TAG_BYTES.includes(options.authTagLength)) {
        throw new NodeTypeError(
          "ERR_CRYPTO_INVALID_AUTH_TAG",
          `Invalid authentication tag length: ${options.authTagLength}`,
        );
      }
      this.#tagBytes = options.authTagLength;
    }
    this.#state = cipherStart(cipher.mode, encrypts, keyBytes, ivBytes);
    if (this.#state === undefined) {
      throw new NodeTypeError("ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
    }
  }

  update(data, inputEncoding, outputEncoding) {
    if (this.#done) throw new Error("Trying to add data in unsupported state");
    const bytes = viewBytes(data, "data", inputEncoding);
    this.#bytes += bytes.length;
    return output(cipherUpdate(this.#state, bytes), outputEncoding);
  }

  final(outputEncoding) {
    if (this.#done) throw badState("final");
    this.#done = true;
    const end = cipherFinish(this.#state, this.#padding, this.#tag ?? NO_BYTES);
    if (end === undefined) throw this.#failure();
    if (end.tag !== undefined) this.#tag = new Uint8Array(end.tag, 0, this.#tagBytes ?? 16);
    return output(end.rest, outputEncoding);
  }

  #failure() {
    if (this.#mode === "gcm") return new Error("Unsupported state or unable to authenticate data");
    if (this.#encrypts || this.#bytes === 0 || this.#bytes % 16 !== 0) {
      return new NodeError(
        "ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH",
        "error:1C80006B:Provider routines::wrong final block length",
      );
    }
    return new NodeError("ERR_OSSL_BAD_DECRYPT", "error:1C800064:Provider routines::bad decrypt");
  }

  setAutoPadding(padding = true) {
    if (this.#done) throw badState("setAutoPadding");
    this.#padding = Boolean(padding);
    return this;
  }

  setAAD(data, options) {
    if (this.#mode !== "gcm" || this.#done) throw badState("setAAD");
    if (!cipherAdditionalData(this.#state, bytesOf(data, "buffer", options?.encoding))) throw badState("setAAD");
    return this;
  }

  getAuthTag() {
    if (this.#mode !== "gcm" || !this.#encrypts || !this.#done) throw badState("getAuthTag");
    return Buffer.from(this.#tag);
  }

  setAuthTag(tag, encoding) {
    if (this.#mode !== "gcm" || this.#encrypts || this.#done || this.#tag !== undefined) throw badState("setAuthTag");
    const bytes = bytesOf(tag, "buffer", encoding);
    const expected = this.#tagBytes === undefined ? TAG_BYTES.includes(bytes.length) : bytes.length === this.#tagBytes;
    if (!expected) {
      throw new NodeTypeError("ERR_CRYPTO_INVALID_AUTH_TAG", `Invalid authentication tag length: ${bytes.length}`);
    }
    this.#tag = bytes.slice();
    return this;
  }

  [START]() {
    return {
      options: this.#options,
      transform: (chunk, encoding, callback) => {
        let result;
        try {
          result = this.update(chunk, encoding);
        } catch (error) {
          callback(error);
          return;
        }
        callback(null, result);
      },
      flush: (callback) => {
        let rest;
        try {
          rest = this.final();
        } catch (error) {
          callback(error);
          return;
        }
        callback(null, rest);
      },
    };
  }
}
addTransform(Cipher);

export class Cipheriv extends Cipher {
  constructor(name, key, iv, options) {
    super(true, name, key, iv, options);
  }

  setAuthTag() {
    throw badState("setAuthTag");
  }
}

export class Decipheriv extends Cipher {
  constructor(name, key, iv, options) {
    super(false, name, key, iv, options);
  }
}

export const createCipheriv = (name, key, iv, options) => new Cipheriv(name, key, iv, options);
export const createDecipheriv = (name, key, iv, options) => new Decipheriv(name, key, iv, options);
export const getCiphers = () => [...CIPHERS.keys()];

export function getCipherInfo(name, { keyLength, ivLength } = {}) {
  if (typeof name !== "string") throw invalidArgType("nameOrNid", ["string", "number"], name);
  const cipher = findCipher(name);
  if (cipher === undefined) return undefined;
  if (keyLength !== undefined && keyLength !== cipher.keyBytes) return undefined;
  if (ivLength !== undefined && (cipher.mode === "gcm" ? ivLength < 1 : ivLength !== cipher.ivBytes)) return undefined;
  const info = { mode: cipher.mode, name: cipher.name, keyLength: cipher.keyBytes };
  if (cipher.mode === "cbc" || cipher.mode === "ecb") info.blockSize = 16;
  if (cipher.mode !== "ecb") info.ivLength = ivLength ?? cipher.ivBytes;
  return info;
}
