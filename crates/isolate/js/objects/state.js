// `ctx` of a Durable Object.

import { callStorage } from "atoll:native/objects";
import { currentEvent } from "../async_context.js";
import { call } from "../io.js";
import { makeStorage } from "../storage/storage.js";
import { setTimeout, clearTimeout } from "../timers.js";
import { callback, method } from "../storage/arguments.js";
import { defineInterface, illegalConstructor } from "../webidl.js";

const token = Symbol("DurableObjectState");

const CONCURRENCY_TIMEOUT_MS = 30_000;
const TOOK_TOO_LONG =
  "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable " +
  "Object was reset.";
const NO_ALARM_HANDLER = "Your Durable Object class must have an alarm() handler in order to call setAlarm()";
const ABORTED = "Application called abort() to reset Durable Object.";

export class DurableObjectState {
  #object;
  #storage;

  constructor(key, object) {
    if (key !== token) throw illegalConstructor();
    this.#object = object;
    this.props = {};
  }

  get id() {
    return this.#object.id;
  }

  get storage() {
    return (this.#storage ??= storageOf(this.#object));
  }

  waitUntil(promise) {
    const event = currentEvent();
    if (event === undefined) Promise.resolve(promise).catch(() => {});
    else event.waitUntil(promise);
  }

  async blockConcurrencyWhile(work) {
    callback(work, 1, method("blockConcurrencyWhile", "DurableObjectState"));
    const object = this.#object;
    object.check();
    try {
      return await alone(object, () => limited(work, object));
    } catch (error) {
      object.break(error);
      throw error;
    }
  }

  abort(reason = undefined) {
    const error = Object.assign(new Error(reason === undefined ? ABORTED : String(reason)), { durableObjectReset: true });
    this.#object.break(error);
    throw error;
  }
}
defineInterface(DurableObjectState, { receiver: true });

/** Runs `work` while nothing else happens to the object. */
async function alone(object, work) {
  const event = currentEvent();
  event?.begin();
  try {
    return await object.gate.section(work);
  } finally {
    event?.end();
  }
}

/** @param {import("./instance.js").Instance} object */
function storageOf(object) {
  const ask = (what, value) => call(undefined, (id, event) => callStorage(id, object.number, event, what, value));
  return makeStorage(object.number, {
    alarm() {
      if (!object.handlesAlarms) throw new TypeError(NO_ALARM_HANDLER);
    },
    call: ask,
    gate: (run) => alone(object, run),
    // The host answers when everything before the question is on disk.
    sync: () => ask("bookmark"),
  });
}

/** @param {() => unknown} work */
function limited(work, object) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = Object.assign(new Error(TOOK_TOO_LONG), { durableObjectReset: true });
      object.break(error);
      reject(error);
    }, CONCURRENCY_TIMEOUT_MS);
    Promise.resolve(work())
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** @param {import("./instance.js").Instance} object */
export const makeState = (object) => new DurableObjectState(token, object);
