/**
 * Events as the DOM standard defines them for targets without a tree (https://dom.spec.whatwg.org/#events).
 *
 * Every target here is its own path: there is no parent to capture from or bubble to.
 */
import { defineInterface, illegal, requireArguments, toDictionary, toDOMString } from "./webidl.js";
import { snapshot } from "./async_context.js";

const NONE = 0;
const CAPTURING_PHASE = 1;
const AT_TARGET = 2;
const BUBBLING_PHASE = 3;

/** Lets the dispatch algorithm below reach into an event's private state. */
let access;
/** Marks an event as made by the runtime. */
export let trust;

export class Event {
  #type;
  #target = null;
  #phase = NONE;
  #bubbles = false;
  #cancelable = false;
  #composed = false;
  #dispatching = false;
  #stopped = false;
  #stoppedImmediately = false;
  #canceled = false;
  #inPassiveListener = false;
  #trusted = false;

  constructor(type, init = undefined) {
    requireArguments(arguments.length, 1, "constructor of 'Event'");
    this.#type = toDOMString(type);
    if (init !== undefined && init !== null) {
      toDictionary(init, "Init", "constructor of 'Event'", 2);
      this.#bubbles = Boolean(init.bubbles);
      this.#cancelable = Boolean(init.cancelable);
      this.#composed = Boolean(init.composed);
    }
  }

  get type() { return this.#type; }
  get target() { return this.#target; }
  get srcElement() { return this.#target; }
  get currentTarget() { return this.#dispatching ? this.#target : null; }
  get eventPhase() { return this.#phase; }
  get bubbles() { return this.#bubbles; }
  get cancelable() { return this.#cancelable; }
  get composed() { return this.#composed; }
  get defaultPrevented() { return this.#canceled; }
  get isTrusted() { return this.#trusted; }
  get timeStamp() {
    // Time stands still while code runs; an event carries no clock of its own.
    if (this === undefined || !(#type in this)) throw illegal();
    return 0;
  }
  get returnValue() { return !this.#canceled; }
  set returnValue(value) {
    if (!value) this.#cancel();
  }
  get cancelBubble() { return this.#stopped; }
  set cancelBubble(value) {
    if (value) this.#stopped = true;
  }

  composedPath() { return this.#dispatching ? [this.#target] : []; }
  stopPropagation() { this.#stopped = true; }
  stopImmediatePropagation() {
    this.#stopped = true;
    this.#stoppedImmediately = true;
  }
  preventDefault() { this.#cancel(); }

  initEvent(type, bubbles = false, cancelable = false) {
    requireArguments(arguments.length, 1, "'initEvent' on 'Event'");
    if (this.#dispatching) return;
    this.#type = toDOMString(type);
    this.#bubbles = Boolean(bubbles);
    this.#cancelable = Boolean(cancelable);
    this.#stopped = this.#stoppedImmediately = this.#canceled = this.#trusted = false;
    this.#target = null;
  }

  #cancel() {
    if (this.#cancelable && !this.#inPassiveListener) this.#canceled = true;
  }

  static {
    trust = (event) => {
      event.#trusted = true;
      return event;
    };
    access = {
      isEvent: (value) => typeof value === "object" && value !== null && #type in value,
      isDispatching: (event) => event.#dispatching,
      begin(event, target) {
        event.#dispatching = true;
        event.#target = target;
        event.#phase = AT_TARGET;
      },
      end(event) {
        event.#dispatching = false;
        event.#phase = NONE;
        event.#stopped = event.#stoppedImmediately = false;
      },
      distrust(event) { event.#trusted = false; },
      stopped: (event) => event.#stopped,
      stoppedImmediately: (event) => event.#stoppedImmediately,
      canceled: (event) => event.#canceled,
      setPassive(event, passive) { event.#inPassiveListener = passive; },
    };
  }
}
defineInterface(Event, { receiver: access.isEvent, constants: { NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE } });

/**
 * @typedef {object} Listener
 * @property {Function | object | null} callback
 * @property {boolean} capture
 * @property {boolean} once
 * @property {boolean} passive
 * @property {boolean} removed
 * @property {Function | null} run  runs a function in the async context the listener was added in
 */

/** The global scope is an EventTarget too, but it is the engine's own object and can't carry private fields. */
const globalListeners = new Map();

let listenersOf;

export class EventTarget {
  /** @type {Map<string, Listener[]> | undefined} */
  #listeners = undefined;

  addEventListener(type, callback, options = undefined) {
    requireArguments(arguments.length, 2, "'addEventListener' on 'EventTarget'", "string, function or HandlerObject");
    const listeners = listenersOf(this, true);
    type = toDOMString(type);
    if (callback === undefined) callback = null;
    if (callback !== null && typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError(
        "Failed to execute 'addEventListener' on 'EventTarget': parameter 2 is not of type 'EventListener'.",
      );
    }
    let capture = false;
    let once = false;
    let passive = false;
    let signal;
    if (typeof options === "object" && options !== null || typeof options === "function") {
      capture = Boolean(options.capture);
      once = Boolean(options.once);
      passive = Boolean(options.passive);
      signal = options.signal;
      if (signal !== undefined && !signalHooks?.isSignal(signal)) {
        throw new TypeError(
          "Failed to execute 'addEventListener' on 'EventTarget': member signal is not of type AbortSignal.",
        );
      }
    } else {
      capture = Boolean(options);
    }
    if (callback === null || signal?.aborted) return;
    let list = listeners.get(type);
    if (list === undefined) listeners.set(type, list = []);
    for (const existing of list) {
      if (existing.callback === callback && existing.capture === capture) return;
    }
    const listener = { callback, capture, once, passive, removed: false, handler: false, context: snapshot() };
    list.push(listener);
    if (signal !== undefined) {
      signalHooks.addAbortAlgorithm(signal, () => removeListener(listeners, type, listener));
    }
  }

  removeEventListener(type, callback, options = undefined) {
    requireArguments(arguments.length, 2, "'removeEventListener' on 'EventTarget'", "string, Object");
    const listeners = listenersOf(this, false);
    type = toDOMString(type);
    const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
    const list = listeners?.get(type);
    if (list === undefined || callback === null || callback === undefined) return;
    for (const listener of list) {
      if (listener.callback === callback && listener.capture === capture && !listener.handler) {
        removeListener(listeners, type, listener);
        return;
      }
    }
  }

  dispatchEvent(event) {
    requireArguments(arguments.length, 1, "'dispatchEvent' on 'EventTarget'", "Event");
    listenersOf(this, false);
    if (!access.isEvent(event)) {
      throw new TypeError("Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'.");
    }
    if (access.isDispatching(event)) {
      throw new DOMException("The event is already being dispatched.", "InvalidStateError");
    }
    access.distrust(event);
    return dispatch(this ?? globalThis, event);
  }

  static {
    listenersOf = (target, create) => {
      if (target === globalThis || target === undefined || target === null) return globalListeners;
      if (!(#listeners in target)) throw illegal();
      if (create) return (target.#listeners ??= new Map());
      return target.#listeners;
    };
  }
}
defineInterface(EventTarget);

/** Set by abort.js: events come first, yet listeners can be tied to a signal. */
let signalHooks;
export function setSignalHooks(hooks) {
  signalHooks = hooks;
}

function removeListener(listeners, type, listener) {
  listener.removed = true;
  const list = listeners.get(type);
  if (list === undefined) return;
  const index = list.indexOf(listener);
  if (index < 0) return;
  if (list.length === 1) listeners.delete(type);
  // A dispatch may be walking the old array, so a change makes a new one.
  else listeners.set(type, list.toSpliced(index, 1));
}

/**
 * Runs the listeners of `target` for an event made by the runtime or by dispatchEvent().
 * @returns {boolean} false when a listener cancelled the event
 */
export function dispatch(target, event) {
  const listeners = listenersOf(target, false);
  access.begin(event, target);
  const list = listeners?.get(event.type);
  if (list !== undefined && !access.stopped(event)) {
    // Capturing listeners run first even at the target itself.
    const count = list.length;
    let anyCapture = false;
    for (let i = 0; i < count; i++) anyCapture ||= list[i].capture;
    if (anyCapture) runListeners(target, event, listeners, list, count, true);
    if (!access.stopped(event)) runListeners(target, event, listeners, list, count, false);
  }
  access.end(event);
  return !access.canceled(event);
}

function runListeners(target, event, listeners, list, count, capture) {
  for (let i = 0; i < count; i++) {
    const listener = list[i];
    if (listener.removed || listener.capture !== capture) continue;
    if (listener.once) removeListener(listeners, event.type, listener);
    const { callback } = listener;
    if (listener.passive) access.setPassive(event, true);
    try {
      if (typeof callback === "function") {
        const result = listener.context.run(callCallback, callback, target, event);
        // As in Workers, any listener can say with `true` that it has dealt with the event.
        if (result === true) event.preventDefault();
      } else {
        listener.context.run(callHandleEvent, callback, event);
      }
    } catch (error) {
      reportException(error);
    }
    if (listener.passive) access.setPassive(event, false);
    if (access.stoppedImmediately(event)) return;
  }
}

function callCallback(callback, target, event) {
  return callback.call(target, event);
}

function callHandleEvent(object, event) {
  const { handleEvent } = object;
  if (typeof handleEvent !== "function") {
    throw new TypeError("The event listener object has no callable 'handleEvent' property.");
  }
  handleEvent.call(object, event);
}

/** Whether anything listens for `type`, so that costly events need not be made. */
export function hasListeners(target, type) {
  return listenersOf(target, false)?.has(type) ?? false;
}

/**
 * Defines the event handler attributes (`onmessage` and the like) of a class or object.
 * https://html.spec.whatwg.org/#event-handler-idl-attributes
 */
export function defineEventHandlers(prototype, types) {
  for (const type of types) {
    const name = `on${type}`;
    const isGlobal = prototype === ServiceWorkerGlobalScope.prototype;
    const find = (target) => listenersOf(target, false)?.get(type)?.find((listener) => listener.handler === true);
    Object.defineProperty(prototype, name, {
      get: {
        [name]() {
          if (this === undefined && !isGlobal) throw illegal();
          return find(this)?.callback ?? null;
        },
      }[name],
      set: {
        [name](value) {
          const callback = typeof value === "function" || (typeof value === "object" && value !== null) ? value : null;
          const listeners = listenersOf(this, true);
          const existing = find(this);
          if (callback === null) {
            if (existing !== undefined) removeListener(listeners, type, existing);
          } else if (existing !== undefined) {
            existing.callback = callback;
            existing.context = snapshot();
          } else {
            let list = listeners.get(type);
            if (list === undefined) listeners.set(type, list = []);
            list.push({
              callback, capture: false, once: false, passive: false, removed: false, handler: true,
              context: snapshot(),
            });
          }
        },
      }[name],
      enumerable: true,
      configurable: true,
    });
  }
}

/** Refuses what an event's constructor cannot take, by the name of its class. */
function checkArguments(given, init, name, initType) {
  if (given > 0 && (init === undefined || init === null || typeof init === "object")) return;
  requireArguments(given, 1, `constructor of '${name}'`);
  toDictionary(init, initType, `constructor of '${name}'`, 2);
}

export class CustomEvent extends Event {
  #detail = null;
  constructor(type, init = undefined) {
    checkArguments(arguments.length, init, "CustomEvent", "CustomEventInit");
    super(type, init);
    if (init?.detail !== undefined) this.#detail = init.detail;
  }
  get detail() { return this.#detail; }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    this.initEvent(type, bubbles, cancelable);
    this.#detail = detail;
  }
}
defineInterface(CustomEvent, { receiver: true });

export class MessageEvent extends Event {
  #data = null;
  #origin = "";
  #lastEventId = "";
  #source = null;
  #ports = [];
  constructor(type, init = undefined) {
    checkArguments(arguments.length, init, "MessageEvent", "Initializer");
    super(type, init);
    if (init === undefined || init === null) return;
    if (init.data !== undefined) this.#data = init.data;
    if (init.origin !== undefined) this.#origin = String(init.origin);
    if (init.lastEventId !== undefined) this.#lastEventId = String(init.lastEventId);
    if (init.source !== undefined) this.#source = init.source;
    if (init.ports !== undefined) this.#ports = Object.freeze([...init.ports]);
  }
  get data() { return this.#data; }
  get origin() { return this.#origin; }
  get lastEventId() { return this.#lastEventId; }
  get source() { return this.#source; }
  get ports() { return this.#ports; }
}
defineInterface(MessageEvent, { receiver: true });

export class CloseEvent extends Event {
  #code = 0;
  #reason = "";
  #wasClean = false;
  constructor(type, init = undefined) {
    checkArguments(arguments.length, init, "CloseEvent", "Initializer");
    super(type, init);
    if (init === undefined || init === null) return;
    if (init.code !== undefined) this.#code = Number(init.code) & 0xffff;
    if (init.reason !== undefined) this.#reason = String(init.reason).toWellFormed();
    this.#wasClean = Boolean(init.wasClean);
  }
  get code() { return this.#code; }
  get reason() { return this.#reason; }
  get wasClean() { return this.#wasClean; }
}
defineInterface(CloseEvent, { receiver: true });

export class ErrorEvent extends Event {
  #message = "";
  #filename = "";
  #lineno = 0;
  #colno = 0;
  #error = undefined;
  constructor(type, init = undefined) {
    checkArguments(arguments.length, init, "ErrorEvent", "ErrorEventInit");
    super(type, init);
    if (init === undefined || init === null) return;
    if (init.message !== undefined) this.#message = String(init.message);
    if (init.filename !== undefined) this.#filename = String(init.filename);
    if (init.lineno !== undefined) this.#lineno = init.lineno >>> 0;
    if (init.colno !== undefined) this.#colno = init.colno >>> 0;
    this.#error = init.error;
  }
  get message() { return this.#message; }
  get filename() { return this.#filename; }
  get lineno() { return this.#lineno; }
  get colno() { return this.#colno; }
  get error() { return this.#error; }
}
defineInterface(ErrorEvent, { receiver: true });

export class PromiseRejectionEvent extends Event {
  #promise;
  #reason;
  constructor(type, init) {
    requireArguments(arguments.length, 2, "constructor of 'PromiseRejectionEvent'");
    super(type, init);
    this.#promise = init.promise;
    this.#reason = init.reason;
  }
  get promise() { return this.#promise; }
  get reason() { return this.#reason; }
}
defineInterface(PromiseRejectionEvent, { receiver: true });

let makingExtendable = false;

/** The base of the events the service worker syntax delivers; only the runtime makes them. */
export class ExtendableEvent extends Event {
  #waitUntil;
  constructor(type, waitUntil) {
    if (!makingExtendable) throw new TypeError("Illegal constructor");
    super(type);
    this.#waitUntil = waitUntil;
  }
  waitUntil(promise) {
    requireArguments(arguments.length, 1, "'waitUntil' on 'ExtendableEvent'");
    this.#waitUntil(promise);
  }
}
defineInterface(ExtendableEvent, { receiver: true });

/** Makes an ExtendableEvent whose waitUntil() hands promises to `waitUntil`. */
export function makeExtendableEvent(type, waitUntil, Class = ExtendableEvent) {
  makingExtendable = true;
  try {
    return trust(new Class(type, waitUntil));
  } finally {
    makingExtendable = false;
  }
}

/** Replaced by the console's author: prints an error nobody handled. */
let printUncaught = (error) => globalThis.console?.error("Uncaught", error);
export function setUncaughtPrinter(print) {
  printUncaught = print;
}

let reporting = false;

/**
 * Reports an exception that no caller will see: an `error` event on the global scope, then the console.
 * https://html.spec.whatwg.org/#report-an-exception
 */
export function reportException(error) {
  let handled = false;
  // An error in an error listener goes straight to the console.
  if (!reporting && globalListeners.has("error")) {
    let message = "Uncaught exception";
    try {
      message = `Uncaught ${error}`;
    } catch {
      // Its toString() throws.
    }
    const event = trust(new ErrorEvent("error", { message, error, cancelable: true }));
    reporting = true;
    try {
      handled = !dispatch(globalThis, event);
    } finally {
      reporting = false;
    }
  }
  if (!handled) printUncaught(error);
}

/** The global `reportError()`. https://html.spec.whatwg.org/#dom-reporterror */
export function reportError(error) {
  requireArguments(arguments.length, 1, "'reportError' on 'ServiceWorkerGlobalScope'", "Value");
  reportException(error);
}

export class WorkerGlobalScope extends EventTarget {
  constructor() { throw new TypeError("Illegal constructor"); }
}
defineInterface(WorkerGlobalScope);

export class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
defineInterface(ServiceWorkerGlobalScope);

/** Makes the global object an EventTarget with the handler attributes that Workers have. */
export function installGlobalScope(scope) {
  Object.setPrototypeOf(scope, ServiceWorkerGlobalScope.prototype);
}
