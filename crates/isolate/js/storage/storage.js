// `ctx.storage` of a Durable Object.

import { commit, depth, getAlarm, release, rollBackTo, savepoint, setAlarm, sqlOf, wipe } from "atoll:native/sqlite";
import { now } from "atoll:native/io";
import { DELETE_ALL_DELETES_ALARM, isOn } from "../compatibility.js";
import { defineInterface, illegalConstructor, toDOMString } from "../webidl.js";
import { callback, given, method, options, range, time } from "./arguments.js";
import { get, list, makeKeyValues, put, remove } from "./key_values.js";
import "./sql.js";

const KEY_AND_VALUE_OR_ENTRIES =
  "put() may only be called with a single key-value pair and optional options as put(key, value, options) or with " +
  "multiple key-value pairs and optional options as put(entries, options)";

/** Runs `work` so that all of it happens or, when it throws, nothing. */
function atomically(sql, work) {
  savepoint(sql);
  let result;
  try {
    result = work();
  } catch (error) {
    rollBackTo(sql);
    throw error;
  }
  release(sql);
  return result;
}

/** What storage and transactions both do. `check` throws when that is over. */
class Operations {
  #sql;
  #check;
  #alarms;
  #owner;

  constructor(owner, sql, alarms, check) {
    this.#owner = owner;
    this.#sql = sql;
    this.#alarms = alarms;
    this.#check = check;
  }

  async get(keys, settings = undefined) {
    const where = method("get", this.#owner);
    given(arguments.length, 1, where, "string or Array");
    options(settings, 2, where, "GetOptions");
    this.#check("get()");
    if (!Array.isArray(keys)) return get(this.#sql, toDOMString(keys));
    const sorted = [...new Set(keys.map(toDOMString))].sort(byBytes);
    const found = new Map();
    for (const key of sorted) {
      const value = get(this.#sql, key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  async list(settings = undefined) {
    const asked = range(settings, method("list", this.#owner));
    this.#check("list()");
    return new Map(list(this.#sql, asked));
  }

  async put(key, value = undefined, settings = undefined) {
    const where = method("put", this.#owner);
    given(arguments.length, 1, where, "string or object");
    options(settings, 3, where, "PutOptions");
    const isObject = (typeof key === "object" && key !== null && !Array.isArray(key)) || typeof key === "function";
    if (!isObject) {
      if (value === undefined) throw new TypeError("put() called with undefined value.");
      this.#check("put()");
      put(this.#sql, toDOMString(key), value);
      return;
    }
    if (value !== undefined && (typeof value !== "object" || value === null)) {
      throw new TypeError(KEY_AND_VALUE_OR_ENTRIES);
    }
    const entries = Object.entries(key).filter((entry) => entry[1] !== undefined);
    this.#check("put()");
    atomically(this.#sql, () => {
      for (const [name, item] of entries) put(this.#sql, name, item);
    });
  }

  async delete(keys, settings = undefined) {
    const where = method("delete", this.#owner);
    given(arguments.length, 1, where, "string or Array");
    options(settings, 2, where, "PutOptions");
    this.#check("delete()");
    if (!Array.isArray(keys)) return remove(this.#sql, toDOMString(keys));
    const names = keys.map(toDOMString);
    return atomically(this.#sql, () => names.filter((key) => remove(this.#sql, key)).length);
  }

  async getAlarm(settings = undefined) {
    options(settings, 1, method("getAlarm", this.#owner), "GetAlarmOptions");
    this.#check("getAlarm()");
    return getAlarm(this.#sql);
  }

  async setAlarm(at, settings = undefined) {
    const where = method("setAlarm", this.#owner);
    const ms = time(at, 1, where);
    options(settings, 2, where, "SetAlarmOptions");
    if (ms <= 0) throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
    this.#check("setAlarm()");
    this.#alarms();
    setAlarm(this.#sql, Math.max(ms, now()));
  }

  async deleteAlarm(settings = undefined) {
    options(settings, 1, method("deleteAlarm", this.#owner), "SetAlarmOptions");
    this.#check("deleteAlarm()");
    setAlarm(this.#sql, null);
  }
}

/** Makes the operations a class's own methods, as its users see them. */
function own(Class) {
  const { constructor, ...operations } = Object.getOwnPropertyDescriptors(Operations.prototype);
  Object.defineProperties(Class.prototype, operations);
  Object.setPrototypeOf(Class.prototype, Object.prototype);
  return defineInterface(Class, { receiver: true });
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
    super("DurableObjectTransaction", sql, alarms, (operation) => {
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
    if (depth(this.#sql) > state.depth) {
      throw new Error("Cannot roll back an outer transaction while a nested transaction is still running.");
    }
    rollBackTo(this.#sql);
    state.rolledBack = true;
  }
}
own(DurableObjectTransaction);

export class DurableObjectStorage extends Operations {
  #sql;
  #kv;
  #seams;

  constructor(sql, seams) {
    if (!internal) throw illegalConstructor();
    super("DurableObjectStorage", sql, seams.alarm, () => {});
    this.#sql = sql;
    this.#seams = seams;
    Object.defineProperties(this, {
      kv: { get: () => (this.#kv ??= makeKeyValues(sql)), enumerable: true },
      sql: { value: sql, enumerable: true },
    });
  }

  async deleteAll(settings = undefined) {
    options(settings, 1, method("deleteAll", "DurableObjectStorage"), "PutOptions");
    wipe(this.#sql);
    if (isOn(DELETE_ALL_DELETES_ALARM)) setAlarm(this.#sql, null);
    this.#seams.deleteAll?.();
  }

  async transaction(closure) {
    callback(closure, 1, method("transaction", "DurableObjectStorage"));
    const run = async () => {
      // What was written before does not wait for the end of this.
      commit(this.#sql);
      const state = { over: false, rolledBack: false, depth: savepoint(this.#sql) };
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
    callback(closure, 1, method("transactionSync", "DurableObjectStorage"));
    return atomically(this.#sql, closure);
  }

  async sync() {
    await this.#seams.sync?.();
  }

  async getCurrentBookmark() {
    return this.#seams.call("bookmark");
  }

  async getBookmarkForTime(at) {
    return this.#seams.call("bookmarkForTime", time(at, 1, method("getBookmarkForTime", "DurableObjectStorage")));
  }

  async onNextSessionRestoreBookmark(bookmark) {
    given(arguments.length, 1, method("onNextSessionRestoreBookmark", "DurableObjectStorage"), "string");
    return this.#seams.call("restoreOnNextSession", toDOMString(bookmark));
  }
}
own(DurableObjectStorage);

/**
 * The storage of an open object.
 * @param {number} object the host's number of it
 * @param {{ alarm: () => void, call: (name: string, value?: unknown) => Promise<string>,
 *   gate?: (run: () => Promise<object>) => Promise<object>, sync?: () => Promise<void>, deleteAll?: () => void }} seams
 *   `alarm` throws when the class has no handler; `gate` is blockConcurrencyWhile
 */
export function makeStorage(object, seams) {
  return made(DurableObjectStorage, sqlOf(object), seams);
}
