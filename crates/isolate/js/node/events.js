/** `node:events`: EventEmitter, and the helpers that also work on EventTargets. */
import { AsyncResource } from "./async_hooks.js";
import { inspect } from "../inspect.js";
import { AbortError, invalidArgType, NodeError, outOfRange } from "../node_support/errors.js";
import {
  validateAbortSignal, validateBoolean, validateFunction, validateInteger, validateNumber, validateObject,
} from "../node_support/validators.js";

export const errorMonitor = Symbol("events.errorMonitor");
export const captureRejectionSymbol = Symbol.for("nodejs.rejection");
const kCapture = Symbol("kCapture");
const kMaxEventTargetListeners = Symbol("events.maxEventTargetListeners");

let defaultMaxListenersValue = 10;

/** @param {{captureRejections?: boolean}} [options] */
export function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;
Object.defineProperty(EventEmitter.prototype, kCapture, { value: false, writable: true });

EventEmitter.init = function (options) {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners = this._maxListeners || undefined;
  if (options?.captureRejections) {
    validateBoolean(options.captureRejections, "options.captureRejections");
    this[kCapture] = true;
  } else {
    this[kCapture] = EventEmitter.prototype[kCapture];
  }
};

const listLimit = (emitter) => emitter._maxListeners ?? defaultMaxListenersValue;

function refuseListener(listener) {
  validateFunction(listener, "listener");
}

function callListener(emitter, listener, type, args) {
  const result = Reflect.apply(listener, emitter, args);
  if (result === undefined || result === null || !emitter[kCapture]) return;
  try {
    const { then } = result;
    if (typeof then === "function") {
      then.call(result, undefined, (error) => queueMicrotask(() => routeRejection(emitter, error, type, args)));
    }
  } catch (error) {
    emitter.emit("error", error);
  }
}

function routeRejection(emitter, error, type, args) {
  if (typeof emitter[captureRejectionSymbol] === "function") {
    emitter[captureRejectionSymbol](error, type, ...args);
    return;
  }
  // Capturing is off while "error" is emitted, so that a failing error listener cannot loop.
  const previous = emitter[kCapture];
  try {
    emitter[kCapture] = false;
    emitter.emit("error", error);
  } finally {
    emitter[kCapture] = previous;
  }
}

function unhandledError(args) {
  const error = args[0];
  if (error instanceof Error) return error;
  let shown;
  try {
    shown = inspect(error);
  } catch {
    shown = error;
  }
  const wrapped = new NodeError("ERR_UNHANDLED_ERROR", `Unhandled error. (${shown})`);
  wrapped.context = error;
  return wrapped;
}

function addListener(emitter, type, listener, prepend) {
  refuseListener(listener);
  let events = emitter._events;
  if (events === undefined) {
    events = emitter._events = { __proto__: null };
    emitter._eventsCount = 0;
  } else if (events.newListener !== undefined) {
    emitter.emit("newListener", type, listener.listener ?? listener);
    // A newListener listener may have replaced the table.
    events = emitter._events;
  }
  const existing = events[type];
  if (existing === undefined) {
    events[type] = listener;
    ++emitter._eventsCount;
    return emitter;
  }
  let list = existing;
  if (typeof existing === "function") list = events[type] = prepend ? [listener, existing] : [existing, listener];
  else if (prepend) list.unshift(listener);
  else list.push(listener);
  const limit = listLimit(emitter);
  if (limit > 0 && list.length > limit && !list.warned) {
    list.warned = true;
    warnAboutLeak(
      `Possible EventEmitter memory leak detected. ${list.length} ${String(type)} listeners added to ` +
        `${inspect(emitter, { depth: -1 })}. MaxListeners is ${limit}. Use emitter.setMaxListeners() to increase limit`,
      { emitter, type, count: list.length },
    );
  }
  return emitter;
}

function warnAboutLeak(message, details) {
  const warning = Object.assign(new Error(message), { name: "MaxListenersExceededWarning" }, details);
  globalThis.process?.emitWarning?.(warning);
}

function wrapOnce(emitter, type, listener) {
  let fired = false;
  const wrapper = function (...args) {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(type, wrapper);
    return Reflect.apply(listener, emitter, args);
  };
  wrapper.listener = listener;
  return wrapper;
}

const unwrap = (listener) => listener.listener ?? listener;

Object.assign(EventEmitter.prototype, {
  setMaxListeners(count) {
    validateNumber(count, "setMaxListeners", 0);
    this._maxListeners = count;
    return this;
  },

  getMaxListeners() {
    return listLimit(this);
  },

  emit(type, ...args) {
    const events = this._events;
    if (type === "error") {
      if (events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...args);
      if (events?.error === undefined) throw unhandledError(args);
    }
    const handler = events?.[type];
    if (handler === undefined) return false;
    if (typeof handler === "function") {
      callListener(this, handler, type, args);
    } else {
      for (const listener of handler.slice()) callListener(this, listener, type, args);
    }
    return true;
  },

  addListener(type, listener) {
    return addListener(this, type, listener, false);
  },

  prependListener(type, listener) {
    return addListener(this, type, listener, true);
  },

  once(type, listener) {
    refuseListener(listener);
    return this.on(type, wrapOnce(this, type, listener));
  },

  prependOnceListener(type, listener) {
    refuseListener(listener);
    return this.prependListener(type, wrapOnce(this, type, listener));
  },

  removeListener(type, listener) {
    refuseListener(listener);
    const events = this._events;
    const list = events?.[type];
    if (list === undefined) return this;
    if (list === listener || list.listener === listener) {
      --this._eventsCount;
      delete events[type];
    } else if (typeof list !== "function") {
      const position = list.findLastIndex((entry) => entry === listener || entry.listener === listener);
      if (position < 0) return this;
      list.splice(position, 1);
      if (list.length === 1) events[type] = list[0];
    } else {
      return this;
    }
    if (events.removeListener !== undefined) this.emit("removeListener", type, listener.listener ?? listener);
    return this;
  },

  removeAllListeners(type) {
    const events = this._events;
    if (events === undefined) return this;
    if (events.removeListener === undefined) {
      if (arguments.length === 0) {
        this._events = { __proto__: null };
        this._eventsCount = 0;
      } else if (events[type] !== undefined) {
        --this._eventsCount;
        delete events[type];
      }
      return this;
    }
    if (arguments.length === 0) {
      for (const key of Reflect.ownKeys(events)) if (key !== "removeListener") this.removeAllListeners(key);
      this.removeAllListeners("removeListener");
      this._events = { __proto__: null };
      this._eventsCount = 0;
      return this;
    }
    const list = events[type];
    if (typeof list === "function") this.removeListener(type, list);
    else if (list !== undefined) for (const listener of list.slice().reverse()) this.removeListener(type, listener);
    return this;
  },

  listeners(type) {
    return this.rawListeners(type).map(unwrap);
  },

  rawListeners(type) {
    const list = this._events?.[type];
    if (list === undefined) return [];
    return typeof list === "function" ? [list] : list.slice();
  },

  listenerCount(type, listener) {
    const list = this.rawListeners(type);
    if (listener === undefined || listener === null) return list.length;
    return list.filter((entry) => entry === listener || entry.listener === listener).length;
  },

  eventNames() {
    return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : [];
  },
});
EventEmitter.prototype.on = EventEmitter.prototype.addListener;
EventEmitter.prototype.off = EventEmitter.prototype.removeListener;

const isTarget = (value) => typeof value?.addEventListener === "function";

/**
 * Listens on either kind of event source, and answers a function that stops listening.
 * @returns {() => void}
 */
function listenTo(source, type, listener, flags = undefined) {
  if (typeof source?.on === "function") {
    if (flags?.once) source.once(type, listener);
    else source.on(type, listener);
    return () => source.removeListener(type, listener);
  }
  if (isTarget(source)) {
    source.addEventListener(type, listener, flags);
    return () => source.removeEventListener(type, listener, flags);
  }
  throw invalidArgType("emitter", "EventEmitter", source);
}

const abortReason = (signal) => new AbortError(undefined, { cause: signal.reason });

/** Resolves with the arguments of the next event, or rejects with the next "error". */
export async function once(emitter, name, options = {}) {
  validateObject(options, "options");
  const { signal } = options;
  validateAbortSignal(signal, "options.signal");
  if (signal?.aborted) throw abortReason(signal);
  return new Promise((resolve, reject) => {
    const stops = [];
    const finish = (settle, value) => {
      for (const stop of stops) stop();
      settle(value);
    };
    stops.push(listenTo(emitter, name, (...args) => finish(resolve, args), { once: true }));
    if (name !== "error" && typeof emitter.once === "function") {
      stops.push(listenTo(emitter, "error", (error) => finish(reject, error), { once: true }));
    }
    if (signal) stops.push(listenTo(signal, "abort", () => finish(reject, abortReason(signal)), { once: true }));
  });
}

/** An async iterator over the arguments of each event. */
export function on(emitter, name, options = {}) {
  validateObject(options, "options");
  const { signal } = options;
  validateAbortSignal(signal, "options.signal");
  if (signal?.aborted) throw abortReason(signal);
  const highWaterMark = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER;
  const lowWaterMark = options.lowWaterMark ?? options.lowWatermark ?? 1;
  validateInteger(highWaterMark, "options.highWaterMark", 1);
  validateInteger(lowWaterMark, "options.lowWaterMark", 1);

  const unread = [];
  const waiting = [];
  const stops = [];
  let failure;
  let finished = false;
  let paused = false;

  const finish = () => {
    for (const stop of stops.splice(0)) stop();
    finished = true;
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };
  const fail = (error) => {
    if (waiting.length > 0) waiting.shift().reject(error);
    else failure = error;
    finish();
  };
  const deliver = (...args) => {
    if (waiting.length > 0) {
      waiting.shift().resolve({ value: args, done: false });
      return;
    }
    unread.push(args);
    if (!paused && unread.length > highWaterMark) {
      paused = true;
      emitter.pause?.();
    }
  };

  stops.push(listenTo(emitter, name, deliver));
  if (name !== "error" && typeof emitter.on === "function") stops.push(listenTo(emitter, "error", fail));
  for (const closing of options.close ?? []) stops.push(listenTo(emitter, closing, finish));
  if (signal) stops.push(listenTo(signal, "abort", () => fail(abortReason(signal)), { once: true }));

  return Object.setPrototypeOf(
    {
      next() {
        if (unread.length > 0) {
          const value = unread.shift();
          if (paused && unread.length < lowWaterMark) {
            paused = false;
            emitter.resume?.();
          }
          return Promise.resolve({ value, done: false });
        }
        if (failure !== undefined) {
          const error = failure;
          failure = undefined;
          return Promise.reject(error);
        }
        if (finished) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      },
      return: finish,
      throw(error) {
        if (!(error instanceof Error)) throw invalidArgType("EventEmitter.AsyncIterator", "Error", error);
        fail(error);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype),
  );
}

export function getEventListeners(emitterOrTarget, type) {
  if (typeof emitterOrTarget?.listeners === "function") return emitterOrTarget.listeners(type);
  throw invalidArgType("emitter", "EventEmitter", emitterOrTarget);
}

export function getMaxListeners(emitterOrTarget) {
  if (typeof emitterOrTarget?.getMaxListeners === "function") return emitterOrTarget.getMaxListeners();
  if (isTarget(emitterOrTarget)) return emitterOrTarget[kMaxEventTargetListeners] ?? defaultMaxListenersValue;
  throw invalidArgType("emitter", ["EventEmitter", "EventTarget"], emitterOrTarget);
}

/** Sets the limit on each source, or the default for all when none is given. */
export function setMaxListeners(count = defaultMaxListenersValue, ...sources) {
  validateNumber(count, "setMaxListeners", 0);
  if (sources.length === 0) {
    defaultMaxListenersValue = count;
    return;
  }
  for (const source of sources) {
    if (typeof source?.setMaxListeners === "function") {
      source.setMaxListeners(count);
    } else if (isTarget(source)) {
      Object.defineProperty(source, kMaxEventTargetListeners, { value: count, configurable: true, writable: true });
    } else {
      throw invalidArgType("eventTargets", ["EventEmitter", "EventTarget"], source);
    }
  }
}

/** @deprecated use `emitter.listenerCount(type)` */
export function listenerCount(emitter, type) {
  if (typeof emitter.listenerCount === "function") return emitter.listenerCount(type);
  return EventEmitter.prototype.listenerCount.call(emitter, type);
}

/** Listens once for an abort, and answers a disposable that stops listening. */
export function addAbortListener(signal, listener) {
  if (signal === undefined) throw invalidArgType("signal", "AbortSignal", signal);
  validateAbortSignal(signal, "signal");
  validateFunction(listener, "listener");
  let stop;
  if (signal.aborted) queueMicrotask(() => listener());
  else stop = listenTo(signal, "abort", listener, { once: true });
  return {
    __proto__: null,
    [Symbol.dispose ?? Symbol.for("nodejs.dispose")]() {
      stop?.();
    },
  };
}

/** An emitter whose listeners run in the async context in which it was made. */
export class EventEmitterAsyncResource extends EventEmitter {
  #resource;

  constructor(options = undefined) {
    const name = typeof options === "string" ? options : options?.name;
    super(typeof options === "string" ? undefined : options);
    this.#resource = new AsyncResource(name || new.target.name, options);
    this.#resource.eventEmitter = this;
  }

  emit(event, ...args) {
    return this.#resource.runInAsyncScope(super.emit, this, event, ...args);
  }

  emitDestroy() {
    this.#resource.emitDestroy();
  }

  get asyncId() {
    return this.#resource.asyncId();
  }

  get triggerAsyncId() {
    return this.#resource.triggerAsyncId();
  }

  get asyncResource() {
    return this.#resource;
  }
}

Object.assign(EventEmitter, {
  EventEmitter, EventEmitterAsyncResource, addAbortListener, captureRejectionSymbol, errorMonitor, getEventListeners,
  getMaxListeners, listenerCount, on, once, setMaxListeners, usingDomains: false,
});
Object.defineProperties(EventEmitter, {
  captureRejections: {
    enumerable: true,
    get: () => EventEmitter.prototype[kCapture],
    set(value) {
      validateBoolean(value, "EventEmitter.captureRejections");
      EventEmitter.prototype[kCapture] = value;
    },
  },
  defaultMaxListeners: {
    enumerable: true,
    get: () => defaultMaxListenersValue,
    set(value) {
      if (typeof value !== "number" || value < 0 || Number.isNaN(value)) {
        throw outOfRange("defaultMaxListeners", "a non-negative number", value);
      }
      defaultMaxListenersValue = value;
    },
  },
});

export const captureRejections = false;
export const defaultMaxListeners = 10;
export const usingDomains = false;
export default EventEmitter;
