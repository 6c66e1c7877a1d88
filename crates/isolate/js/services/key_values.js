// KV namespaces (https://developers.cloudflare.com/kv/api/), kept by an object of Atoll's own.

import { Blob } from "../blob.js";
import { encodeUtf8 } from "../encoding.js";
import { URLSearchParams } from "../url.js";
import { defineInterface, illegalConstructor, toDictionary, toInteger, toUSVString, wrongArgument } from "../webidl.js";
import { standFor, storable } from "./stored.js";

const token = Symbol("KvNamespace");
const MAX_KEY_BYTES = 512;
const MIN_CACHE_TTL_SECONDS = 30;

const failed = (operation, status, text) => new Error(`KV ${operation} failed: ${status} ${text}`);

function toKey(operation, name) {
  const key = toUSVString(name);
  if (key === "") throw new TypeError("Key name cannot be empty.");
  if (key === "." || key === "..") throw new TypeError(`"${key}" is not allowed as a key name.`);
  const { byteLength } = encodeUtf8(key);
  if (byteLength > MAX_KEY_BYTES) {
    throw failed(operation, 414, `UTF-8 encoded length of ${byteLength} exceeds key length limit of ${MAX_KEY_BYTES}.`);
  }
  return key;
}

/** What `get` is asked for, as a word or as options. */
function toGetOptions(options, method) {
  const { type, cacheTtl } =
    typeof options === "string" ? { type: options } : toDictionary(options, "GetOptions", `'${method}' on 'KvNamespace'`, 2);
  if (cacheTtl !== undefined) {
    const ttl = toInteger(cacheTtl, 32, { signed: true });
    if (ttl < MIN_CACHE_TTL_SECONDS) {
      throw failed("GET", 400, `Invalid cache_ttl of ${ttl}. Cache TTL must be at least ${MIN_CACHE_TTL_SECONDS}.`);
    }
  }
  return type === undefined || type === null ? undefined : String(type);
}

function read(response, type) {
  switch (type) {
    case "text":
      return response.text();
    case "json":
      return response.json();
    case "arrayBuffer":
      return response.arrayBuffer();
    case "stream":
      return response.body ?? new Blob([]).stream();
    default:
      throw new TypeError('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
  }
}

const metadataOf = (response) => {
  const text = response.headers.get("atoll-meta");
  return text === null || text === "" ? null : JSON.parse(decodeURIComponent(text));
};

// What follows a request is a reaction, not the rest of an async function: reactions run for the same event.

/** `env.NAME` of a KV namespace. */
export class KvNamespace {
  #service;

  constructor(key, held) {
    if (key !== token) throw illegalConstructor();
    this.#service = standFor(this, "kv", held);
  }

  #ask(operation, path, init) {
    return this.#service.fetch(`http://kv${path}`, init).then((response) => {
      if (response.ok || (operation === "GET" && response.status === 404)) return response;
      return response.text().then((text) => {
        throw failed(operation, response.status, text);
      });
    });
  }

  get(name, options = undefined) {
    return Promise.try(() => {
      if (Array.isArray(name)) return this.#getMany(name, toGetOptions(options, "get"), false);
      return this.#getOne(name, toGetOptions(options, "get")).then(({ value }) => value);
    });
  }

  getWithMetadata(name, options = undefined) {
    return Promise.try(() => {
      const type = toGetOptions(options, "getWithMetadata");
      return Array.isArray(name) ? this.#getMany(name, type, true) : this.#getOne(name, type);
    });
  }

  #getOne(name, type = "text") {
    const params = new URLSearchParams({ key: toKey("GET", name) });
    return this.#ask("GET", `/value?${params}`).then((response) => {
      if (response.status === 404) return { value: null, metadata: null, cacheStatus: null };
      const metadata = metadataOf(response);
      return Promise.resolve(read(response, type)).then((value) => ({ value, metadata, cacheStatus: null }));
    });
  }

  #getMany(names, type = "text", withMetadata) {
    if (type !== "text" && type !== "json") {
      throw failed("GET_BULK", 400, `"${type}" is not a valid type. Use "json" or "text"`);
    }
    const keys = names.map((name) => toKey("GET", name));
    const body = JSON.stringify({ keys, withMetadata });
    return this.#ask("GET_BULK", "/values", { method: "POST", body })
      .then((response) => response.json())
      .then((found) => {
        const toValue = (text) => {
          if (type === "text") return text;
          try {
            return JSON.parse(text);
          } catch {
            throw failed("GET_BULK", 400, `At least one of the requested keys corresponds to a non-${type} value`);
          }
        };
        const entries = Object.entries(found).map(([key, entry]) => {
          if (entry === null) return [key, null];
          return [key, withMetadata ? { ...entry, value: toValue(entry.value) } : toValue(entry)];
        });
        return new Map(entries);
      });
  }

  put(name, value, options = undefined) {
    return Promise.try(() => {
      if (arguments.length < 2) throw wrongArgument("'put' on 'KvNamespace'", arguments.length + 1, "string");
      const params = new URLSearchParams({ key: toKey("PUT", name) });
      const { expiration, expirationTtl, metadata } = toDictionary(options, "PutOptions", "'put' on 'KvNamespace'", 3);
      if (expiration !== undefined) params.set("expiration", String(toInteger(expiration, 32, { signed: true })));
      if (expirationTtl !== undefined) params.set("expiration_ttl", String(toInteger(expirationTtl, 32, { signed: true })));
      const headers = {};
      const json = metadata === undefined || metadata === null ? undefined : JSON.stringify(metadata);
      if (json !== undefined) headers["atoll-meta"] = encodeURIComponent(json);
      const isObject = typeof value === "object" && value !== null;
      const stored = storable(isObject ? value : toUSVString(value));
      if (stored === undefined) {
        throw new TypeError(
          "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.",
        );
      }
      if (stored.size !== undefined) headers["atoll-size"] = String(stored.size);
      return this.#ask("PUT", `/value?${params}`, { method: "PUT", headers, body: stored.body }).then(() => undefined);
    });
  }

  delete(name) {
    return Promise.try(() => {
      const params = new URLSearchParams({ key: toKey("DELETE", name) });
      return this.#ask("DELETE", `/value?${params}`, { method: "DELETE" }).then(() => undefined);
    });
  }

  list(options = undefined) {
    return Promise.try(() => {
      const { limit, prefix, cursor } = toDictionary(options, "ListOptions", "'list' on 'KvNamespace'", 1);
      const params = new URLSearchParams();
      const most = limit === undefined ? 0 : toInteger(limit, 32, { signed: true });
      if (most > 0) params.set("limit", String(most));
      if (prefix !== undefined && prefix !== null) params.set("prefix", toUSVString(prefix));
      if (cursor !== undefined && cursor !== null) params.set("cursor", toUSVString(cursor));
      return this.#ask("GET", `/list?${params}`).then((response) => response.json());
    });
  }
}
defineInterface(KvNamespace, { receiver: true });

/** The value of a KV binding. @param {{ capability: number }} held */
export const makeKeyValues = (held) => new KvNamespace(token, held);
