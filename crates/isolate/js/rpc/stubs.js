// What methods are called on: stubs, their properties, and promises of results.

import { methodProxy, mould, promiseProxy, proxyTarget } from "atoll:native/moulds";
import { callRpc, deriveExport } from "atoll:native/rpc";
import { standIns } from "../async_context.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "../errors.js";
import { call, inGlobalScope } from "../io.js";
import { keep, keepShapesOf } from "../shapes.js";
import { defineInterface, wrongArgument } from "../webidl.js";
import { grip, newCapability } from "./grips.js";
import { keep as keepTarget, kindOf } from "./kept.js";
import { pack, unpackAnswer } from "./parcels.js";

/**
 * Where calls go.
 * @typedef {object} Source
 * @property {(path: string[], args: unknown[] | undefined) => Promise<unknown>} invoke
 */

/** As in the protocol's limits. */
const MAX_PATH = 64;
const NO_ARGUMENTS = {};
const NO_PATH = [];
const noop = () => {};

/** Names that are the language's own, so that nothing takes a stub for what it is not. */
const NOT_METHODS = new Set(["then", "toJSON"]);
/** The same, and what every object has. */
const LANGUAGE_NAMES = new Set([...NOT_METHODS, ...Object.getOwnPropertyNames(Object.prototype)]);

/** What stands behind each proxy. @type {WeakMap<object, object>} */
const behind = new WeakMap();

/** A stub's hold on its capability, if `value` is a stub. */
export const gripOf = (value) => {
  const handler = behind.get(value);
  return handler instanceof StubHandler ? handler.grip : undefined;
};

/** Whether values of the kind cannot travel: a property or a promise. */
export const isUnsettled = (value) => {
  if (typeof value !== "function") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === RpcProperty.prototype || prototype === RpcPromise.prototype;
};

/**
 * Asks for a property, or calls it.
 * @param {(call: number, event: number | undefined, path: string[], bytes: Uint8Array | undefined, refers: unknown[] | undefined) => void} send
 */
export function ask(send, path, args) {
  if (inGlobalScope()) return Promise.reject(new Error(DISALLOWED_IN_GLOBAL_SCOPE));
  let parcel;
  try {
    parcel = args === undefined ? NO_ARGUMENTS : pack(args);
  } catch (error) {
    return Promise.reject(error);
  }
  return call(undefined, (id, event) => send(id, event, path, parcel.bytes, parcel.refers), unpackAnswer);
}

/** Calls on a capability, which may not be there yet. */
class GripSource {
  /** @param {{ capability: number, ready?: Promise<void> }} grip */
  constructor(grip) {
    this.grip = grip;
  }

  invoke(path, args) {
    const { grip } = this;
    const send = (id, event, names, bytes, refers) => callRpc(id, grip.capability, event, names, bytes, refers);
    return grip.ready === undefined ? ask(send, path, args) : grip.ready.then(() => ask(send, path, args));
  }
}

/** @param {{ capability: number, ready?: Promise<void> }} grip */
export const sourceOf = (grip) => new GripSource(grip);

/** A property of something far away: it can be called, awaited, and has properties of its own. */
class PropertyHandler {
  /** @param {Source} source @param {string[]} path */
  constructor(source, path) {
    this.source = source;
    this.path = path;
  }

  apply(_target, _receiver, args) {
    return promiseProxy(this.source.invoke(this.path, args));
  }

  get(_target, key) {
    if (key === "then" || key === "catch" || key === "finally") {
      const promise = this.source.invoke(this.path, undefined);
      return promise[key].bind(promise);
    }
    if (typeof key === "symbol" || key in RpcProperty.prototype) return Reflect.get(RpcProperty.prototype, key);
    return makeProperty(this.source, this.path, key);
  }

  getPrototypeOf() {
    return RpcProperty.prototype;
  }
}

function makeProperty(source, path, key) {
  if (path.length >= MAX_PATH) throw new TypeError(`RPC pipelined property path is too deep (max ${MAX_PATH}).`);
  return new Proxy(noop, new PropertyHandler(source, path.length === 0 ? [key] : [...path, key]));
}

/** The promise of a result, which can be used before it is there. */
class PromiseHandler {
  /** @param {Promise<unknown>} promise */
  constructor(promise) {
    this.promise = promise;
  }

  invoke(path, args) {
    if (this.isDisposed) return Promise.reject(new Error("RPC promise used after being disposed."));
    return this.promise.then((value) => invokeOn(value, path, args));
  }

  apply(_target, _receiver, args) {
    return makePromise(this.invoke([], args));
  }

  get(_target, key) {
    const { promise } = this;
    if (key === "then") return (onFulfilled, onRejected) => promise.then(onFulfilled, onRejected);
    if (key === "catch" || key === "finally") return promise[key].bind(promise);
    if (key === Symbol.dispose) return () => this.dispose();
    if (key === Symbol.toPrimitive) warnOfText();
    if (typeof key === "symbol" || key in RpcPromise.prototype) return Reflect.get(RpcPromise.prototype, key);
    return makeProperty(this, NO_PATH, key);
  }

  getPrototypeOf() {
    return RpcPromise.prototype;
  }

  dispose() {
    this.isDisposed = true;
    this.promise.then((value) => value?.[Symbol.dispose]?.(), noop);
  }
}

PromiseHandler.prototype.isDisposed = false;
standIns(PromiseHandler.prototype);

keepShapesOf(PromiseHandler, ["promise"]);
keepShapesOf(PropertyHandler, ["source", "path"]);
keep(new Proxy(noop, {}));
proxyTarget(noop);
mould("promiseHandler", new PromiseHandler(undefined));
mould("propertyHandler", new PropertyHandler(undefined, undefined));

/** @param {Promise<unknown>} promise */
export const makePromise = promiseProxy;

let hasWarned = false;

/** Text of a call that has no result yet is `[object JsRpcPromise]`, as in Workers, and never meant. */
function warnOfText() {
  if (hasWarned) return;
  hasWarned = true;
  const frames = String(new Error().stack).split("\n");
  const place = frames.find((frame) => frame.includes("at ") && !frame.includes("atoll:") && !frame.includes("(native)"));
  const message = "The result of a call to another worker or object is used as text before it is there: write `await` before the call.";
  globalThis.console.warn(place === undefined ? message : `${message}\n${place}`);
}

/** Goes on from a result that has arrived: through what it holds as far as the next stub. */
function invokeOn(value, path, args) {
  let at = value;
  for (let index = 0; ; index += 1) {
    const source = sourceBehind(at);
    if (source !== undefined) return source.invoke(path.slice(index), args);
    if (typeof at !== "object" || at === null) {
      if (index < path.length) throw remote(`The RPC receiver does not implement the method "${path[index]}".`);
      break;
    }
    if (index === path.length) break;
    const key = path[index];
    if (!Object.hasOwn(at, key)) throw remote(`The RPC receiver does not implement the method "${key}".`);
    at = at[key];
  }
  if (args === undefined) return at;
  throw remote(`"${path.join(".")}" is not a function.`);
}

/** What the other side would say. */
const remote = (message) => Object.assign(new TypeError(message), { remote: true });

const sourceBehind = (value) => behind.get(value)?.source;

class StubHandler {
  /** @param {import("./grips.js").Grip} grip */
  constructor(grip) {
    this.grip = grip;
    this.source = sourceOf(grip);
  }

  apply(_target, _receiver, args) {
    return makePromise(this.source.invoke([], args));
  }

  get(target, key) {
    if (typeof key === "symbol" || key in RpcStub.prototype || NOT_METHODS.has(key)) {
      return Reflect.get(RpcStub.prototype, key);
    }
    return makeProperty(this.source, NO_PATH, key);
  }

  has(_target, key) {
    return key in RpcStub.prototype || (typeof key === "string" && !NOT_METHODS.has(key));
  }

  getPrototypeOf() {
    return RpcStub.prototype;
  }
}

/** @param {import("./grips.js").Grip} grip */
export function makeStub(grip) {
  const handler = new StubHandler(grip);
  // A target of its own: what is forgotten is told by it.
  const stub = new Proxy(() => {}, handler);
  grip.heldBy(stub);
  behind.set(stub, handler);
  return stub;
}

/** A stub for a capability that calls can be made on. @param {number} capability */
export const stubFor = (capability) => makeStub(grip(capability));

/** A reference to something that may be far away. */
export class RpcStub {
  constructor(target) {
    if ((typeof target !== "object" && typeof target !== "function") || target === null) {
      throw wrongArgument("constructor of 'JsRpcStub'", 1, "Object");
    }
    if (kindOf(target) === undefined) {
      throw new TypeError("RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.");
    }
    const capability = newCapability();
    const { id, object } = keepTarget(target);
    deriveExport(capability, id, object);
    return stubFor(capability);
  }

  dup() {
    return makeStub(behind.get(this).grip.dup());
  }

  [Symbol.dispose]() {
    behind.get(this)?.grip.dispose();
  }
}
defineInterface(RpcStub, { name: "JsRpcStub" });

export class RpcPromise {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}
export class RpcProperty {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}
defineInterface(RpcPromise, { name: "JsRpcPromise" });
defineInterface(RpcProperty, { name: "JsRpcProperty" });

class WildcardHandler {
  constructor(object, source) {
    this.object = object;
    this.source = source;
  }

  get(_target, key) {
    const { object } = this;
    if (typeof key !== "string" || key in object || NOT_METHODS.has(key)) return Reflect.get(object, key);
    return makeProperty(this.source, NO_PATH, key);
  }

  has(_target, key) {
    return Reflect.has(this.object, key) || (typeof key === "string" && !NOT_METHODS.has(key));
  }
}

class CallableHandler extends WildcardHandler {
  constructor(object, source, call) {
    super(object, source);
    this.call = call;
  }

  getPrototypeOf() {
    return Object.getPrototypeOf(this.object);
  }

  apply(_target, _receiver, args) {
    return this.call(args);
  }
}

/**
 * Makes every name that `object` does not have a method of what is behind `source`.
 * @param {object} object
 * @param {Source} source
 * @param {(args: unknown[]) => unknown} [apply] what calling it does
 */
export function wildcard(object, source, apply) {
  const handler = apply === undefined ? new WildcardHandler(object, source) : new CallableHandler(object, source, apply);
  const proxy = new Proxy(apply === undefined ? object : noop, handler);
  behind.set(proxy, handler);
  return proxy;
}

/**
 * Makes every name that instances of `Class` do not have a method of what is behind the instance. What all of them share sees
 * to it, so that an instance costs no proxy of its own.
 * @param {Function} Class
 * @param {(instance: unknown) => Source | undefined} find
 */
export function wildcardClass(Class, find) {
  const handler = {
    get(target, key, receiver) {
      if (typeof key === "string" && !LANGUAGE_NAMES.has(key)) {
        const source = find(receiver);
        if (source !== undefined) return methodProxy(source, key);
      }
      return Reflect.get(target, key, receiver);
    },
    has: (target, key) => (typeof key === "string" && !NOT_METHODS.has(key)) || Reflect.has(target, key),
  };
  Object.setPrototypeOf(Class.prototype, new Proxy({}, handler));
}
