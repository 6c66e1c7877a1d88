// What the algorithms ask of their parameters, and what they say when they do not get it.

import { utf8Decode, utf8Encode } from "atoll:native/crypto";
import { bufferSource, toInteger } from "../webidl.js";
import { keyState } from "./key.js";

/** A DOMException to throw. */
export const failure = (name, message) => new DOMException(message, name);

const DIGESTS = new Map(["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"].map((name) => [name, name]));

/** The hash that an AlgorithmIdentifier names. */
export function hashName(identifier) {
  const name = identifierName(identifier).toUpperCase();
  const hash = DIGESTS.get(name);
  if (hash === undefined) {
    throw failure("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
  }
  return hash;
}

/** The `name` of an AlgorithmIdentifier: a string, or a dictionary that must have one. */
export function identifierName(identifier) {
  if (typeof identifier !== "object" && typeof identifier !== "function") return String(identifier);
  const name = identifier?.name;
  if (name === undefined) throw new TypeError('Missing field "name" in "algorithm".');
  return String(name);
}

/** Reads members of an algorithm's dictionary. */
export class Members {
  #from;
  #what;

  /** @param {string} [what] the dictionary's name in messages */
  constructor(from, what = "algorithm") {
    this.#from = typeof from === "object" || typeof from === "function" ? from : {};
    this.#what = what;
  }

  #required(member) {
    const value = this.#from[member];
    if (value === undefined) throw new TypeError(`Missing field "${member}" in "${this.#what}".`);
    return value;
  }

  #incorrect(member, type) {
    return new TypeError(
      `Incorrect type for the '${member}' field on 'Algorithm': the provided value is not of type '${type}'.`,
    );
  }

  /** A copy, for a later getter could write to the bytes. */
  #copy(member, value) {
    const bytes = bufferSource(value);
    if (bytes === undefined) throw this.#incorrect(member, "BufferSource");
    return bytes.slice();
  }

  bytes(member) {
    return this.#copy(member, this.#required(member));
  }

  optionalBytes(member) {
    const value = this.#from[member];
    return value === undefined ? undefined : this.#copy(member, value);
  }

  /** A BigInteger: unlike other bytes, only a Uint8Array will do. */
  bigInteger(member) {
    const value = this.#required(member);
    if (!(value instanceof Uint8Array)) throw this.#incorrect(member, "Uint8Array");
    return value.slice();
  }

  integer(member, bits) {
    return toInteger(this.#required(member), bits, { enforceRange: true });
  }

  optionalInteger(member, bits) {
    const value = this.#from[member];
    return value === undefined ? undefined : toInteger(value, bits, { enforceRange: true });
  }

  string(member) {
    return String(this.#required(member));
  }

  hash() {
    return hashName(this.#required("hash"));
  }

  key(member) {
    const value = this.#required(member);
    const state = keyState(value);
    if (state === undefined) throw this.#incorrect(member, "CryptoKey");
    return state;
  }
}

/** Throws unless every usage is one that such a key can have. */
export function checkUsages(usages, allowed, action, name) {
  for (const usage of usages) {
    if (!allowed.includes(usage)) {
      throw failure("SyntaxError", `Attempt to ${action} ${name} key with invalid usage "${usage}".`);
    }
  }
}

/** Throws when nobody could use a secret or private key. */
export function checkSomeUsage({ type, usages }) {
  if (type !== "public" && usages.length === 0) {
    throw failure("SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
  }
}

export const unsupportedFormat = (format) =>
  failure("NotSupportedError", `Unrecognized key import format "${format}".`);

/** The text of what could not be decrypted. */
export const undecryptable = (name, inputBytes, outputBytes) =>
  failure(
    "OperationError",
    "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect CryptoKey, " +
      `or another algorithm-specific reason. Input length was ${inputBytes}, output length expected to be ` +
      `${outputBytes} for ${name}`,
  );

/** The first `bits` of some bytes; what is left of the last byte is zero. */
export function firstBits(buffer, bits) {
  const bytes = new Uint8Array(buffer, 0, Math.ceil(bits / 8)).slice();
  if (bits % 8 !== 0) bytes[bytes.length - 1] &= 0xff << (8 - (bits % 8));
  return bytes.buffer;
}

export const toUtf8 = (text) => new Uint8Array(utf8Encode(text.toWellFormed()));
export const fromUtf8 = (bytes) => utf8Decode(bytes);
