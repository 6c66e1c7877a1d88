// `ctx.storage` of a Durable Object.

import { commit, getAlarm, release, rollBackTo, savepoint, setAlarm, sqlOf, wipe } from "atoll:native/sqlite";
import { now } from "atoll:native/io";
import { defineInterface, illegalConstructor, toDOMString } from "../webidl.js";
import { get, list, listOptions, makeKeyValues, put, remove } from "./key_values.js";
import "./sql.js";

/** The most keys of one get(), put() or delete(). */
const MAX_KEYS = 128;

const limitKeys = (count) => {
  if (count > MAX_KEYS) throw new RangeError(`Maximum number of keys is ${MAX_KEYS}.`);
};

/** What storage and transactions both do. `check` throws when that is over. */
class Operations {
  #sql;
  #check;
  #alarms;

  constructor(sql, alarms, check) {
    this.#sql = sql;
    this.#alarms = alarms;
    this.#check = check;
  }

  async get(keys) {
    this.#check("get()");
    if (!Array.isArray(keys)) return get(this.#sql, toDOMString(keys));
    limitKeys(keys.length);
    const sorted = [...new Set(keys.map(toDOMString))].sort(byBytes);
    const found = new Map();
    for (const key of sorted) {
      const value = get(this.#sql, key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  async list(options = undefined) {
    this.#check("list()");
    return new Map(list(this.#sql, listOptions(options)));
  }

  async put(key, value = undefined) {
    this.#check("put()");
    if (typeof key !== "object" || key === null) {
      if (value === undefined) throw new TypeError("put() called with undefined value.");
      put(this.#sql, toDOMString(key), value);
      return;
    }
    const entries = Object.entries(key).filter((entry) => entry[1] !== undefined);
    limitKeys(entries.length);
    savepoint(this.#sql);
    try {
      for (const [name, item] of entries) put(this.#sql, name, item);
    } catch (error) {
      rollBackTo(this.#sql);
      throw error;
    }
    release(this.#sql);
  }

  async delete(keys) {
    this.#check("delete()");
    if (!Array.isArray(keys)) return remove(this.#sql, toDOMString(keys));
    limitKeys(keys.length);
    return keys.filter((key) => remove(this.#sql, toDOMString(key))).length;
  }

  async getAlarm() {
    this.#check("getAlarm()");
    return getAlarm(this.#sql);
  }

  async setAlarm(time) {
    this.#check("setAlarm()");
    const at = Number(time);
    if (!(at > 0)) throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
    this.#alarms();
    setAlarm(this.#sql, Math.max(Math.trunc(at), now()));
  }

  async deleteAlarm() {
    this.#check("deleteAlarm()");
    setAlarm(this.#sql, null);
  }
}

/** Orders strings by code points, which is how SQLite orders their bytes. */
function byBytes(one, other) {
  const shorter = Math.min(one.length, other.length);
  for (let index = 0; index < shorter; index++) {
    const [a, b] = [one.charCodeAt(index), other.charCodeAt(index)];
    if (a === b) continue;
    // Surrogates stand for code points above all others.
    const [aHigh, bHigh] = [a >= 0xd800 && a < 0xe000, b >= 0xd800 && b < 0xe000];
    return aHigh === bHigh ? a - b : aHigh ? 1 : -1;
  }
  return one.length - other.length;
}

let internal = false;
const made = (Class, ...values) => {
  internal = true;
  try {
    return new Class(...values);
  } finally {
    internal = false;
  }
};

class DurableObjectTransaction extends Operations {
  #sql;
  #state;

  constructor(sql, alarms, state) {
    if (!internal) throw illegalConstructor();
    super(sql, alarms, (operation) => {
      if (state.rolledBack) throw new Error(`Cannot ${operation} on rolled back transaction`);
      if (state.over) {
        throw new Error(
          `Cannot call ${operation} on transaction that has already committed: did you move \`txn\` outside of the closure?`,
        );
      }
    });
    this.#sql = sql;
    this.#state = state;
  }

  deleteAll() {
    throw new Error("Cannot call deleteAll() within a transaction");
  }

  rollback() {
    const state = this.#state;
    if (state.rolledBack) return;
    if (state.over) {
      throw new Error(
        "Cannot call rollback() on transaction that has already committed: did you move `txn` outside of the closure?",
      );
    }
    rollBackTo(this.#sql);
    state.rolledBack = true;
  }
}
defineInterface(DurableObjectTransaction);

export class DurableObjectStorage extends Operations {
  #sql;
  #kv;
  #seams;

  constructor(sql, seams) {
    if (!internal) throw illegalConstructor();
    super(sql, seams.alarm, () => {});
    this.#sql = sql;
    this.#seams = seams;
    Object.defineProperties(this, {
      sql: { value: sql, enumerable: true },
      kv: { get: () => (this.#kv ??= makeKeyValues(sql)), enumerable: true },
    });
  }

  async deleteAll() {
    wipe(this.#sql);
    setAlarm(this.#sql, null);
  }

  async transaction(closure) {
    const run = async () => {
      const state = { over: false, rolledBack: false };
      // What was written before does not wait for the end of this.
      commit(this.#sql);
      savepoint(this.#sql);
      const transaction = made(DurableObjectTransaction, this.#sql, this.#seams.alarm, state);
      try {
        const result = await closure(transaction);
        if (!state.rolledBack) release(this.#sql);
        return { result };
      } catch (error) {
        if (!state.rolledBack) rollBackTo(this.#sql);
        return { error };
      } finally {
        state.over = true;
      }
    };
    const done = await (this.#seams.gate ? this.#seams.gate(run) : run());
    if ("error" in done) throw done.error;
    return done.result;
  }

  transactionSync(closure) {
    savepoint(this.#sql);
    let result;
    try {
      result = closure();
    } catch (error) {
      rollBackTo(this.#sql);
      throw error;
    }
    release(this.#sql);
    return result;
  }

  async sync() {
    await this.#seams.sync?.();
  }

  async getCurrentBookmark() {
    return this.#seams.call("bookmark");
  }

  async getBookmarkForTime(time) {
    return this.#seams.call("bookmarkForTime", Number(time));
  }

  async onNextSessionRestoreBookmark(bookmark) {
    return this.#seams.call("restoreOnNextSession", toDOMString(bookmark));
  }
}
defineInterface(DurableObjectStorage);

/**
 * The storage of an open object.
 * @param {number} object the host's number of it
 * @param {{ alarm: () => void, call: (name: string, value?: unknown) => Promise<string>,
 *   gate?: (run: () => Promise<object>) => Promise<object>, sync?: () => Promise<void> }} seams
 *   `alarm` throws when the class has no handler; `gate` is blockConcurrencyWhile
 */
export function makeStorage(object, seams) {
  return made(DurableObjectStorage, sqlOf(object), seams);
}
