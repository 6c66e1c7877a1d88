/** URL and URLSearchParams (https://url.spec.whatwg.org/#api) over the native parser. */
import { linkedParams, mould } from "atoll:native/moulds";
import * as native from "atoll:native/url";
import { keep } from "./shapes.js";
import { defineInterface, illegal, requireArguments, toDOMString, toUSVString } from "./webidl.js";

/** Offsets in the record that the native parser gives; see `native/url.rs`. */
const HREF = 0;
const PROTOCOL_END = 1;
const USERNAME_END = 2;
const HOST_START = 3;
const HOST_END = 4;
const PORT = 5;
const PATHNAME_START = 6;
const SEARCH_START = 7;
const HASH_START = 8;

const ORIGIN_SCHEMES = new Set(["http:", "https:", "ws:", "wss:", "ftp:"]);

let linkParams;
/** @type {(value: unknown) => boolean} */
let isURL;

export class URL {
  // No private methods: each object would have to carry a mark for them.
  #record;
  #params = undefined;

  // `arguments` would be an object for each as well, which an array is not.
  constructor(...given) {
    if (given.length === 0) requireArguments(0, 1, "constructor of 'URL'", "USVString");
    const url = given[0];
    const base = given[1];
    const text = typeof url === "string" ? url : toDOMString(url);
    const record = native.parse(text, base === undefined ? undefined : toUSVString(base));
    if (record === undefined) throw invalidUrl();
    this.#record = record;
  }

  static canParse(url, base = undefined) {
    requireArguments(arguments.length, 1, "'canParse' on 'URL'", "USVString");
    return native.canParse(toUSVString(url), base === undefined ? undefined : toUSVString(base));
  }

  static parse(url, base = undefined) {
    requireArguments(arguments.length, 1, "'parse' on 'URL'", "USVString");
    const record = native.parse(toUSVString(url), base === undefined ? undefined : toUSVString(base));
    if (record === undefined) return null;
    const made = new URL("a:");
    made.#record = record;
    return made;
  }

  static createObjectURL() {
    throw new TypeError("URL.createObjectURL() is not implemented.");
  }
  static revokeObjectURL() {
    throw new TypeError("URL.revokeObjectURL() is not implemented.");
  }

  get href() { try { return this.#record[HREF]; } catch { throw illegal(); } }
  set href(value) {
    if (!isURL(this)) throw illegal();
    const record = native.parse(toUSVString(value), undefined);
    if (record === undefined) throw invalidUrl();
    URL.#change(this, record);
  }

  get origin() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    const protocol = record[HREF].slice(0, record[PROTOCOL_END]);
    if (ORIGIN_SCHEMES.has(protocol)) return `${protocol}//${hostOf(record)}`;
    if (protocol === "blob:") {
      const inner = native.parse(pathnameOf(record), undefined);
      if (inner !== undefined) {
        const innerProtocol = inner[HREF].slice(0, inner[PROTOCOL_END]);
        if (innerProtocol === "http:" || innerProtocol === "https:") return `${innerProtocol}//${hostOf(inner)}`;
      }
    }
    return "null";
  }

  get protocol() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    return record[HREF].slice(0, record[PROTOCOL_END]);
  }
  set protocol(value) { URL.#set(this, "protocol", value); }

  get username() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    const start = record[PROTOCOL_END] + 2;
    return start < record[USERNAME_END] ? record[HREF].slice(start, record[USERNAME_END]) : "";
  }
  set username(value) { URL.#set(this, "username", value); }

  get password() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    return record[HOST_START] > record[USERNAME_END]
      ? record[HREF].slice(record[USERNAME_END] + 1, record[HOST_START])
      : "";
  }
  set password(value) { URL.#set(this, "password", value); }

  get host() { if (!isURL(this)) throw illegal(); return hostOf(this.#record); }
  set host(value) { URL.#set(this, "host", value); }

  get hostname() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    return record[HREF].slice(hostStart(record), record[HOST_END]);
  }
  set hostname(value) { URL.#set(this, "hostname", value); }

  get port() {
    if (!isURL(this)) throw illegal();
    const port = this.#record[PORT];
    return port < 0 ? "" : String(port);
  }
  set port(value) { URL.#set(this, "port", value); }

  get pathname() {
    let record;
    try { record = this.#record; } catch { throw illegal(); }
    // As `pathnameOf`, which would be a call for each request.
    const end = record[SEARCH_START] >= 0 ? record[SEARCH_START] : record[HASH_START];
    return record[HREF].slice(record[PATHNAME_START], end < 0 ? undefined : end);
  }
  set pathname(value) { URL.#set(this, "pathname", value); }

  get search() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    return partOf(record, record[SEARCH_START], record[HASH_START]);
  }
  set search(value) { URL.#set(this, "search", value); }

  get hash() {
    if (!isURL(this)) throw illegal();
    const record = this.#record;
    return partOf(record, record[HASH_START], -1);
  }
  set hash(value) { URL.#set(this, "hash", value); }

  get searchParams() {
    let params;
    try { params = this.#params; } catch { throw illegal(); }
    if (params !== undefined) return params;
    const record = this.#record;
    const list = record[SEARCH_START] < 0 ? [] : native.parseForm(this.search.slice(1));
    return (this.#params = linkedParams(list, record));
  }

  toString() { if (!isURL(this)) throw illegal(); return this.#record[HREF]; }
  toJSON() { if (!isURL(this)) throw illegal(); return this.#record[HREF]; }

  static #set(url, part, value) {
    if (!isURL(url)) throw illegal();
    const record = native.set(url.#record[HREF], part, toUSVString(value));
    if (record !== undefined) URL.#change(url, record);
  }

  static #change(url, record) {
    if (url.#params === undefined) {
      url.#record = record;
      return;
    }
    replace(url.#record, record);
    linkParams(url.#record, url.search.slice(1), url.#params);
  }

  static {
    isURL = (value) => typeof value === "object" && value !== null && #record in value;
  }
}
Object.defineProperty(URL, "length", { value: 1, configurable: true });
defineInterface(URL);
keep(Object.create(URL.prototype), new URL("a:"));

/** Changes a record for a URL and for its parameters, which share it. */
function replace(record, by) {
  for (let index = 0; index < by.length; index += 1) record[index] = by[index];
}

function invalidUrl() {
  return new TypeError("Invalid URL string.");
}

function hostStart(record) {
  const start = record[HOST_START];
  return record[HOST_END] > start && record[HREF].charCodeAt(start) === 0x40 ? start + 1 : start;
}

function hostOf(record) {
  const start = hostStart(record);
  // An empty host may be followed by "/." that belongs to no part.
  if (start === record[HOST_END]) return "";
  return record[HREF].slice(start, record[PATHNAME_START] < 0 ? undefined : record[PATHNAME_START]);
}

function pathnameOf(record) {
  const end = record[SEARCH_START] >= 0 ? record[SEARCH_START] : record[HASH_START];
  return record[HREF].slice(record[PATHNAME_START], end < 0 ? undefined : end);
}

/** A query or fragment with its sign; one that is only the sign counts as empty. */
function partOf(record, start, end) {
  if (start < 0) return "";
  const text = record[HREF].slice(start, end < 0 ? undefined : end);
  return text.length === 1 ? "" : text;
}

let listOf;

export class URLSearchParams {
  /** Flat: `[name, value, name, value, …]`. @type {string[]} */
  #list;
  /** The record of the URL whose parameters these are. It does not lead to the URL, so that both are freed at once. */
  #record = undefined;

  constructor(init = "") {
    if (typeof init === "string") {
      this.#list = init === "" ? [] : parseQuery(init);
    } else if ((typeof init === "object" && init !== null) || typeof init === "function") {
      this.#list = [];
      const iterate = init[Symbol.iterator];
      if (iterate !== undefined && iterate !== null) {
        if (typeof iterate !== "function") throw notConvertible();
        if (#list in init && iterate === URLSearchParams.prototype[Symbol.iterator]) {
          this.#list = init.#list.slice();
          return;
        }
        for (const pair of init) {
          if ((typeof pair !== "object" && typeof pair !== "function") || pair === null) throw notConvertible();
          const entry = [...pair];
          if (entry.length !== 2) {
            throw new TypeError(
              "To initialize a URLSearchParams object from a sequence, each inner sequence must have exactly two elements.",
            );
          }
          this.#list.push(toUSVString(entry[0]), toUSVString(entry[1]));
        }
      } else {
        // Names that become equal as scalar values count once, as a record's keys.
        const record = new Map();
        for (const key of Object.keys(init)) {
          record.set(toUSVString(key), toUSVString(init[key]));
        }
        for (const [name, value] of record) this.#list.push(name, value);
      }
    } else {
      this.#list = parseQuery(toUSVString(init));
    }
  }

  get size() { if (!isURLSearchParams(this)) throw illegal(); return this.#list.length / 2; }

  append(name, value) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 2, "'append' on 'URLSearchParams'", "USVString, USVString");
    this.#list.push(toUSVString(name), toUSVString(value));
    URLSearchParams.#update(this);
  }

  delete(name, value = undefined) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 1, "'delete' on 'URLSearchParams'", "USVString");
    name = toUSVString(name);
    if (value !== undefined) value = toUSVString(value);
    const list = this.#list;
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) continue;
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
    list.length = kept;
    URLSearchParams.#update(this);
  }

  get(name) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 1, "'get' on 'URLSearchParams'", "USVString");
    name = toUSVString(name);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    return null;
  }

  getAll(name) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 1, "'getAll' on 'URLSearchParams'", "USVString");
    name = toUSVString(name);
    const list = this.#list;
    const values = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) values.push(list[i + 1]);
    return values;
  }

  has(name, value = undefined) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 1, "'has' on 'URLSearchParams'", "USVString");
    name = toUSVString(name);
    if (value !== undefined) value = toUSVString(value);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) return true;
    }
    return false;
  }

  set(name, value) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 2, "'set' on 'URLSearchParams'", "USVString, USVString");
    name = toUSVString(name);
    value = toUSVString(value);
    const list = this.#list;
    let found = false;
    let kept = 0;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) {
        if (found) continue;
        found = true;
        list[i + 1] = value;
      }
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
    list.length = kept;
    if (!found) list.push(name, value);
    URLSearchParams.#update(this);
  }

  sort() {
    if (!isURLSearchParams(this)) throw illegal();
    const list = this.#list;
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) pairs.push([list[i], list[i + 1]]);
    // Comparison by code units, which is what < does on strings.
    pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#list = pairs.flat();
    URLSearchParams.#update(this);
  }

  forEach(callback, thisArg = undefined) {
    if (!isURLSearchParams(this)) throw illegal();
    requireArguments(arguments.length, 1, "'forEach' on 'URLSearchParams'", "function");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'forEach' on 'URLSearchParams': parameter 1 is not of type 'function'.");
    }
    for (let i = 0; i < this.#list.length; i += 2) callback.call(thisArg, this.#list[i + 1], this.#list[i], this);
  }

  keys() { return new URLSearchParamsIterator(this, 0); }
  values() { return new URLSearchParamsIterator(this, 1); }
  entries() { return new URLSearchParamsIterator(this, 2); }
  toString() { if (!isURLSearchParams(this)) throw illegal(); return native.serializeForm(this.#list); }

  static #update(params) {
    if (params.#record === undefined) return;
    const record = native.set(params.#record[HREF], "search", native.serializeForm(params.#list));
    if (record !== undefined) replace(params.#record, record);
  }

  static {
    listOf = (params) => {
      if (params === undefined || !(#list in params)) throw illegal();
      return params.#list;
    };
    linkParams = (record, query, params) => {
      params.#list = query === "" ? [] : native.parseForm(query);
      params.#record = record;
    };
  }
}

function parseQuery(text) {
  if (text === "") return [];
  const query = text.toWellFormed();
  return native.parseForm(query.charCodeAt(0) === 0x3f ? query.slice(1) : query);
}

function notConvertible() {
  return new TypeError("Failed to construct 'URLSearchParams': The provided value cannot be converted to a sequence.");
}

Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
  value: URLSearchParams.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});
defineInterface(URLSearchParams);
keep(Object.create(URLSearchParams.prototype), new URLSearchParams());
mould("params", new URLSearchParams());

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

class URLSearchParamsIterator {
  #params;
  #kind;
  #index = 0;
  constructor(params, kind) {
    listOf(params);
    this.#params = params;
    this.#kind = kind;
  }
  next() {
    const list = listOf(this.#params);
    const index = this.#index;
    if (index >= list.length) return { value: undefined, done: true };
    this.#index += 2;
    const value = this.#kind === 2 ? [list[index], list[index + 1]] : list[index + this.#kind];
    return { value, done: false };
  }
}
Object.setPrototypeOf(URLSearchParamsIterator.prototype, IteratorPrototype);
delete URLSearchParamsIterator.prototype.constructor;
defineInterface(URLSearchParamsIterator, { name: "URLSearchParams Iterator" });

/** Whether `value` is a URLSearchParams made here. */
export function isURLSearchParams(value) {
  return value instanceof URLSearchParams;
}

/** The serialized form of a URL, or undefined when it is none. */
export function parseHref(input, base = undefined) {
  return native.parse(input, base)?.[HREF];
}

/** The pairs of an `application/x-www-form-urlencoded` string, flat. */
export const parseForm = native.parseForm;
