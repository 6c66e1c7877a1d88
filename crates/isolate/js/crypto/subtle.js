// SubtleCrypto, https://w3c.github.io/webcrypto/#subtlecrypto-interface
//
// An operation is done when its method returns, so nothing that a caller does later can reach its input. What an
// algorithm can do is in its own file: for each operation how to read its parameters, and how to do it.

import { digest, timingSafeEqual } from "atoll:native/crypto";
import { bufferSource, defineInterface, illegal, illegalConstructor, toInteger } from "../webidl.js";
import { aes } from "./aes.js";
import { curve25519 } from "./curve25519.js";
import { ec } from "./ec.js";
import { hmac } from "./hmac.js";
import { toJsonWebKey } from "./jwk.js";
import { kdf } from "./kdf.js";
import { keyState } from "./key.js";
import { checkSomeUsage, failure, fromUtf8, hashName, identifierName, toUtf8 } from "./params.js";
import { rsa } from "./rsa.js";

const ALGORITHMS = new Map(
  Object.entries({ ...aes, ...hmac, ...kdf, ...rsa, ...ec, ...curve25519 }).map(([name, operations]) => [
    name.toUpperCase(),
    { name, operations },
  ]),
);

const UNSUPPORTED = {
  generateKey: (name) => `Unrecognized key generation algorithm "${name}" requested.`,
  importKey: (name) => `Unrecognized key import algorithm "${name}" requested.`,
  getKeyLength: (name) => `Unrecognized derived key type "${name}" requested.`,
};

/** https://w3c.github.io/webcrypto/#algorithm-normalization-normalize-an-algorithm */
function normalize(operation, identifier) {
  const requested = identifierName(identifier);
  const { name, operations } = ALGORITHMS.get(requested.toUpperCase()) ?? {};
  const found = operations?.[operation];
  if (found === undefined) {
    const text = UNSUPPORTED[operation]?.(requested);
    throw failure(
      "NotSupportedError",
      text ?? `The ${operation} operation is not implemented for "${requested}".`,
    );
  }
  const [convert, run] = found;
  return { name, params: convert(identifier), run };
}

/** For wrapping, algorithms that have no operation of their own encrypt. */
function normalizeWrap(operation, fallback, identifier) {
  const { operations } = ALGORITHMS.get(identifierName(identifier).toUpperCase()) ?? {};
  return normalize(operations?.[operation] === undefined ? fallback : operation, identifier);
}

function checkKey(name, key, usage) {
  if (key.algorithm.name !== name) {
    throw failure(
      "InvalidAccessError",
      `Requested algorithm "${name}" does not match this CryptoKey's algorithm "${key.algorithm.name}".`,
    );
  }
  if (!key.usages.includes(usage)) {
    throw failure(
      "InvalidAccessError",
      `Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`,
    );
  }
}

/** What the arguments of one call must be. */
class Arguments {
  #method;

  constructor(method) {
    this.#method = method;
  }

  incorrect(position, type) {
    return new TypeError(
      `Failed to execute '${this.#method}' on 'SubtleCrypto': parameter ${position} is not of type '${type}'.`,
    );
  }

  algorithm(value, position, type) {
    if (value === undefined || value === null) throw this.incorrect(position, `string or ${type}`);
    return typeof value === "object" || typeof value === "function" ? value : String(value);
  }

  key(value, position) {
    const state = keyState(value);
    if (state === undefined) throw this.incorrect(position, "CryptoKey");
    return state;
  }

  bytes(value, position) {
    const bytes = bufferSource(value);
    if (bytes === undefined) throw this.incorrect(position, "BufferSource");
    return bytes;
  }

  usages(value, position) {
    if (typeof value !== "object" || value === null || typeof value[Symbol.iterator] !== "function") {
      throw this.incorrect(position, "Array");
    }
    return Array.from(value, String);
  }

  format(value, position) {
    if (value === undefined) throw this.incorrect(position, "string");
    return String(value);
  }

  /** Bytes of a buffer that was checked before; a getter of the algorithm may have detached it since. */
  current(value) {
    const buffer = value instanceof ArrayBuffer ? value : value.buffer;
    return buffer.detached ? new Uint8Array() : bufferSource(value);
  }
}

const MAKE = Symbol();

/** Imports a key whose data has the type that the format asks for. */
function importKey(format, data, { name, params, run }, extractable, usages) {
  let keyData;
  if (format === "jwk") {
    if (typeof data !== "object" || data === null || bufferSource(data) !== undefined) {
      throw new TypeError('Import data provided for "jwk" import format must be a JsonWebKey.');
    }
    keyData = toJsonWebKey(data);
    if (keyData.kty === undefined) {
      throw failure("DataError", `${name} "jwk" key import requires a JSON Web Key with Key Type parameter "kty".`);
    }
  } else {
    if (!["raw", "pkcs8", "spki"].includes(format)) {
      throw failure("NotSupportedError", `Unrecognized key import format "${format}".`);
    }
    keyData = bufferSource(data);
    if (keyData === undefined) {
      throw new TypeError("Import data provided for buffer-based import formats must be a buffer source.");
    }
  }
  const key = run(format, keyData, params, extractable, usages);
  checkSomeUsage(keyState(key));
  return key;
}

function exportKey(format, key) {
  const { exportKey: run } = ALGORITHMS.get(key.algorithm.name.toUpperCase()).operations;
  if (run === undefined) {
    throw failure("NotSupportedError", `Unrecognized key export algorithm "${key.algorithm.name}" requested.`);
  }
  if (!key.extractable) {
    throw failure("InvalidAccessError", `Attempt to export non-extractable ${key.algorithm.name} key.`);
  }
  return run(format, key);
}

export class SubtleCrypto {
  #brand = true;

  constructor(guard) {
    if (guard !== MAKE) throw illegalConstructor();
  }

  static #check(subtle) {
    if (typeof subtle !== "object" || subtle === null || !(#brand in subtle)) throw illegal();
  }

  async encrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const given = new Arguments("encrypt");
    algorithm = given.algorithm(algorithm, 1, "EncryptAlgorithm");
    key = given.key(key, 2);
    given.bytes(data, 3);
    const { name, params, run } = normalize("encrypt", algorithm);
    checkKey(name, key, "encrypt");
    return run(params, key, given.current(data));
  }

  async decrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const given = new Arguments("decrypt");
    algorithm = given.algorithm(algorithm, 1, "EncryptAlgorithm");
    key = given.key(key, 2);
    given.bytes(data, 3);
    const { name, params, run } = normalize("decrypt", algorithm);
    checkKey(name, key, "decrypt");
    return run(params, key, given.current(data));
  }

  async sign(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const given = new Arguments("sign");
    algorithm = given.algorithm(algorithm, 1, "SignAlgorithm");
    key = given.key(key, 2);
    given.bytes(data, 3);
    const { name, params, run } = normalize("sign", algorithm);
    checkKey(name, key, "sign");
    return run(params, key, given.current(data));
  }

  async verify(algorithm, key, signature, data) {
    SubtleCrypto.#check(this);
    const given = new Arguments("verify");
    algorithm = given.algorithm(algorithm, 1, "SignAlgorithm");
    key = given.key(key, 2);
    given.bytes(signature, 3);
    given.bytes(data, 4);
    const { name, params, run } = normalize("verify", algorithm);
    checkKey(name, key, "verify");
    return run(params, key, given.current(signature), given.current(data));
  }

  async digest(algorithm, data) {
    SubtleCrypto.#check(this);
    const given = new Arguments("digest");
    algorithm = given.algorithm(algorithm, 1, "HashAlgorithm");
    given.bytes(data, 2);
    const hash = hashName(algorithm);
    return digest(hash, given.current(data));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const given = new Arguments("generateKey");
    algorithm = given.algorithm(algorithm, 1, "GenerateKeyAlgorithm");
    if (arguments.length < 2) throw given.incorrect(2, "boolean");
    const usages = given.usages(keyUsages, 3);
    const { params, run } = normalize("generateKey", algorithm);
    const generated = run(params, Boolean(extractable), usages);
    checkSomeUsage(keyState(generated) ?? keyState(generated.privateKey));
    return generated;
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const given = new Arguments("deriveKey");
    algorithm = given.algorithm(algorithm, 1, "DeriveKeyAlgorithm");
    const key = given.key(baseKey, 2);
    derivedKeyType = given.algorithm(derivedKeyType, 3, "ImportKeyAlgorithm");
    const usages = given.usages(keyUsages, 5);
    const derivation = normalize("deriveBits", algorithm);
    const imported = normalize("importKey", derivedKeyType);
    const length = normalize("getKeyLength", derivedKeyType);
    checkKey(derivation.name, key, "deriveKey");
    const secret = derivation.run(derivation.params, key, length.run(length.params));
    return importKey("raw", secret, imported, Boolean(extractable), usages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    SubtleCrypto.#check(this);
    const given = new Arguments("deriveBits");
    algorithm = given.algorithm(algorithm, 1, "DeriveKeyAlgorithm");
    const key = given.key(baseKey, 2);
    const bits = length === null ? null : toInteger(length, 32);
    const { name, params, run } = normalize("deriveBits", algorithm);
    checkKey(name, key, "deriveBits");
    return run(params, key, bits);
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const given = new Arguments("importKey");
    format = given.format(format, 1);
    if (typeof keyData !== "object" || keyData === null) throw given.incorrect(2, "BufferSource or JsonWebKey");
    algorithm = given.algorithm(algorithm, 3, "ImportKeyAlgorithm");
    const usages = given.usages(keyUsages, 5);
    const normalized = normalize("importKey", algorithm);
    return importKey(format, keyData, normalized, Boolean(extractable), usages);
  }

  async exportKey(format, key) {
    SubtleCrypto.#check(this);
    const given = new Arguments("exportKey");
    return exportKey(given.format(format, 1), given.key(key, 2));
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    SubtleCrypto.#check(this);
    const given = new Arguments("wrapKey");
    format = given.format(format, 1);
    key = given.key(key, 2);
    wrappingKey = given.key(wrappingKey, 3);
    wrapAlgorithm = given.algorithm(wrapAlgorithm, 4, "EncryptAlgorithm");
    const { name, params, run } = normalizeWrap("wrapKey", "encrypt", wrapAlgorithm);
    checkKey(name, wrappingKey, "wrapKey");
    const exported = exportKey(format, key);
    const bytes = format === "jwk" ? toUtf8(JSON.stringify(exported)) : new Uint8Array(exported);
    return run(params, wrappingKey, bytes);
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const given = new Arguments("unwrapKey");
    format = given.format(format, 1);
    given.bytes(wrappedKey, 2);
    unwrappingKey = given.key(unwrappingKey, 3);
    unwrapAlgorithm = given.algorithm(unwrapAlgorithm, 4, "EncryptAlgorithm");
    unwrappedKeyAlgorithm = given.algorithm(unwrappedKeyAlgorithm, 5, "ImportKeyAlgorithm");
    const usages = given.usages(keyUsages, 7);
    const { name, params, run } = normalizeWrap("unwrapKey", "decrypt", unwrapAlgorithm);
    const imported = normalize("importKey", unwrappedKeyAlgorithm);
    checkKey(name, unwrappingKey, "unwrapKey");
    const bytes = run(params, unwrappingKey, given.current(wrappedKey));
    return importKey(format, format === "jwk" ? parseJwk(bytes) : bytes, imported, Boolean(extractable), usages);
  }

  /** Not of the standard: https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#timingsafeequal */
  timingSafeEqual(a, b) {
    SubtleCrypto.#check(this);
    const given = new Arguments("timingSafeEqual");
    const [first, second] = [given.bytes(a, 1), given.bytes(b, 2)];
    if (first.length !== second.length) throw new TypeError("Input buffers must have the same byte length.");
    return timingSafeEqual(first, second);
  }
}

function parseJwk(buffer) {
  let parsed;
  try {
    parsed = JSON.parse(fromUtf8(new Uint8Array(buffer)));
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null) {
    throw failure("DataError", 'Missing "kty" field or corrupt JSON unwrapping key?');
  }
  return parsed;
}

defineInterface(SubtleCrypto);

export const subtle = new SubtleCrypto(MAKE);
