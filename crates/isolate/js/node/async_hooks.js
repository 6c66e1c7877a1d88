/**
 * `node:async_hooks` over the runtime's async context. As on Workers there is no hook into the life of
 * resources: ids are constant, and a store can only be entered by running a function in it.
 */
import { get as currentContext, run as runInContext, snapshot as captureContext } from "../async_context.js";
import { notImplemented } from "../node_support/errors.js";
import { validateFunction, validateString } from "../node_support/validators.js";

/** The current context, with `storage` holding `value`. Contexts are never changed, only replaced. */
function contextWith(storage, value) {
  const context = currentContext();
  const stores = new Map(context?.stores);
  stores.set(storage, value);
  return { ...context, stores };
}

/** A value that follows the asynchronous work started inside {@link run}. */
export class AsyncLocalStorage {
  #defaultValue;
  #name;

  /** @param {{defaultValue?: unknown, name?: string}} [options] */
  constructor(options = {}) {
    this.#defaultValue = options?.defaultValue;
    this.#name = options?.name === undefined ? "" : `${options.name}`;
  }

  get name() {
    return this.#name;
  }

  run(store, callback, ...args) {
    return runInContext(contextWith(this, store), callback, ...args);
  }

  exit(callback, ...args) {
    return this.run(undefined, callback, ...args);
  }

  getStore() {
    const stores = currentContext()?.stores;
    return stores?.has(this) ? stores.get(this) : this.#defaultValue;
  }

  enterWith() {
    throw notImplemented("asyncLocalStorage.enterWith()");
  }

  disable() {
    throw notImplemented("asyncLocalStorage.disable()");
  }

  /** The function, bound to the context of now. */
  static bind(callback) {
    validateFunction(callback, "fn");
    const context = captureContext();
    return function (...args) {
      return context.run(() => Reflect.apply(callback, this, args));
    };
  }

  /** A function that runs what it is given in the context of now. */
  static snapshot() {
    const context = captureContext();
    return function (callback, ...args) {
      return context.run(() => Reflect.apply(callback, this, args));
    };
  }
}

/** Work whose callbacks run in the context in which the resource was made. */
export class AsyncResource {
  #context = captureContext();

  constructor(type) {
    validateString(type, "type");
  }

  static bind(callback, type, thisArg) {
    validateFunction(callback, "fn");
    const resource = new AsyncResource(type ?? (callback.name || "bound-anonymous-fn"));
    return resource.bind(callback, thisArg);
  }

  bind(callback, thisArg) {
    validateFunction(callback, "fn");
    const resource = this;
    const bound =
      thisArg === undefined
        ? function (...args) {
            return resource.runInAsyncScope(callback, this, ...args);
          }
        : (...args) => resource.runInAsyncScope(callback, thisArg, ...args);
    Object.defineProperty(bound, "length", { value: callback.length, configurable: true });
    Object.defineProperty(bound, "asyncResource", { value: this, configurable: true, enumerable: true, writable: true });
    return bound;
  }

  runInAsyncScope(callback, thisArg, ...args) {
    return this.#context.run(() => Reflect.apply(callback, thisArg, args));
  }

  asyncId() {
    return 0;
  }

  triggerAsyncId() {
    return 0;
  }

  emitDestroy() {
    return this;
  }
}

class AsyncHook {
  enable() {
    throw notImplemented("AsyncHook.enable()");
  }
  disable() {
    throw notImplemented("AsyncHook.disable()");
  }
}

export function createHook() {
  return new AsyncHook();
}

export function executionAsyncId() {
  return 0;
}

export function executionAsyncResource() {
  return Object.create(null);
}

export function triggerAsyncId() {
  return 0;
}

export const asyncWrapProviders = Object.freeze({ __proto__: null, NONE: 0 });

export default {
  AsyncLocalStorage, AsyncResource, asyncWrapProviders, createHook, executionAsyncId, executionAsyncResource,
  triggerAsyncId,
};
