// CryptoKey, https://w3c.github.io/webcrypto/#cryptokey-interface

import { defineInterface, illegal, illegalConstructor } from "../webidl.js";

/**
 * What a key is, out of its user's reach.
 * @typedef {object} KeyState
 * @property {"secret" | "public" | "private"} type
 * @property {boolean} extractable
 * @property {{ name: string, hash?: string, length?: number, namedCurve?: string }} algorithm
 * @property {string[]} usages in the order of `USAGES`
 * @property {Uint8Array | object} material the bytes of a secret key, or a native key
 */

/** Every usage, in the order in which keys list them. */
export const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

const MAKE = Symbol();
let stateOf;

export class CryptoKey {
  /** @type {KeyState} */
  #state;
  #algorithm;
  #usages;

  constructor(guard, state) {
    if (guard !== MAKE) throw illegalConstructor();
    this.#state = state;
  }

  static {
    stateOf = (value) => (typeof value === "object" && value !== null && #state in value ? value.#state : undefined);
  }

  static #of(key) {
    const state = stateOf(key);
    if (state === undefined) throw illegal();
    return state;
  }

  get type() {
    return CryptoKey.#of(this).type;
  }

  get extractable() {
    return CryptoKey.#of(this).extractable;
  }

  // The same object each time; users may write to it, so what counts is in the state.
  get algorithm() {
    const { algorithm } = CryptoKey.#of(this);
    return (this.#algorithm ??= describe(algorithm));
  }

  get usages() {
    const { usages } = CryptoKey.#of(this);
    return (this.#usages ??= [...usages]);
  }
}

defineInterface(CryptoKey);

/** An algorithm as users see it: with the hash as an object, and bytes of its own. */
function describe(algorithm) {
  const shown = { ...algorithm };
  if (shown.hash !== undefined) shown.hash = { name: shown.hash };
  if (shown.publicExponent !== undefined) shown.publicExponent = shown.publicExponent.slice();
  return shown;
}

/**
 * @param {KeyState} state
 * @returns {CryptoKey}
 */
export function makeKey({ type, extractable, algorithm, usages, material }) {
  const ordered = USAGES.filter((usage) => usages.includes(usage));
  return new CryptoKey(MAKE, { type, extractable, algorithm, usages: ordered, material });
}

/** @returns {KeyState | undefined} undefined for anything that is no key */
export const keyState = (value) => stateOf(value);
