// `ctx` of a Durable Object.

import { currentEvent } from "../async_context.js";
import { setTimeout, clearTimeout } from "../timers.js";
import { defineInterface, illegalConstructor, requireArguments } from "../webidl.js";

const token = Symbol("DurableObjectState");

const CONCURRENCY_TIMEOUT_MS = 30_000;
const TOOK_TOO_LONG =
  "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable " +
  "Object was reset.";
const ABORTED = "Application called abort() to reset Durable Object.";

export class DurableObjectState {
  #object;

  constructor(key, object) {
    if (key !== token) throw illegalConstructor();
    this.#object = object;
    this.props = {};
  }

  get id() {
    return this.#object.id;
  }

  waitUntil(promise) {
    const event = currentEvent();
    if (event === undefined) Promise.resolve(promise).catch(() => {});
    else event.waitUntil(promise);
  }

  async blockConcurrencyWhile(callback) {
    requireArguments(arguments.length, 1, "'blockConcurrencyWhile' on 'DurableObjectState'");
    if (typeof callback !== "function") {
      throw new TypeError(
        "Failed to execute 'blockConcurrencyWhile' on 'DurableObjectState': parameter 1 is not of type 'Function'.",
      );
    }
    const object = this.#object;
    object.check();
    const event = currentEvent();
    event?.begin();
    try {
      return await object.gate.section(() => limited(callback, object));
    } catch (error) {
      object.break(error);
      throw error;
    } finally {
      event?.end();
    }
  }

  abort(reason = undefined) {
    const error = Object.assign(new Error(reason === undefined ? ABORTED : String(reason)), { durableObjectReset: true });
    this.#object.break(error);
    throw error;
  }
}
defineInterface(DurableObjectState);

/** @param {() => unknown} callback */
function limited(callback, object) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = Object.assign(new Error(TOOK_TOO_LONG), { durableObjectReset: true });
      object.break(error);
      reject(error);
    }, CONCURRENCY_TIMEOUT_MS);
    Promise.resolve(callback())
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** @param {import("./instance.js").Instance} object */
export const makeState = (object) => new DurableObjectState(token, object);
