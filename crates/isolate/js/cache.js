/** The Cache API as Workers have it (https://developers.cloudflare.com/workers/runtime-apis/cache/). */
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { cacheCapability, callCache, inGlobalScope } from "./io.js";
import { isRequest, Request, requestToWire } from "./request.js";
import { isResponse, responseFromWire, responseToWire } from "./response.js";
import { defineInterface, illegalConstructor, requireArguments, toUSVString } from "./webidl.js";

const token = Symbol("Cache");
const LONGEST_NAME = 1024;

const notImplemented = (method) =>
  new Error(`Failed to execute '${method}' on 'Cache': the method is not implemented.`);

export class Cache {
  /** Undefined for the default cache. */
  #name;

  constructor(key, name) {
    if (key !== token) throw illegalConstructor();
    this.#name = name;
  }

  async match(request, options = undefined) {
    requireArguments(arguments.length, 1, "'match' on 'Cache'", "Request or string");
    const ignoreMethod = Boolean(options?.ignoreMethod);
    const wanted = coerce(request);
    if (wanted.method !== "GET" && !ignoreMethod) return undefined;
    const wire = await this.#call("match", keyOf(wanted), undefined, ignoreMethod);
    return wire === undefined || wire === null ? undefined : responseFromWire(wire);
  }

  async put(request, response) {
    requireArguments(arguments.length, 2, "'put' on 'Cache'", "Request or string, Response");
    const key = coerce(request);
    if (!isResponse(response)) {
      throw new TypeError("Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.");
    }
    if (response.type === "error") throw new TypeError("Cache is unable to store an error response");
    if (response.webSocket !== null) throw new TypeError("Cannot cache WebSocket upgrade response.");
    if (key.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
    if (response.status === 206) throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    if (response.headers.get("vary")?.includes("*")) {
      throw new TypeError("Cannot cache response with 'Vary: *' header.");
    }
    // A 304 means nothing without the request it answers.
    if (response.status === 304) return;
    await this.#call("put", keyOf(key), responseToWire(response), false);
  }

  async delete(request, options = undefined) {
    requireArguments(arguments.length, 1, "'delete' on 'Cache'", "Request or string");
    const ignoreMethod = Boolean(options?.ignoreMethod);
    const key = coerce(request);
    if (key.method !== "GET" && !ignoreMethod) return false;
    return (await this.#call("delete", keyOf(key), undefined, ignoreMethod)) === true;
  }

  async add() { throw notImplemented("add"); }
  async addAll() { throw notImplemented("addAll"); }
  async matchAll() { throw notImplemented("matchAll"); }
  async keys() { throw notImplemented("keys"); }

  #call(action, request, response, ignoreMethod) {
    if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
    const capability = cacheCapability();
    if (capability === undefined || capability === null) {
      throw new Error("No Cache was configured: this worker was not given one.");
    }
    return callCache(capability, action, this.#name, request, response, ignoreMethod);
  }
}
defineInterface(Cache, { receiver: true });

function coerce(request) {
  return isRequest(request) ? request : new Request(request);
}

/** What the cache needs of a request: never its body. */
function keyOf(request) {
  const bare = new Request(request.url, { headers: request.headers, method: request.method });
  return requestToWire(bare);
}

export class CacheStorage {
  #default = undefined;

  constructor(key) {
    if (key !== token) throw illegalConstructor();
  }

  get default() { return (this.#default ??= new Cache(token, undefined)); }

  async open(name) {
    requireArguments(arguments.length, 1, "'open' on 'CacheStorage'");
    const text = toUSVString(name);
    if (text.length > LONGEST_NAME) throw new TypeError("Cache name is too long.");
    return new Cache(token, text);
  }

  async match() { throw new Error("Failed to execute 'match' on 'CacheStorage': the method is not implemented."); }
  async has() { throw new Error("Failed to execute 'has' on 'CacheStorage': the method is not implemented."); }
  async delete() { throw new Error("Failed to execute 'delete' on 'CacheStorage': the method is not implemented."); }
  async keys() { throw new Error("Failed to execute 'keys' on 'CacheStorage': the method is not implemented."); }
}
defineInterface(CacheStorage, { receiver: true });

export const caches = new CacheStorage(token);
