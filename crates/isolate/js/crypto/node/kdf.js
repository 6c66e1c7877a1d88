// Keys from passwords and other keys, https://nodejs.org/api/crypto.html#cryptopbkdf2password-salt-iterations-keylen-digest-callback

import { hkdf as nativeHkdf, pbkdf2 as nativePbkdf2, scrypt as nativeScrypt } from "atoll:native/crypto";
import { NodeRangeError } from "../../node_support/errors.js";
import { validateFunction, validateInteger, validateString, validateUint32 } from "../../node_support/validators.js";
import { secretBytes } from "./keys.js";
import { bytesOf, later, output, requiredHash } from "./support.js";

const MAX_KEY_BYTES = 2 ** 31 - 1;
const DEFAULT_SCRYPT_MEMORY = 32 * 1024 * 1024;

function pbkdf2Work(password, salt, iterations, keyLength, digest) {
  validateString(digest, "digest");
  const passwordBytes = bytesOf(password, "password");
  const saltBytes = bytesOf(salt, "salt");
  validateInteger(iterations, "iterations", 1, MAX_KEY_BYTES);
  validateInteger(keyLength, "keylen", 0, MAX_KEY_BYTES);
  const hash = requiredHash(digest);
  return () => output(nativePbkdf2(hash, passwordBytes, saltBytes, iterations, keyLength));
}

export function pbkdf2Sync(password, salt, iterations, keyLength, digest) {
  return pbkdf2Work(password, salt, iterations, keyLength, digest)();
}

export function pbkdf2(password, salt, iterations, keyLength, digest, callback) {
  if (typeof digest === "function") [digest, callback] = [undefined, digest];
  const work = pbkdf2Work(password, salt, iterations, keyLength, digest);
  validateFunction(callback, "callback");
  later(callback, work);
}

function scryptOptions(options = {}) {
  const pick = (name, alias, fallback) => {
    const value = options[name] ?? options[alias];
    if (value === undefined) return fallback;
    validateUint32(value, name);
    return value;
  };
  const cost = pick("N", "cost", 16384);
  const blockSize = pick("r", "blockSize", 8);
  const parallelization = pick("p", "parallelization", 1);
  const memory = options.maxmem ?? DEFAULT_SCRYPT_MEMORY;
  validateInteger(memory, "maxmem", 0);
  return { cost, blockSize, parallelization, memory };
}

function scryptWork(password, salt, keyLength, options) {
  const passwordBytes = bytesOf(password, "password");
  const saltBytes = bytesOf(salt, "salt");
  validateInteger(keyLength, "keylen", 0, MAX_KEY_BYTES);
  const { cost, blockSize, parallelization, memory } = scryptOptions(options);
  const logCost = Math.log2(cost);
  if (!Number.isInteger(logCost) || logCost < 1) {
    throw new NodeRangeError("ERR_CRYPTO_INVALID_SCRYPT_PARAMS", "Invalid scrypt params");
  }
  if (128 * blockSize * (cost + parallelization) > memory) {
    throw new NodeRangeError("ERR_CRYPTO_INVALID_SCRYPT_PARAMS", "Invalid scrypt params: memory limit exceeded");
  }
  return () => {
    if (keyLength === 0) return output(new ArrayBuffer());
    const derived = nativeScrypt(passwordBytes, saltBytes, logCost, blockSize, parallelization, keyLength);
    if (derived === undefined) {
      throw new NodeRangeError("ERR_CRYPTO_INVALID_SCRYPT_PARAMS", "Invalid scrypt params");
    }
    return output(derived);
  };
}

export const scryptSync = (password, salt, keyLength, options) => scryptWork(password, salt, keyLength, options)();

export function scrypt(password, salt, keyLength, options, callback) {
  if (typeof options === "function") [options, callback] = [undefined, options];
  const work = scryptWork(password, salt, keyLength, options);
  validateFunction(callback, "callback");
  later(callback, work);
}

function hkdfWork(digest, key, salt, info, length) {
  validateString(digest, "digest");
  const keyBytes = secretBytes(key, "ikm");
  const saltBytes = bytesOf(salt, "salt");
  const infoBytes = bytesOf(info, "info");
  validateInteger(length, "length", 0, MAX_KEY_BYTES);
  if (infoBytes.length > 1024) {
    throw new NodeRangeError(
      "ERR_OUT_OF_RANGE",
      `The value of "info" is out of range. It must be must not contain more than 1024 bytes. Received ${infoBytes.length}`,
    );
  }
  const hash = requiredHash(digest);
  return () => {
    const derived = nativeHkdf(hash, keyBytes, saltBytes, infoBytes, length);
    if (derived === undefined) throw new NodeRangeError("ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
    return derived;
  };
}

export const hkdfSync = (digest, key, salt, info, length) => hkdfWork(digest, key, salt, info, length)();

export function hkdf(digest, key, salt, info, length, callback) {
  const work = hkdfWork(digest, key, salt, info, length);
  validateFunction(callback, "callback");
  later(callback, work);
}
