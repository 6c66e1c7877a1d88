/**
 * Headers as the Fetch standard has them (https://fetch.spec.whatwg.org/#headers-class), with the Workers differences:
 * any text is allowed in a value (it travels as UTF-8), and no name is forbidden.
 *
 * The list is flat, `[name, value, name, value, …]` with lower-case names. Headers travel as one text, the list's items
 * with line feeds between them, so headers that are only passed on are never looked into.
 */
import { registerCloneable } from "./structured_clone.js";
import { decodeUtf8, encodeUtf8 } from "./encoding.js";
import { defineInterface, illegal, requireArguments } from "./webidl.js";

const IMMUTABLE = "Can't modify immutable headers.";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Most values have none of these. */
const NOT_PLAIN = /[^ -~]/;
const BLANK = 0x20;
const FORBIDDEN_IN_VALUE = /[\0\r\n]/;
const OUTER_WHITESPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const NOT_ASCII = /[^\0-\x7f]/;

/** What the host takes in one request or response. */
const MAX_HEADERS = 512;
const MAX_HEADER_BYTES = 8 * 1024 * 1024;
const tooLarge = (size, most) => new TypeError(`Headers are too large: ${size}, and at most ${most} can be sent.`);

/** Spellings seen before, so that the usual names cost one look-up. */
const knownNames = new Map();
const MAX_KNOWN_NAMES = 1024;

function lowerName(name) {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const text = typeof name === "string" ? name : String(name);
  if (!TOKEN.test(text)) throw new TypeError("Invalid header name.");
  const lower = text.toLowerCase();
  if (knownNames.size < MAX_KNOWN_NAMES && text.length <= 64) knownNames.set(text, lower);
  return lower;
}

for (const name of [
  "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
  "Access-Control-Allow-Origin", "Age", "Authorization", "Cache-Control", "CF-Connecting-IP", "CF-Ray", "Connection",
  "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "Cookie", "Date",
  "ETag", "Expires", "Host", "If-Modified-Since", "If-None-Match", "Last-Modified", "Link", "Location", "Origin",
  "Range", "Referer", "Set-Cookie", "Transfer-Encoding", "Upgrade", "User-Agent", "Vary", "X-Forwarded-For",
]) {
  lowerName(name);
  lowerName(name.toLowerCase());
}

/** Whether the value that was normalized last is more than ASCII. */
let wide = false;

function normalizeValue(value) {
  const text = typeof value === "string" ? value : String(value);
  wide = false;
  if (text === "" || (!NOT_PLAIN.test(text) && text.charCodeAt(0) !== BLANK && text.charCodeAt(text.length - 1) !== BLANK)) {
    return text;
  }
  const trimmed = text.replace(OUTER_WHITESPACE, "");
  if (FORBIDDEN_IN_VALUE.test(trimmed)) throw new TypeError("Invalid header value.");
  wide = NOT_ASCII.test(trimmed);
  return trimmed;
}

/** Bytes on the wire are Latin-1 characters; to a Worker they are UTF-8 text. */
function decodeWireValue(value) {
  if (!NOT_ASCII.test(value)) return value;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) bytes[i] = value.charCodeAt(i);
  return decodeUtf8(bytes);
}

function encodeWireValue(value) {
  if (!NOT_ASCII.test(value)) return value;
  return Array.from(encodeUtf8(value), (byte) => String.fromCharCode(byte)).join("");
}

let internals;

export class Headers {
  /** @type {string[]} */
  #list;
  #immutable = false;
  /** The list still holds wire text. */
  #raw = false;
  /** Some value that was set is not ASCII. */
  #wide = false;
  /** What iteration shows, until the next change. */
  #sorted = undefined;

  constructor(init = undefined) {
    this.#list = [];
    if (init !== undefined) this.#fill(init);
  }

  append(name, value) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 2, "'append' on 'Headers'");
    this.#write();
    const lower = lowerName(name);
    this.#push(lower, normalizeValue(value));
  }

  delete(name) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'delete' on 'Headers'");
    this.#write();
    const lower = lowerName(name);
    const list = this.#list;
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === lower) continue;
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
    list.length = kept;
  }

  get(name) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'get' on 'Headers'");
    const list = this.#read();
    return find(list, lowerName(name));
  }

  getAll(name) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'getAll' on 'Headers'");
    if (String(name).toLowerCase() !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return this.getSetCookie();
  }

  getSetCookie() {
    if (!isHeaders(this)) throw illegal();
    const list = this.#read();
    const values = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === "set-cookie") values.push(list[i + 1]);
    return values;
  }

  has(name) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'has' on 'Headers'");
    const list = this.#read();
    return find(list, lowerName(name)) !== null;
  }

  set(name, value) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 2, "'set' on 'Headers'");
    this.#write();
    const lower = lowerName(name);
    const text = normalizeValue(value);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== lower) continue;
      list[i + 1] = text;
      if (wide) this.#wide = true;
      let kept = i + 2;
      for (let j = i + 2; j < list.length; j += 2) {
        if (list[j] === lower) continue;
        list[kept] = list[j];
        list[kept + 1] = list[j + 1];
        kept += 2;
      }
      list.length = kept;
      return;
    }
    this.#push(lower, text);
  }

  forEach(callback, thisArg = undefined) {
    if (!isHeaders(this)) throw illegal();
    requireArguments(arguments.length, 1, "'forEach' on 'Headers'", "function");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'forEach' on 'Headers': parameter 1 is not of type 'function'.");
    }
    for (let i = 0; ; i++) {
      const pair = internals.sorted(this)[i];
      if (pair === undefined) return;
      callback.call(thisArg, pair[1], pair[0], this);
    }
  }

  keys() { return new HeadersIterator(this, 0); }
  values() { return new HeadersIterator(this, 1); }
  entries() { return new HeadersIterator(this, 2); }

  #push(lower, text) {
    this.#list.push(lower, text);
    if (wide) this.#wide = true;
  }

  #read() {
    const list = this.#list;
    if (this.#raw) {
      this.#raw = false;
      for (let i = 1; i < list.length; i += 2) {
        const value = list[i];
        if (!NOT_ASCII.test(value)) continue;
        list[i] = decodeWireValue(value);
        this.#wide = true;
      }
    }
    return list;
  }

  #write() {
    if (this.#immutable) throw new TypeError(IMMUTABLE);
    this.#read();
    this.#sorted = undefined;
  }

  #fill(init) {
    if (typeof init !== "object" && typeof init !== "function" || init === null) {
      throw new TypeError(
        "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'.",
      );
    }
    if (#list in init) {
      this.#list = init.#read().slice();
      this.#wide = init.#wide;
      return;
    }
    const iterate = init[Symbol.iterator];
    if (iterate !== undefined && iterate !== null) {
      for (const pair of init) {
        if (typeof pair !== "object" || pair === null) {
          throw new TypeError("Failed to construct 'Headers': The provided value cannot be converted to a sequence.");
        }
        const entry = [...pair];
        if (entry.length !== 2) {
          throw new TypeError(
            "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
          );
        }
        const lower = lowerName(entry[0]);
        this.#push(lower, normalizeValue(entry[1]));
      }
      return;
    }
    const keys = Object.keys(init);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const lower = lowerName(key);
      this.#push(lower, normalizeValue(init[key]));
    }
  }

  static {
    internals = {
      fromWire(text, immutable) {
        const headers = new Headers();
        if (text !== "") headers.#list = text.split("\n");
        headers.#raw = true;
        headers.#immutable = immutable;
        return headers;
      },
      toWire(headers) {
        const list = headers.#list;
        if (list.length > 2 * MAX_HEADERS) throw tooLarge(`${list.length / 2} of them`, MAX_HEADERS);
        const encode = (text, index) => (index % 2 === 1 ? encodeWireValue(text) : text);
        const wire = (headers.#raw || !headers.#wide ? list : list.map(encode)).join("\n");
        if (wire.length > MAX_HEADER_BYTES) throw tooLarge(`${wire.length} bytes`, MAX_HEADER_BYTES);
        return wire;
      },
      copy(headers, keepGuard) {
        const copied = new Headers();
        copied.#list = headers.#list.slice();
        copied.#raw = headers.#raw;
        copied.#wide = headers.#wide;
        if (keepGuard) copied.#immutable = headers.#immutable;
        return copied;
      },
      freeze(headers) {
        headers.#immutable = true;
        return headers;
      },
      setDefault(headers, name, value) {
        if (find(headers.#list, name) !== null) return;
        headers.#list.push(name, value);
        headers.#sorted = undefined;
      },
      isHeaders: (value) => typeof value === "object" && value !== null && #list in value,
      read: (headers) => headers.#read().slice(),
      fromList(list) {
        const headers = new Headers();
        headers.#list = list;
        headers.#wide = list.some((text) => NOT_ASCII.test(text));
        return headers;
      },
      sorted: (headers) => (headers.#sorted ??= sortAndCombine(headers.#read())),
    };
  }
}

Object.defineProperty(Headers.prototype, Symbol.iterator, {
  value: Headers.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});
defineInterface(Headers);

function find(list, lower) {
  let found = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === lower) found = found === null ? list[i + 1] : `${found}, ${list[i + 1]}`;
  }
  return found;
}

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
    if (!internals.isHeaders(headers)) throw illegal();
    this.#headers = headers;
    this.#kind = kind;
  }
  next() {
    // Changes made while iterating show, as the standard asks.
    const pairs = internals.sorted(this.#headers);
    if (this.#index >= pairs.length) return { value: undefined, done: true };
    const pair = pairs[this.#index++];
    return { value: this.#kind === 2 ? [...pair] : pair[this.#kind], done: false };
  }
}
Object.setPrototypeOf(HeadersIterator.prototype, IteratorPrototype);
delete HeadersIterator.prototype.constructor;
defineInterface(HeadersIterator, { name: "Headers Iterator" });

/** Headers out of their wire text. */
export const headersFromWire = internals.fromWire;
/** The wire text of headers. */
export const headersToWire = internals.toWire;
/** A copy; `keepGuard` says whether immutable headers give an immutable copy. */
export const copyHeaders = internals.copy;
export const freezeHeaders = internals.freeze;
/** Adds a header that is not there yet, whatever the guard; both name (lower case) and value must be valid. */
export const setDefaultHeader = internals.setDefault;
export const isHeaders = internals.isHeaders;

registerCloneable(Headers, {
  name: "Headers",
  write: (headers) => internals.read(headers),
  read: (list) => internals.fromList(list),
});
