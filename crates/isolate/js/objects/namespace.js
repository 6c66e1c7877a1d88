// Namespaces of Durable Objects as `env` has them, and the stubs that they give.

import { mould, objectStub, stubMethods as methodsBehind } from "atoll:native/moulds";
import { fetchObject, jurisdictionNumber } from "atoll:native/objects";
import { inGlobalScope } from "../io.js";
import { coerce, sendWith } from "../fetch.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "../errors.js";
import { wildcardClass } from "../rpc/stubs.js";
import { defineInterface, illegal, illegalConstructor, requireArguments, toDictionary, toUSVString, wrongArgument } from "../webidl.js";
import { keep } from "../shapes.js";
import { callableClass, standForOwnClass } from "./class.js";
import { bytesOf, isId, nameOf, nameToId, newId, textToId } from "./id.js";
import { goesOutside, Methods } from "./inside.js";

const { defineProperty } = Object;
const token = Symbol("DurableObjectNamespace");

/** So many ids of names that were asked for are remembered by a namespace, if the names are no longer than that. */
const MAX_KNOWN_NAMES = 1000;
const MAX_KNOWN_NAME_LENGTH = 100;

/** What `fetch()` and methods of one object are called on. */
export class DurableObjectStub {
  #methods;

  constructor(key, methods) {
    if (key !== token) throw illegalConstructor();
    this.#methods = methods;
  }

  async fetch(input, init = undefined) {
    requireArguments(arguments.length, 1, "'fetch' on 'Fetcher'", "Request or string");
    const { capability, id } = this.#methods;
    const request = coerce(input, init);
    const answer = sendWith(request, (number, event, wire) =>
      fetchObject(number, capability, event, bytesOf(id), nameOf(id), wire),
    );
    return goesOutside(id, answer);
  }
}

defineInterface(DurableObjectStub, { name: "DurableObject", receiver: (value) => methodsBehind(value) !== undefined });
Object.defineProperty(DurableObjectStub, "name", { value: "DurableObject", configurable: true });
wildcardClass(DurableObjectStub, methodsBehind);

/** What a stub stands for; undefined for what is no stub of an object. */
export function partsOfStub(value) {
  const methods = methodsBehind(value);
  if (methods === undefined) return undefined;
  const { capability, id } = methods;
  return { stub: value, namespace: capability, id: bytesOf(id), name: nameOf(id) };
}

/** A stub for an object: its namespace's capability, or one for this object alone that another Worker has passed on. */
export const stubOfObject = (capability, id) => stubOf(new Methods(capability, id));

const stubOf = (methods) => objectStub(methods, methods.name, methods.id);

const constant = { value: undefined, enumerable: true };
keep(
  Object.create(DurableObjectStub.prototype),
  new DurableObjectStub(token, undefined),
  defineProperty(new DurableObjectStub(token, undefined), "name", constant),
);
mould("stub", Object.defineProperties(new DurableObjectStub(token, undefined), { name: constant, id: constant }));

let capabilityOf;

/** All objects of one class. */
export class DurableObjectNamespace {
  #capability;
  #key;
  #jurisdiction;
  /** Names are asked for again and again. @type {Map<string, Methods>} */
  #known = new Map();

  constructor(key, capability, namespaceKey, jurisdiction) {
    if (key !== token) throw illegalConstructor();
    this.#capability = capability;
    this.#key = namespaceKey;
    this.#jurisdiction = jurisdiction;
  }

  newUniqueId(options = undefined) {
    if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
    const { jurisdiction } = toDictionary(options, "NewUniqueIdOptions", "'newUniqueId' on 'DurableObjectNamespace'", 1);
    return newId(this.#key, this.#within(jurisdiction));
  }

  idFromName(name) {
    requireArguments(arguments.length, 1, "'idFromName' on 'DurableObjectNamespace'");
    return this.#named(name);
  }

  #named(name) {
    return nameToId(this.#key, toUSVString(name), this.#jurisdiction);
  }

  /** What is behind all stubs of a name. */
  #shared(name) {
    const methods = new Methods(this.#capability, this.#named(name));
    if (typeof name !== "string" || name.length > MAX_KNOWN_NAME_LENGTH) return methods;
    if (this.#known.size === MAX_KNOWN_NAMES) this.#known.clear();
    this.#known.set(name, methods);
    return methods;
  }

  idFromString(text) {
    requireArguments(arguments.length, 1, "'idFromString' on 'DurableObjectNamespace'");
    return this.#check(textToId(this.#key, toUSVString(text)));
  }

  get(id, options = undefined) {
    if (!isId(id)) throw wrongArgument("'get' on 'DurableObjectNamespace'", 1, "DurableObjectId");
    checkOptions(options, "get");
    // The id may have come from another namespace.
    textToId(this.#key, id.toString());
    this.#check(id);
    return stubOfObject(this.#capability, id);
  }

  // `arguments` would be an object for each call, which an array is not.
  getByName(...given) {
    let known;
    try { known = this.#known; } catch { throw illegal(); }
    const name = given[0];
    const options = given[1];
    if (given.length === 0) requireArguments(0, 1, "'getByName' on 'DurableObjectNamespace'");
    if (options !== undefined) checkOptions(options, "getByName");
    return stubOf(known.get(name) ?? this.#shared(name));
  }

  jurisdiction(name) {
    const jurisdiction = name === undefined || name === null ? undefined : this.#within(name);
    return new DurableObjectNamespace(token, this.#capability, this.#key, jurisdiction);
  }

  static {
    capabilityOf = (value) => (#key in value ? value.#capability : undefined);
  }

  #within(name) {
    if (name === undefined || name === null) return this.#jurisdiction;
    const number = jurisdictionNumber(String(name));
    if (number === undefined) throw new TypeError(`Unknown jurisdiction: ${name}`);
    return number;
  }

  #check(id) {
    if (this.#jurisdiction !== undefined && jurisdictionNumber(String(id.jurisdiction)) !== this.#jurisdiction) {
      throw new TypeError("get called on jurisdictional subnamespace with an ID from a different jurisdiction");
    }
    return id;
  }
}
defineProperty(DurableObjectNamespace.prototype.getByName, "length", { value: 1, configurable: true });
defineInterface(DurableObjectNamespace, { receiver: true, unguarded: ["getByName"] });

/** Where an object should live is a wish, and here there is one place. */
function checkOptions(options, method) {
  if (options === undefined) return;
  const what = "GetDurableObjectOptions";
  const { routingMode } = toDictionary(options, what, `'${method}' on 'DurableObjectNamespace'`, 2);
  if (routingMode !== undefined && routingMode !== "primary-only") {
    throw new RangeError(`unknown routingMode: ${routingMode}`);
  }
}

/** The value of a Durable Object binding. @param {number} capability @param {ArrayBuffer} key */
export const makeNamespace = (capability, key) => new DurableObjectNamespace(token, capability, key, undefined);

/** The number of a namespace's capability; undefined for what is none. */
export const capabilityOfNamespace = (value) => {
  if (typeof value === "function") return inner.has(value) ? capabilityOf(inner.get(value)) : undefined;
  return typeof value === "object" && value !== null ? capabilityOf(value) : undefined;
};

/** The namespace behind each of the worker's own. @type {WeakMap<object, DurableObjectNamespace>} */
const inner = new WeakMap();

/** The namespace of one of the worker's own classes. Calling it gives the class, with props. */
class LoopbackDurableObjectNamespace extends DurableObjectNamespace {}
for (const name of ["newUniqueId", "idFromName", "idFromString", "get", "getByName", "jurisdiction"]) {
  const method = DurableObjectNamespace.prototype[name];
  const forward = {
    [name](...args) {
      return Reflect.apply(method, inner.get(this), args);
    },
  };
  Object.defineProperty(LoopbackDurableObjectNamespace.prototype, name, {
    value: forward[name],
    writable: true,
    configurable: true,
  });
}
defineInterface(LoopbackDurableObjectNamespace, { receiver: (value) => inner.has(value) });

/** `ctx.exports.NAME` of a class that has a namespace. */
export function ownNamespace(name, capability, key) {
  const value = callableClass(LoopbackDurableObjectNamespace, name);
  inner.set(value, makeNamespace(capability, key));
  return standForOwnClass(value, name);
}
