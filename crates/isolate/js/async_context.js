// The asynchronous context: what AsyncLocalStorage and the current event are kept in.
//
// A context is an immutable object `{ event, stores }`; `stores` is a Map from an AsyncLocalStorage to its store. The
// bundler's pass restores it after each `await`; everything else that runs later is wrapped here or by its own module.

import { get, set, standIns, wait } from "atoll:native/async_context";

export { get, set, standIns, wait };

/**
 * Calls `callback` with `context` as the current one, and puts the old one back.
 * @template R
 * @param {object | undefined} context
 * @param {(...args: any[]) => R} callback
 * @returns {R}
 */
export function run(context, callback, ...args) {
  const before = get();
  set(context);
  try {
    return callback(...args);
  } finally {
    set(before);
  }
}

/** The current context, to run something in later. */
export function snapshot() {
  const context = get();
  return { run: (callback, ...args) => run(context, callback, ...args) };
}

/**
 * A function that calls `callback` in the context of now.
 * @param {Function} callback
 */
export function bind(callback) {
  const context = get();
  return function (...args) {
    const before = get();
    set(context);
    try {
      return Reflect.apply(callback, this, args);
    } finally {
      set(before);
    }
  };
}

/** The event that the current code runs for. */
export function currentEvent() {
  return get()?.event;
}

const nativeThen = Promise.prototype.then;
const apply = Reflect.apply;

Object.defineProperty(Promise.prototype, "then", {
  value: {
    then(onFulfilled, onRejected) {
      const context = get();
      if (context === undefined) return apply(nativeThen, this, [onFulfilled, onRejected]);
      // A job starts without a context (the event loop clears it), so a reaction sets its own and need not put one back.
      return apply(nativeThen, this, [
        typeof onFulfilled === "function" ? (value) => (set(context), onFulfilled(value)) : onFulfilled,
        typeof onRejected === "function" ? (error) => (set(context), onRejected(error)) : onRejected,
      ]);
    },
  }.then,
  writable: true,
  enumerable: false,
  configurable: true,
});

/** `Promise.prototype.then` that leaves the context alone, for internal code. */
export { then as plainThen } from "atoll:native/async_context";

const nativeQueueMicrotask = globalThis.queueMicrotask;

export function queueMicrotask(callback) {
  if (typeof callback !== "function") {
    throw new TypeError(
      "Failed to execute 'queueMicrotask' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'function'.",
    );
  }
  const context = get();
  nativeQueueMicrotask(() => {
    set(context);
    callback();
  });
}
