/**
 * Promise plumbing for the streams. Everything goes through the engine's own `then`, so that streams neither call a
 * patched `Promise.prototype.then` nor pay for carrying a context.
 */

import { plainThen } from "../async_context.js";

const promiseResolve = Promise.resolve.bind(Promise);
const promiseReject = Promise.reject.bind(Promise);
const withResolvers = Promise.withResolvers.bind(Promise);
const noop = () => {};

/** Whether a value can have private fields at all: `in` throws for others, where a rejected promise is due. */
export const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

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

/** What an algorithm of the runtime's own gives back when it will call the reaction itself. */
export const PENDING = Symbol("pending");

/**
 * Reacts to what a callback gave back, as if through `Promise.resolve(result)`: exactly one microtask later for
 * anything that is no thenable. Most callbacks return nothing, and then no promise is made at all.
 */
export function react(result, onFulfilled, onRejected) {
  if (isObject(result)) plainThen(promiseResolve(result), onFulfilled, onRejected);
  else if (result !== PENDING) enqueueJob(onFulfilled);
}

/**
 * Reacts to the result of a `start`. The standard resolves a new promise with it, so a promise takes two microtasks
 * more here than in `react`, and the order of events at the start of a stream hangs on that.
 */
export function reactToStart(result, onFulfilled, onRejected) {
  if (!isObject(result)) {
    enqueueJob(onFulfilled);
    return;
  }
  const started = withResolvers();
  started.resolve(result);
  plainThen(started.promise, onFulfilled, onRejected);
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
