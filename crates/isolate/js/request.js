/** Request (https://fetch.spec.whatwg.org/#request-class) in the shape Workers give it. */
import { mould } from "atoll:native/moulds";
import { createSignal, isAbortSignal } from "./abort.js";
import {
  Body, bodyFromWire, bodyToken, bodyToWire, cloneBody, contentType, detachBody, extractBody, extractedType,
  setBodySource, shareBody,
} from "./body.js";
import { copyHeaders, Headers, headersFromWire, headersToWire, setDefaultHeader } from "./headers.js";
import { keep, keepShapesOf } from "./shapes.js";
import { parseHref } from "./url.js";
import { defineInterface, illegal, requireArguments, toDictionary, toDOMString, toUSVString } from "./webidl.js";

const METHODS = new Set([
  "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND",
  "PROPPATCH", "SEARCH", "UNLOCK", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "MSEARCH", "NOTIFY", "SUBSCRIBE",
  "UNSUBSCRIBE", "PURGE", "LINK", "UNLINK", "CONNECT",
]);
const CACHE_MODES = new Set(["no-store", "no-cache", "reload"]);
const BODY_NOT_ALLOWED = "Request with a GET or HEAD method cannot have a body.";

const token = Symbol("Request");
let internals;

/** What a request is made of beside its body. */
class Parts {
  /**
   * @param {Headers | string} headers the string is the wire text that they will be made of
   * @param {AbortSignal | { makeSignal(): AbortSignal } | undefined} signal or the event that makes it when someone asks
   */
  constructor(method, url, headers, signal) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.signal = signal;
  }

  copy() {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this);
  }
}
// What a program puts on `Object.prototype` is not for here.
Object.setPrototypeOf(Parts.prototype, null);
// What most requests leave as it is.
Object.assign(Parts.prototype, {
  redirect: "follow",
  /** An object, or the JSON text it will be made of. */
  cf: undefined,
  cache: undefined,
  fetcher: null,
  encodeResponseBody: "automatic",
  immutable: false,
  /** The signal is that of an incoming request, which does not end subrequests. */
  incoming: false,
});

/** The same of a request that a worker gets. It is passed on as it came, so what it leads to is the client's to follow. */
class IncomingParts {
  constructor(method, url, headers, signal) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.signal = signal;
  }
}
// Without `extends`: a constructor that calls another one costs more than all that it does.
Object.setPrototypeOf(IncomingParts.prototype, Parts.prototype);
Object.assign(IncomingParts.prototype, { redirect: "manual", immutable: true, incoming: true });

export class Request extends Body {
  // One private field, and no private methods: each costs something for each object.
  /** @type {Parts} */
  #parts;

  constructor(input, init = undefined) {
    super(bodyToken);
    if (input === token) return;
    requireArguments(arguments.length, 1, "constructor of 'Request'", "Request or string");
    let parts;
    let headers;
    let body = null;
    const fromRequest = typeof input === "object" && input !== null && #parts in input;
    const initRequest = typeof init === "object" && init !== null && #parts in init;
    if (init !== undefined) toDictionary(init, "RequestInitializerDict or Request", "constructor of 'Request'", 2);
    if (fromRequest) {
      parts = copyOf(input.#parts);
      headers = ownHeaders(input.#parts);
      const replaced = initRequest || (init?.body !== undefined && init.body !== null);
      if (!replaced) {
        if (input.bodyUsed) throw new TypeError("Cannot reconstruct a Request with a used body.");
        body = detachBody(input);
      }
    } else {
      const text = toUSVString(input);
      const href = parseHref(text);
      if (href === undefined) throw new TypeError(`Invalid URL: ${text}`);
      parts = new Parts("GET", href, undefined, undefined);
    }
    if (initRequest) {
      const { url } = parts;
      parts = copyOf(init.#parts);
      parts.url = url;
      headers = ownHeaders(init.#parts);
      body = shareBody(init);
    } else if (init !== undefined && init !== null) {
      [headers, body] = applyInit(parts, init, headers, body);
    }
    parts.headers = headers ?? new Headers();
    this.#parts = parts;
    setBodySource(this, body);
  }

  get method() { try { return this.#parts.method; } catch { throw illegal(); } }
  get url() { try { return this.#parts.url; } catch { throw illegal(); } }
  get headers() {
    let parts;
    try { parts = this.#parts; } catch { throw illegal(); }
    const { headers } = parts;
    if (typeof headers !== "string") return headers;
    return (parts.headers = headersFromWire(headers, parts.immutable));
  }
  get redirect() { try { return this.#parts.redirect; } catch { throw illegal(); } }
  get fetcher() { try { return this.#parts.fetcher; } catch { throw illegal(); } }
  get cache() { try { return this.#parts.cache; } catch { throw illegal(); } }
  get integrity() { try { return this.#parts && ""; } catch { throw illegal(); } }
  get keepalive() { try { return this.#parts === ""; } catch { throw illegal(); } }
  get signal() {
    if (!isRequest(this)) throw illegal();
    const parts = this.#parts;
    const { signal } = parts;
    if (signal !== undefined && isAbortSignal(signal)) return signal;
    return (parts.signal = signal === undefined ? createSignal() : signal.makeSignal());
  }
  get cf() {
    if (!isRequest(this)) throw illegal();
    const parts = this.#parts;
    if (typeof parts.cf === "string") parts.cf = JSON.parse(parts.cf);
    return parts.cf;
  }

  clone() {
    if (!isRequest(this)) throw illegal();
    const made = new Request(token);
    const parts = copyOf(this.#parts);
    parts.immutable = this.#parts.immutable;
    if (typeof parts.headers !== "string") parts.headers = copyHeaders(parts.headers, true);
    made.#parts = parts;
    setBodySource(made, cloneBody(this));
    return made;
  }

  [contentType]() { return this.headers.get("content-type"); }

  static {
    internals = {
      isRequest: (value) => typeof value === "object" && value !== null && #parts in value,
      incoming(method, url, headers, body, cf, event) {
        const request = new Request(token);
        const parts = new IncomingParts(method, url, headers, event);
        if (cf !== undefined && cf !== null) parts.cf = cf;
        request.#parts = parts;
        if (body !== null) setBodySource(request, bodyFromWire(body));
        return request;
      },
      toWire(request) {
        const { method, url, headers, cf, redirect } = request.#parts;
        const text = typeof headers === "string" ? headers : headersToWire(headers);
        return {
          method,
          url,
          headers: text,
          body: bodyToWire(request),
          cf: cf === undefined || typeof cf === "string" ? cf : JSON.stringify(cf),
          redirect,
          websocket: text.includes("upgrade") && request.headers.get("upgrade")?.toLowerCase() === "websocket",
        };
      },
      /** The signal that ends a subrequest, if the request has one that can. */
      signalOf: (request) => (request.#parts.incoming ? undefined : request.#parts.signal),
      encodeResponseBody: (request) => request.#parts.encodeResponseBody,
    };
  }
}
defineInterface(Request);
for (const Class of [Parts, IncomingParts]) keepShapesOf(Class, ["method", "url", "headers", "signal"]);
keep(Object.create(Request.prototype), Reflect.construct(Body, [bodyToken], Request), new Request(token));
Object.defineProperty(Request.prototype, contentType, { enumerable: false });
mould("request", new Request(token));
mould("requestParts", new IncomingParts());

/** The parts for another request. Its headers are still those of this one. @param {Parts} parts */
function copyOf(parts) {
  const copy = parts.copy();
  if (typeof copy.cf !== "string" && copy.cf !== undefined) copy.cf = cloneCf(copy.cf);
  if (copy.immutable) copy.immutable = false;
  return copy;
}

function ownHeaders({ headers }) {
  return typeof headers === "string" ? headersFromWire(headers, false) : copyHeaders(headers, false);
}

/** Takes over what a `RequestInit` says. Gives the headers and the body that there are then. */
function applyInit(parts, init, headers, body) {
  if (init.integrity !== undefined && String(init.integrity) !== "") {
    throw new TypeError(
      "Subrequest integrity checking is not implemented. " +
        "The integrity option must be either undefined or an empty string.",
    );
  }
  const { method } = init;
  if (method !== undefined) {
    const name = toDOMString(method).toUpperCase();
    if (!METHODS.has(name)) throw new TypeError(`Invalid HTTP method string: ${method}`);
    parts.method = name;
  }
  const initHeaders = init.headers;
  if (initHeaders !== undefined) headers = new Headers(initHeaders);
  const { fetcher } = init;
  if (fetcher !== undefined) parts.fetcher = fetcher;
  const { signal } = init;
  if (signal !== undefined) {
    if (signal !== null && !isAbortSignal(signal)) {
      throw new TypeError("Failed to construct 'Request': member signal is not of type 'AbortSignal'.");
    }
    parts.signal = signal ?? undefined;
    parts.incoming = false;
  }
  const { cf } = init;
  if (cf !== undefined && cf !== null) parts.cf = cloneCf(cf);
  const initBody = init.body;
  if (initBody !== undefined && initBody !== null) {
    body = extractBody(initBody);
    const type = extractedType;
    if (parts.method === "GET" || parts.method === "HEAD") throw new TypeError(BODY_NOT_ALLOWED);
    if (type !== null) setDefaultHeader((headers ??= new Headers()), "content-type", type);
  }
  const { redirect } = init;
  if (redirect !== undefined) {
    const mode = toDOMString(redirect).toLowerCase();
    if (mode !== "follow" && mode !== "manual") {
      throw new TypeError(
        'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be implemented since it does ' +
          'not make sense at the edge; use "manual" and check the response status code).',
      );
    }
    parts.redirect = mode;
  }
  const { cache } = init;
  if (cache !== undefined) {
    const mode = toDOMString(cache);
    if (!CACHE_MODES.has(mode)) throw new TypeError(`Unsupported cache mode: ${mode}`);
    parts.cache = mode;
  }
  const { encodeResponseBody } = init;
  if (encodeResponseBody !== undefined) {
    if (encodeResponseBody !== "manual" && encodeResponseBody !== "automatic") {
      throw new TypeError(`encodeResponseBody: unexpected value: ${encodeResponseBody}`);
    }
    parts.encodeResponseBody = encodeResponseBody;
  }
  if ((method !== undefined || initBody !== undefined) && body !== null &&
    (parts.method === "GET" || parts.method === "HEAD")) {
    throw new TypeError(BODY_NOT_ALLOWED);
  }
  return [headers, body];
}

/** `cf` travels as JSON, so a copy is what JSON keeps of it. */
function cloneCf(cf) {
  return cf === undefined || cf === null ? undefined : JSON.parse(JSON.stringify(cf));
}

export const isRequest = internals.isRequest;

/**
 * The request of a fetch event. Nothing of it is looked into until a Worker asks.
 * @type {(method: string, url: string, headers: string, body: object | null, cf: string | null | undefined,
 *   event: { makeSignal(): AbortSignal } | undefined) => Request}
 */
export const incomingRequest = internals.incoming;

/** The wire form of a request; its body is used up. */
export const requestToWire = internals.toWire;
export const requestSignal = internals.signalOf;
/** "manual" when the response's content coding is the Worker's to take off. */
export const encodeResponseBody = internals.encodeResponseBody;
