// Keys and values of an object: `storage.kv`, and what the asynchronous methods stand on.

import { keyDelete, keyGet, keyList, keyPut } from "atoll:native/sqlite";
import { deserialize, serialize } from "../structured_clone.js";
import { defineInterface, illegalConstructor, toDOMString } from "../webidl.js";

export function get(sql, key) {
  const bytes = keyGet(sql, key);
  return bytes === undefined ? undefined : deserialize(bytes);
}

export function put(sql, key, value) {
  keyPut(sql, key, serialize(value));
}

export const remove = keyDelete;

/** Options of list(), checked. */
export function listOptions(options) {
  const { start, startAfter, end, prefix, reverse, limit } = options ?? {};
  if (start !== undefined && startAfter !== undefined) {
    throw new TypeError("list() cannot be called with both start and startAfter values.");
  }
  if (limit !== undefined && !(Number(limit) > 0)) throw new TypeError("List limit must be positive.");
  const text = (value) => (value === undefined ? null : toDOMString(value));
  return {
    bounds: [text(start), text(startAfter), text(end), text(prefix), null],
    reverse: Boolean(reverse),
    limit: limit === undefined ? Infinity : Math.trunc(Number(limit)),
  };
}

/** The entries of a range, read in parts. */
export function* list(sql, { bounds, reverse, limit }) {
  while (limit > 0) {
    const part = keyList(sql, bounds, reverse, limit);
    if (part.length === 0) return;
    for (let index = 0; index < part.length; index += 2) yield [part[index], deserialize(part[index + 1])];
    limit -= part.length / 2;
    bounds = bounds.with(4, part.at(-2));
  }
}

let internal = false;

export class SyncKvStorage {
  #sql;

  constructor(sql) {
    if (!internal) throw illegalConstructor();
    this.#sql = sql;
  }

  get(key) {
    return get(this.#sql, toDOMString(key));
  }

  list(options = undefined) {
    return list(this.#sql, listOptions(options));
  }

  put(key, value) {
    put(this.#sql, toDOMString(key), value);
  }

  delete(key) {
    return remove(this.#sql, toDOMString(key));
  }
}
defineInterface(SyncKvStorage);

export function makeKeyValues(sql) {
  internal = true;
  try {
    return new SyncKvStorage(sql);
  } finally {
    internal = false;
  }
}
