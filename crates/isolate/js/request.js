/** Request (https://fetch.spec.whatwg.org/#request-class) in the shape Workers give it. */
import { createSignal, isAbortSignal } from "./abort.js";
import {
  Body, bodyFromWire, bodyToken, bodyToWire, cloneBody, contentType, detachBody, extractBody, extractedType,
  setBodySource, shareBody,
} from "./body.js";
import { copyHeaders, Headers, headersFromWire, headersToWire, setDefaultHeader } from "./headers.js";
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

/** What most requests leave as it is; a request that does not has its own. */
const USUAL = Object.freeze({
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
// A request is passed on as it came, so what it leads to is the client's to follow.
const INCOMING = Object.freeze({ ...USUAL, redirect: "manual", immutable: true, incoming: true });

export class Request extends Body {
  #url;
  #method;
  /** Headers, or the wire text they will be made of. @type {Headers | string} */
  #headers;
  /** The signal, or the event that makes it when someone asks. @type {AbortSignal | { makeSignal(): AbortSignal }} */
  #signal;
  #details;

  constructor(input, init = undefined) {
    super(bodyToken);
    if (input === token) return;
    requireArguments(arguments.length, 1, "constructor of 'Request'", "Request or string");
    this.#method = "GET";
    this.#details = USUAL;
    let headers;
    let body = null;
    const fromRequest = typeof input === "object" && input !== null && #url in input;
    const initRequest = typeof init === "object" && init !== null && #url in init;
    if (init !== undefined) toDictionary(init, "RequestInitializerDict or Request", "constructor of 'Request'", 2);
    if (fromRequest) {
      this.#copyFrom(input);
      headers = input.#copyHeaders();
      const replaced = initRequest || (init?.body !== undefined && init.body !== null);
      if (!replaced) {
        if (input.bodyUsed) throw new TypeError("Cannot reconstruct a Request with a used body.");
        body = detachBody(input);
      }
    } else {
      const text = toUSVString(input);
      const href = parseHref(text);
      if (href === undefined) throw new TypeError(`Invalid URL: ${text}`);
      this.#url = href;
    }
    if (initRequest) {
      const url = this.#url;
      this.#copyFrom(init);
      this.#url = url;
      headers = init.#copyHeaders();
      body = shareBody(init);
    } else if (init !== undefined && init !== null) {
      [headers, body] = this.#applyInit(init, headers, body);
    }
    this.#headers = headers ?? new Headers();
    setBodySource(this, body);
  }

  #copyFrom(other) {
    this.#url = other.#url;
    this.#method = other.#method;
    this.#signal = other.#signal;
    this.#details = other.#details;
    if (other.#details.cf !== undefined) this.#set({ cf: cloneCf(other.cf) });
    if (other.#details.immutable) this.#set({ immutable: false });
  }

  #set(details) {
    this.#details = { ...this.#details, ...details };
  }

  #copyHeaders() {
    const headers = this.#headers;
    return typeof headers === "string" ? headersFromWire(headers, false) : copyHeaders(headers, false);
  }

  #applyInit(init, headers, body) {
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
      this.#method = name;
    }
    const initHeaders = init.headers;
    if (initHeaders !== undefined) headers = new Headers(initHeaders);
    const { fetcher } = init;
    if (fetcher !== undefined) this.#set({ fetcher });
    const { signal } = init;
    if (signal !== undefined) {
      if (signal !== null && !isAbortSignal(signal)) {
        throw new TypeError("Failed to construct 'Request': member signal is not of type 'AbortSignal'.");
      }
      this.#signal = signal ?? undefined;
      this.#set({ incoming: false });
    }
    const { cf } = init;
    if (cf !== undefined && cf !== null) this.#set({ cf: cloneCf(cf) });
    const initBody = init.body;
    if (initBody !== undefined && initBody !== null) {
      body = extractBody(initBody);
      const type = extractedType;
      if (this.#method === "GET" || this.#method === "HEAD") throw new TypeError(BODY_NOT_ALLOWED);
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
      this.#set({ redirect: mode });
    }
    const { cache } = init;
    if (cache !== undefined) {
      const mode = toDOMString(cache);
      if (!CACHE_MODES.has(mode)) throw new TypeError(`Unsupported cache mode: ${mode}`);
      this.#set({ cache: mode });
    }
    const { encodeResponseBody } = init;
    if (encodeResponseBody !== undefined) {
      if (encodeResponseBody !== "manual" && encodeResponseBody !== "automatic") {
        throw new TypeError(`encodeResponseBody: unexpected value: ${encodeResponseBody}`);
      }
      this.#set({ encodeResponseBody });
    }
    if ((method !== undefined || initBody !== undefined) && body !== null &&
      (this.#method === "GET" || this.#method === "HEAD")) {
      throw new TypeError(BODY_NOT_ALLOWED);
    }
    return [headers, body];
  }

  get method() { try { return this.#method; } catch { throw illegal(); } }
  get url() { try { return this.#url; } catch { throw illegal(); } }
  get headers() {
    let headers;
    try { headers = this.#headers; } catch { throw illegal(); }
    if (typeof headers !== "string") return headers;
    return (this.#headers = headersFromWire(headers, this.#details.immutable));
  }
  get redirect() { try { return this.#details.redirect; } catch { throw illegal(); } }
  get fetcher() { try { return this.#details.fetcher; } catch { throw illegal(); } }
  get cache() { try { return this.#details.cache; } catch { throw illegal(); } }
  get integrity() { try { return this.#method && ""; } catch { throw illegal(); } }
  get keepalive() { try { return this.#method === ""; } catch { throw illegal(); } }
  get signal() {
    if (!isRequest(this)) throw illegal();
    const signal = this.#signal;
    if (signal !== undefined && isAbortSignal(signal)) return signal;
    return (this.#signal = signal === undefined ? createSignal() : signal.makeSignal());
  }
  get cf() {
    if (!isRequest(this)) throw illegal();
    const { cf } = this.#details;
    if (typeof cf !== "string") return cf;
    this.#set({ cf: JSON.parse(cf) });
    return this.#details.cf;
  }

  clone() {
    if (!isRequest(this)) throw illegal();
    const made = new Request(token);
    made.#copyFrom(this);
    const headers = this.#headers;
    made.#headers = typeof headers === "string" ? headers : copyHeaders(headers, true);
    made.#set({ immutable: this.#details.immutable });
    setBodySource(made, cloneBody(this));
    return made;
  }

  [contentType]() { return this.headers.get("content-type"); }

  static {
    internals = {
      isRequest: (value) => typeof value === "object" && value !== null && #url in value,
      incoming(method, url, headers, body, cf, event) {
        const request = new Request(token);
        request.#url = url;
        request.#method = method;
        request.#headers = headers;
        request.#signal = event;
        request.#details = INCOMING;
        if (cf !== undefined && cf !== null) request.#set({ cf });
        if (body !== null) setBodySource(request, bodyFromWire(body));
        return request;
      },
      toWire(request) {
        const headers = request.#headers;
        const { cf, redirect } = request.#details;
        const text = typeof headers === "string" ? headers : headersToWire(headers);
        return {
          method: request.#method,
          url: request.#url,
          headers: text,
          body: bodyToWire(request),
          cf: cf === undefined || typeof cf === "string" ? cf : JSON.stringify(cf),
          redirect,
          websocket: text.includes("upgrade") && request.headers.get("upgrade")?.toLowerCase() === "websocket",
        };
      },
      /** The signal that ends a subrequest, if the request has one that can. */
      signalOf: (request) => (request.#details.incoming ? undefined : request.#signal),
      encodeResponseBody: (request) => request.#details.encodeResponseBody,
    };
  }
}
defineInterface(Request);
Object.defineProperty(Request.prototype, contentType, { enumerable: false });

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
