// Namespaces of Durable Objects as `env` has them, and the stubs that they give.

import { callObject, jurisdictionNumber } from "atoll:native/objects";
import { call, inGlobalScope } from "../io.js";
import { coerce, sendWith } from "../fetch.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "../errors.js";
import { deserialize, serialize } from "../structured_clone.js";
import { defineInterface, illegalConstructor, requireArguments, toDictionary, toUSVString, wrongArgument } from "../webidl.js";
import { bytesOf, isId, nameOf, nameToId, newId, textToId } from "./id.js";

const token = Symbol("DurableObjectNamespace");

/** Names that are the language's own, so a stub does not take them for methods of its object. */
const NOT_METHODS = new Set(["then", "toJSON", "constructor", "prototype"]);

/** @param {Uint8Array} bytes */
function failure(bytes) {
  const error = deserialize(bytes);
  if ((typeof error === "object" && error !== null) || typeof error === "function") {
    try {
      error.remote = true;
    } catch {
      // A frozen one stays as it is.
    }
  }
  return error;
}

async function callMethod(capability, id, method, args) {
  if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
  const bytes = serialize(args);
  const answer = await call(undefined, (number, event) =>
    callObject(number, capability, event, bytesOf(id), nameOf(id), method, bytes),
  );
  if (answer.thrown !== undefined) throw failure(new Uint8Array(answer.thrown));
  return deserialize(new Uint8Array(answer.returned));
}

let target;
let methodOf;

/** What `fetch()` and methods of one object are called on. */
export class DurableObjectStub {
  #capability;
  #id;

  constructor(key, capability, id) {
    if (key !== token) throw illegalConstructor();
    this.#capability = capability;
    this.#id = id;
    Object.defineProperties(this, {
      name: { value: nameOf(id), enumerable: true },
      id: { value: id, enumerable: true },
    });
    const stub = new Proxy(this, handler);
    stubs.set(stub, this);
    return stub;
  }

  async fetch(input, init = undefined) {
    requireArguments(arguments.length, 1, "'fetch' on 'Fetcher'", "Request or string");
    const stub = target(this);
    const request = coerce(input, init);
    return sendWith(request, (number, event, wire) =>
      callObject(number, stub.#capability, event, bytesOf(stub.#id), nameOf(stub.#id), undefined, wire),
    );
  }

  static {
    target = (value) => (#id in value ? value : (stubs.get(value) ?? value));
    methodOf = (stub, name) => {
      const method = (...args) => callMethod(stub.#capability, stub.#id, name, args);
      return Object.defineProperty(method, "name", { value: name });
    };
  }
}

/** The object behind each stub's proxy. @type {WeakMap<object, DurableObjectStub>} */
const stubs = new WeakMap();

const handler = {
  get(stub, key) {
    if (typeof key !== "string" || key in stub || NOT_METHODS.has(key)) return Reflect.get(stub, key);
    return methodOf(stub, key);
  },
  has: (stub, key) => Reflect.has(stub, key) || (typeof key === "string" && key !== "then"),
};
defineInterface(DurableObjectStub, { name: "DurableObject", receiver: (value) => stubs.has(value) });
Object.defineProperty(DurableObjectStub, "name", { value: "DurableObject", configurable: true });

/** All objects of one class. */
export class DurableObjectNamespace {
  #capability;
  #key;
  #jurisdiction;

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
    return nameToId(this.#key, toUSVString(name), this.#jurisdiction);
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
    return new DurableObjectStub(token, this.#capability, id);
  }

  getByName(name, options = undefined) {
    requireArguments(arguments.length, 1, "'getByName' on 'DurableObjectNamespace'");
    checkOptions(options, "getByName");
    return new DurableObjectStub(token, this.#capability, this.idFromName(name));
  }

  jurisdiction(name) {
    const jurisdiction = name === undefined || name === null ? undefined : this.#within(name);
    return new DurableObjectNamespace(token, this.#capability, this.#key, jurisdiction);
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
defineInterface(DurableObjectNamespace, { receiver: true });

/** Where an object should live is a wish, and here there is one place. */
function checkOptions(options, method) {
  const what = "GetDurableObjectOptions";
  const { routingMode } = toDictionary(options, what, `'${method}' on 'DurableObjectNamespace'`, 2);
  if (routingMode !== undefined && routingMode !== "primary-only") {
    throw new RangeError(`unknown routingMode: ${routingMode}`);
  }
}

/** The value of a Durable Object binding. @param {number} capability @param {ArrayBuffer} key */
export const makeNamespace = (capability, key) => new DurableObjectNamespace(token, capability, key, undefined);
