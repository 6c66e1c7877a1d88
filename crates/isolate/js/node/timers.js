/** `node:timers`. Timers are objects here; as a primitive, one is the number that the web's functions know. */
import * as web from "../timers.js";
import { NodeError } from "../node_support/errors.js";
import { validateFunction } from "../node_support/validators.js";
import { wrongArgument } from "../webidl.js";
import promises from "./timers/promises.js";

const customPromisify = Symbol.for("nodejs.util.promisify.custom");

export class Timeout {
  #id;
  #start;
  #referenced = true;

  constructor(start) {
    this.#start = start;
    this.#id = start();
  }

  /** Nothing keeps a process alive here, so this is only remembered. */
  ref() {
    this.#referenced = true;
    return this;
  }

  unref() {
    this.#referenced = false;
    return this;
  }

  hasRef() {
    return this.#referenced;
  }

  refresh() {
    web.clearTimeout(this.#id);
    this.#id = this.#start();
    return this;
  }

  close() {
    web.clearTimeout(this.#id);
    return this;
  }

  [Symbol.toPrimitive]() {
    return this.#id;
  }

  [Symbol.dispose ?? Symbol.for("nodejs.dispose")]() {
    web.clearTimeout(this.#id);
  }
}

export class Immediate extends Timeout {}
delete Immediate.prototype.refresh;

export function setTimeout(callback, delay, ...args) {
  validateFunction(callback, "callback");
  return new Timeout(() => web.setTimeout(callback, delay, ...args));
}

export function setInterval(callback, delay, ...args) {
  validateFunction(callback, "callback");
  return new Timeout(() => web.setInterval(callback, delay, ...args));
}

export function setImmediate(callback, ...args) {
  if (typeof callback !== "function") throw wrongArgument("'setImmediate' on 'ServiceWorkerGlobalScope'", 1, "function");
  return new Immediate(() => web.setTimeout(callback, 0, ...args));
}

function clear(timer) {
  if (timer === undefined || timer === null) return;
  if (typeof timer === "object" || typeof timer === "number" || typeof timer === "string") web.clearTimeout(Number(timer));
}

export function clearTimeout(timer) {
  clear(timer);
}

export function clearInterval(timer) {
  clear(timer);
}

export function clearImmediate(timer) {
  clear(timer);
}

Object.defineProperty(setTimeout, customPromisify, { get: () => promises.setTimeout, configurable: true });
Object.defineProperty(setImmediate, customPromisify, { get: () => promises.setImmediate, configurable: true });

/** @deprecated */
export function active(timer) {
  timer?.refresh?.();
}

/** @deprecated */
export function enroll() {
  throw new NodeError("ERR_METHOD_NOT_IMPLEMENTED", "Not implemented. Please use setTimeout() instead.");
}

/** @deprecated */
export function unenroll(timer) {
  clear(timer);
}

export { promises };

export default {
  Timeout, active, clearImmediate, clearInterval, clearTimeout, enroll, promises, setImmediate, setInterval, setTimeout,
  unenroll,
};
