/** Structural equality as `assert.deepEqual` (loose) and `assert.deepStrictEqual` know it. */
import types from "./kinds.js";

/** How closely two values must match. */
export const LOOSE = "loose";
export const STRICT = "strict";
/** As strict, but the first value may have more than the second. */
export const PARTIAL = "partial";

const enumerableSymbols = (object) =>
  Object.getOwnPropertySymbols(object).filter((key) => Object.prototype.propertyIsEnumerable.call(object, key));

const isIndex = (key) => /^(0|[1-9]\d*)$/.test(key);
const bytesOf = (value) =>
  ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);

function sameBytes(first, second) {
  if (first.length !== second.length) return false;
  for (let index = 0; index < first.length; index++) if (first[index] !== second[index]) return false;
  return true;
}

class Comparison {
  /** Pairs under comparison further up: meeting one again means a cycle, which matches by itself. */
  #open = new Map();

  constructor(mode) {
    this.mode = mode;
    this.loose = mode === LOOSE;
    this.partial = mode === PARTIAL;
  }

  equal(first, second) {
    if (first === second) return first !== 0 || this.loose || Object.is(first, second);
    if (this.loose) {
      const firstIsObject = typeof first === "object" && first !== null;
      const secondIsObject = typeof second === "object" && second !== null;
      if (!firstIsObject || !secondIsObject) {
        if (firstIsObject || secondIsObject || typeof first === "function" || typeof second === "function") return false;
        return first == second || (Number.isNaN(first) && Number.isNaN(second));
      }
    } else {
      if (typeof first !== "object") return typeof first === "number" && Number.isNaN(first) && Number.isNaN(second);
      if (typeof second !== "object" || first === null || second === null) return false;
      if (!this.partial && Object.getPrototypeOf(first) !== Object.getPrototypeOf(second)) return false;
    }
    return this.#sameKind(first, second) && this.#cycleOrContents(first, second);
  }

  #sameKind(first, second) {
    const tag = (value) => Object.prototype.toString.call(value);
    if (tag(first) !== tag(second)) return false;
    if (Array.isArray(first) !== Array.isArray(second)) return false;
    for (const is of [types.isDate, types.isRegExp, types.isMap, types.isSet, types.isNativeError, types.isBoxedPrimitive, types.isAnyArrayBuffer, ArrayBuffer.isView, types.isWeakMap, types.isWeakSet, types.isPromise]) {
      if (is(first) !== is(second)) return false;
    }
    if (Array.isArray(first)) return this.partial ? first.length >= second.length : first.length === second.length;
    if (types.isDate(first)) return Object.is(Date.prototype.getTime.call(first), Date.prototype.getTime.call(second));
    if (types.isRegExp(first)) {
      return first.source === second.source && first.flags === second.flags && first.lastIndex === second.lastIndex;
    }
    if (types.isNativeError(first) || first instanceof Error) {
      return first.message === second.message && first.name === second.name && this.#errorDetails(first, second);
    }
    if (types.isBoxedPrimitive(first)) return Object.is(first.valueOf(), second.valueOf());
    if (types.isWeakMap(first) || types.isWeakSet(first) || types.isPromise(first)) return false;
    if (types.isMap(first) || types.isSet(first)) return this.partial ? first.size >= second.size : first.size === second.size;
    if (ArrayBuffer.isView(first)) return this.#sameView(first, second);
    if (types.isAnyArrayBuffer(first)) return sameBytes(bytesOf(first), bytesOf(second));
    return true;
  }

  #errorDetails(first, second) {
    for (const key of ["cause", "errors"]) {
      const has = Object.hasOwn(second, key);
      if (Object.hasOwn(first, key) !== has && !(this.partial && !has)) return false;
      if (has && !this.equal(first[key], second[key])) return false;
    }
    return true;
  }

  #sameView(first, second) {
    if (/^Float/.test(first[Symbol.toStringTag] ?? "") && first.length === second.length) {
      return first.every((value, index) => (this.loose ? value === second[index] : Object.is(value, second[index])));
    }
    return sameBytes(bytesOf(first), bytesOf(second));
  }

  #cycleOrContents(first, second) {
    const partners = this.#open.get(first);
    if (partners?.has(second)) return true;
    const set = partners ?? new Set();
    set.add(second);
    this.#open.set(first, set);
    try {
      return this.#sameContents(first, second);
    } finally {
      set.delete(second);
    }
  }

  #sameContents(first, second) {
    const bytes = ArrayBuffer.isView(first) && !types.isDataView(first);
    const keysOf = (value) => (bytes ? Object.keys(value).filter((key) => !isIndex(key)) : Object.keys(value));
    const keys = keysOf(second);
    if (!this.partial && keysOf(first).length !== keys.length) return false;
    for (const key of keys) if (!Object.hasOwn(first, key)) return false;
    if (!this.loose) {
      const symbols = enumerableSymbols(second);
      if (!this.partial && enumerableSymbols(first).length !== symbols.length) return false;
      for (const symbol of symbols) {
        if (!Object.prototype.propertyIsEnumerable.call(first, symbol)) return false;
        keys.push(symbol);
      }
    }
    if (types.isSet(first) && !this.#sameSet(first, second)) return false;
    if (types.isMap(first) && !this.#sameMap(first, second)) return false;
    return keys.every((key) => this.equal(first[key], second[key]));
  }

  /** Every member of `second` must pair with a member of `first` of its own. */
  #sameSet(first, second) {
    const unmatched = new Set();
    for (const member of first) if (!second.has(member)) unmatched.add(member);
    for (const member of second) {
      if (first.has(member)) continue;
      if (!this.loose && (typeof member !== "object" || member === null)) return false;
      let found = false;
      for (const candidate of unmatched) {
        if (!this.equal(candidate, member)) continue;
        unmatched.delete(candidate);
        found = true;
        break;
      }
      if (!found) return false;
    }
    return true;
  }

  #sameMap(first, second) {
    const unmatched = new Set();
    for (const key of first.keys()) if (!second.has(key)) unmatched.add(key);
    for (const [key, value] of second) {
      if (first.has(key)) {
        if (!this.equal(first.get(key), value)) return false;
        continue;
      }
      if (!this.loose && (typeof key !== "object" || key === null)) return false;
      let found = false;
      for (const candidate of unmatched) {
        if (!this.equal(candidate, key) || !this.equal(first.get(candidate), value)) continue;
        unmatched.delete(candidate);
        found = true;
        break;
      }
      if (!found) return false;
    }
    return true;
  }
}

/** @param {typeof LOOSE | typeof STRICT | typeof PARTIAL} mode */
export function deepEqual(first, second, mode) {
  return new Comparison(mode).equal(first, second);
}
