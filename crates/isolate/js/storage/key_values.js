// Keys and values of an object: `storage.kv`, and what the asynchronous methods stand on.

import { keyDelete, keyGet, keyList, keyPut } from "atoll:native/sqlite";
import { deserialize, serialize } from "../structured_clone.js";
import { defineInterface, illegalConstructor, toDOMString } from "../webidl.js";
import { given, method, range } from "./arguments.js";
import { isV8, readV8 } from "./v8_values.js";

/** Objects that were imported have values of workerd's until they are written again. */
const read = (bytes) => (isV8(bytes) ? readV8(bytes) : deserialize(bytes));

export function get(sql, key) {
  const bytes = keyGet(sql, key);
  return bytes === undefined ? undefined : read(bytes);
}

export function put(sql, key, value) {
  keyPut(sql, key, serialize(value));
}

export const remove = keyDelete;

/** The entries of a range, read in parts. */
export function* list(sql, { bounds, reverse, limit }) {
  while (limit > 0) {
    const part = keyList(sql, bounds, reverse, limit);
    if (part.length === 0) return;
    for (let index = 0; index < part.length; index += 2) yield [part[index], read(part[index + 1])];
    limit -= part.length / 2;
    bounds = bounds.with(4, part.at(-2));
  }
}

const SUPERSEDED =
  "kv.list() iterator was invalidated because a new call to kv.list() was started. Only one kv.list() iterator can " +
  "exist at a time.";

/** What `kv.list()` gives, one after the other. */
class ListIterator extends Iterator {
  #next;

  constructor(next) {
    super();
    this.#next = next;
  }

  next() {
    return this.#next();
  }
}
Object.defineProperty(ListIterator.prototype, Symbol.toStringTag, { value: "ListIterator", configurable: true });

let internal = false;

export class SyncKvStorage {
  #sql;
  /** Only the latest listing goes on. */
  #listing;

  constructor(sql) {
    if (!internal) throw illegalConstructor();
    this.#sql = sql;
  }

  get(key) {
    given(arguments.length, 1, method("get", "SyncKvStorage"), "string");
    return get(this.#sql, toDOMString(key));
  }

  list(options = undefined) {
    const entries = list(this.#sql, range(options, method("list", "SyncKvStorage")));
    const listing = new ListIterator(() => {
      if (this.#listing !== listing) throw new Error(SUPERSEDED);
      const { done, value } = entries.next();
      return done ? { done } : { done, value };
    });
    this.#listing = listing;
    return listing;
  }

  put(key, value) {
    given(arguments.length, 1, method("put", "SyncKvStorage"), "string");
    given(arguments.length, 2, method("put", "SyncKvStorage"), "Value");
    put(this.#sql, toDOMString(key), value);
  }

  delete(key) {
    given(arguments.length, 1, method("delete", "SyncKvStorage"), "string");
    return remove(this.#sql, toDOMString(key));
  }
}
defineInterface(SyncKvStorage, { receiver: true });

export function makeKeyValues(sql) {
  internal = true;
  try {
    return new SyncKvStorage(sql);
  } finally {
    internal = false;
  }
}
