/**
 * Headers as the Fetch standard has them (https://fetch.spec.whatwg.org/#headers-class), with the Workers differences:
 * any text is allowed in a value (it travels as UTF-8), and no name is forbidden.
 *
 * The class is the engine's own kind of object (`src/native/headers.rs`). Headers travel as one text, names and values with
 * line feeds between them, so headers that are only passed on are never looked into.
 */
import * as native from "atoll:native/headers";
import { registerCloneable } from "./structured_clone.js";
import { defineInterface, illegal, requireArguments } from "./webidl.js";

export const { Headers, isHeaders } = native;

const { append } = Headers.prototype;
const { apply } = Reflect;

/** What iterating over headers shows. */
const sorted = (headers) => native.sorted(headers) ?? native.keepSorted(headers, sortAndCombine(native.list(headers)));

const iteration = {
  forEach(callback, thisArg = undefined) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'forEach' on 'Headers'", "function");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'forEach' on 'Headers': parameter 1 is not of type 'function'.");
    }
    for (let i = 0; ; i++) {
      const pair = sorted(this)[i];
      if (pair === undefined) return;
      callback.call(thisArg, pair[1], pair[0], this);
    }
  },
  keys() { return new HeadersIterator(this, 0); },
  values() { return new HeadersIterator(this, 1); },
  entries() { return new HeadersIterator(this, 2); },
};
Object.defineProperties(Headers.prototype, {
  ...Object.getOwnPropertyDescriptors(iteration),
  [Symbol.iterator]: { value: iteration.entries, writable: true, enumerable: false, configurable: true },
});
defineInterface(Headers);

/** https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine */
function sortAndCombine(list) {
  const combined = new Map();
  const cookies = [];
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    const value = list[i + 1];
    if (name === "set-cookie") cookies.push([name, value]);
    else if (combined.has(name)) combined.set(name, `${combined.get(name)}, ${value}`);
    else combined.set(name, value);
  }
  const pairs = [...combined, ...cookies];
  // The sort is stable, so cookies keep their order.
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

class HeadersIterator {
  #headers;
  #kind;
  #index = 0;
  constructor(headers, kind) {
    if (!isHeaders(headers)) throw illegal();
    this.#headers = headers;
    this.#kind = kind;
  }
  next() {
    // Changes made while iterating show, as the standard asks.
    const pairs = sorted(this.#headers);
    if (this.#index >= pairs.length) return { value: undefined, done: true };
    const pair = pairs[this.#index++];
    return { value: this.#kind === 2 ? [...pair] : pair[this.#kind], done: false };
  }
}
Object.setPrototypeOf(HeadersIterator.prototype, IteratorPrototype);
delete HeadersIterator.prototype.constructor;
defineInterface(HeadersIterator, { name: "Headers Iterator" });

/** `fromWire(text, isImmutable)`: headers out of their wire text. */
export const headersFromWire = native.fromWire;
/** The wire text of headers. */
export const headersToWire = native.toWire;
/** `copy(headers, keepGuard)`: a copy; `keepGuard` says whether immutable headers give an immutable one. */
export const copyHeaders = native.copy;
export const freezeHeaders = (headers) => (native.freeze(headers), headers);
/** `setDefault(headers, name, value)`: adds a header that is not there yet, whatever the guard; both must be valid. */
export const setDefaultHeader = native.setDefault;

registerCloneable(Headers, {
  name: "Headers",
  write: native.list,
  read(list) {
    const headers = new Headers();
    for (let i = 0; i < list.length; i += 2) apply(append, headers, [list[i], list[i + 1]]);
    return headers;
  },
});
