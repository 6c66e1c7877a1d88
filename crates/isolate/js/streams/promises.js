/**
 * Promise plumbing for the streams. Everything goes through the engine's own `then`, so that streams neither call a
 * patched `Promise.prototype.then` nor pay for carrying a context.
 */

import { plainThen } from "../async_context.js";

const promiseResolve = Promise.resolve.bind(Promise);
const promiseReject = Promise.reject.bind(Promise);
const withResolvers = Promise.withResolvers.bind(Promise);
const noop = () => {};

/** Runs a function as the next microtask, without making a promise. @type {(job: () => void) => void} */
export const enqueueJob = globalThis.queueMicrotask;

/** @type {<T>() => {promise: Promise<T>, resolve: (value?: T) => void, reject: (reason?: any) => void}} */
export const deferred = withResolvers;

/** The promise a value stands for: itself if it is one. @type {<T>(value?: T) => Promise<T>} */
export const resolvedWith = promiseResolve;

/** @type {(reason: any) => Promise<never>} */
export const rejectedWith = promiseReject;

/** Keeps a promise's rejection from being reported as unhandled. */
export function markHandled(promise) {
  plainThen(promise, undefined, noop);
}

/** A rejected promise nobody has to listen to. */
export function rejectedAndHandled(reason) {
  const promise = promiseReject(reason);
  markHandled(promise);
  return promise;
}

/** `promise.then(...)` with the engine's own `then`. */
export const thenOf = plainThen;

/**
 * Reacts to what a callback gave back, as if through `Promise.resolve(result)`: exactly one microtask later for
 * anything that is no thenable. Most callbacks return nothing, and then no promise is made at all.
 */
export function react(result, onFulfilled, onRejected) {
  if (result === undefined || result === null || (typeof result !== "object" && typeof result !== "function")) {
    enqueueJob(onFulfilled);
  } else {
    plainThen(promiseResolve(result), onFulfilled, onRejected);
  }
}

/**
 * Reacts to the result of a `start`. The standard resolves a new promise with it, so a promise takes two microtasks
 * more here than in `react`, and the order of events at the start of a stream hangs on that.
 */
export function reactToStart(result, onFulfilled, onRejected) {
  if (result === undefined || result === null || (typeof result !== "object" && typeof result !== "function")) {
    enqueueJob(onFulfilled);
  } else {
    const started = withResolvers();
    started.resolve(result);
    plainThen(started.promise, onFulfilled, onRejected);
  }
}

/** Calls `callback(argument)` and reacts to its result; what it throws counts as a rejection. */
export function callAndReact(callback, argument, onFulfilled, onRejected) {
  let result;
  try {
    result = callback(argument);
  } catch (error) {
    enqueueJob(() => onRejected(error));
    return;
  }
  react(result, onFulfilled, onRejected);
}

/**
 * Calls `callback(argument)` and gives a promise for its result, what it throws becoming a rejection. As Web IDL has it,
 * the promise is a new one. (`react`, which runs for every chunk, spares the two microtasks that this takes.)
 */
export function callForPromise(callback, argument) {
  const { promise, resolve, reject } = withResolvers();
  try {
    resolve(callback(argument));
  } catch (error) {
    reject(error);
  }
  return promise;
}
