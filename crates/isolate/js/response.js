/** Response (https://fetch.spec.whatwg.org/#response-class) in the shape Workers give it. */
import {
  Body, bodyFromWire, bodyToken, bodyToWire, cloneBody, contentType, extractBody, extractedType, isEmptySource,
  isNullBody, keepsCoding, setBodySource, TEXT_TYPE,
} from "./body.js";
import { codingOf, encoder } from "./compression.js";
import { copyHeaders, freezeHeaders, Headers, headersFromWire, headersToWire, setDefaultHeader } from "./headers.js";
import { respond } from "./io.js";
import { parseHref } from "./url.js";
import { isWebSocket, webSocketFromWire, webSocketToWire } from "./websocket.js";
import { defineInterface, illegal, requireArguments, toDictionary, toDOMString, toInteger, toUSVString } from "./webidl.js";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const NULL_BODY = new Set([101, 204, 205, 304]);
const NULL_BODY_ERROR = "Response with null body status (101, 204, 205, or 304) cannot have a body.";

/** In headers as they came over the wire. */
const CONTENT_ENCODING = /(?:^|\n)content-encoding\n/i;

const token = Symbol("Response");
let internals;

/** Wire headers of most responses. */
const TEXT_HEADERS = `content-type\n${TEXT_TYPE}`;
const JSON_HEADERS = "content-type\napplication/json";

/** What most responses leave as it is; a response that does not has its own. */
const USUAL = Object.freeze({
  statusText: "",
  /** An object, or the JSON text it will be made of. */
  cf: undefined,
  webSocket: null,
  encodeBody: "automatic",
  url: "",
  redirected: false,
  immutable: false,
});

export class Response extends Body {
  #status = 200;
  /** Headers, or the wire text they will be made of. @type {Headers | string} */
  #headers = "";
  #details = USUAL;

  constructor(body = null, init = undefined) {
    if (typeof body === "string" && init === undefined) {
      super(bodyToken, body);
      this.#headers = TEXT_HEADERS;
      return;
    }
    super(bodyToken);
    if (body === token) return;
    if (init !== undefined && init !== null) this.#applyInit(init);
    else if (body === null) return;
    const status = this.#status;
    if (this.#details.webSocket === null) {
      if (status < 200 || status > 599) {
        throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
      }
    } else if (status !== 101) {
      throw new RangeError("Responses with a WebSocket must have status code 101.");
    }
    if (body === null) return;
    const source = extractBody(body);
    if (NULL_BODY.has(status)) {
      // Workers have always let an empty body pass here.
      if (!isEmptySource(source)) throw new TypeError(NULL_BODY_ERROR);
      return;
    }
    if (extractedType !== null) {
      if (this.#headers === "") this.#headers = `content-type\n${extractedType}`;
      else setDefaultHeader(this.headers, "content-type", extractedType);
    }
    setBodySource(this, source);
  }

  #set(details) {
    this.#details = { ...this.#details, ...details };
  }

  #applyInit(init) {
    toDictionary(init, "InitializerDict or Response", "constructor of 'Response'", 2);
    if (#status in init) {
      this.#copyFrom(init);
      this.#headers = init.#copyHeaders(false);
      return;
    }
    const { status, statusText, encodeBody, headers, cf, webSocket } = init;
    if (status !== undefined) this.#status = status === (status | 0) ? status : toInteger(status, 32, { signed: true });
    if (statusText !== undefined) {
      const text = toDOMString(statusText);
      for (let i = 0; i < text.length; i++) {
        if (text.charCodeAt(i) < 0x20) throw new TypeError("Invalid statusText");
      }
      if (text !== "") this.#set({ statusText: text });
    }
    if (encodeBody !== undefined) {
      if (encodeBody !== "manual" && encodeBody !== "automatic") {
        throw new TypeError(`encodeBody: unexpected value: ${encodeBody}`);
      }
      if (encodeBody !== "automatic") this.#set({ encodeBody });
    }
    if (headers !== undefined) this.#headers = new Headers(headers);
    if (cf !== undefined && cf !== null) this.#set({ cf: cloneCf(cf) });
    if (webSocket !== undefined && webSocket !== null) {
      if (!isWebSocket(webSocket)) {
        throw new TypeError("Failed to construct 'Response': member webSocket is not of type 'WebSocket'.");
      }
      this.#set({ webSocket });
    }
  }

  #copyFrom(other) {
    this.#status = other.#status;
    if (other.#details === USUAL) return;
    const { statusText, encodeBody, webSocket, cf } = other.#details;
    this.#details = { ...USUAL, statusText, encodeBody, webSocket, cf: cloneCf(cf) };
  }

  #copyHeaders(keepGuard) {
    const headers = this.#headers;
    if (typeof headers !== "string") return copyHeaders(headers, keepGuard);
    return this.#details.immutable && keepGuard ? headersFromWire(headers, true) : headers;
  }

  static error() {
    const response = new Response();
    response.#status = 0;
    response.#headers = freezeHeaders(new Headers());
    return response;
  }

  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, "'redirect' on 'Response'");
    const code = toInteger(status, 32, { signed: true });
    if (!REDIRECTS.has(code)) {
      throw new RangeError(`${code} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`);
    }
    const text = toUSVString(url);
    const href = parseHref(text);
    if (href === undefined) throw new TypeError(`Unable to parse URL: ${text}`);
    const response = new Response();
    response.#status = code;
    response.#headers = headersFromWire(`location\n${href}`, true);
    return response;
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, "'json' on 'Response'", "Value");
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new Response(text, init);
    if (init === undefined || init === null || (!(#status in init) && init.headers === undefined)) {
      response.#headers = JSON_HEADERS;
    } else {
      // The Content-Type that the text body implied gives way, one that the init has stays.
      const given = #status in init ? init.headers : new Headers(init.headers);
      if (!given.has("content-type")) response.headers.set("content-type", "application/json");
    }
    return response;
  }

  get status() { try { return this.#status; } catch { throw illegal(); } }
  get statusText() { try { return this.#details.statusText; } catch { throw illegal(); } }
  get ok() { try { return this.#status >= 200 && this.#status < 300; } catch { throw illegal(); } }
  get headers() {
    let headers;
    try { headers = this.#headers; } catch { throw illegal(); }
    if (typeof headers !== "string") return headers;
    return (this.#headers = headersFromWire(headers, this.#details.immutable));
  }
  get redirected() { try { return this.#details.redirected; } catch { throw illegal(); } }
  get url() { try { return this.#details.url; } catch { throw illegal(); } }
  get type() { try { return this.#status === 0 ? "error" : "default"; } catch { throw illegal(); } }
  get webSocket() { try { return this.#details.webSocket; } catch { throw illegal(); } }
  get cf() {
    if (!isResponse(this)) throw illegal();
    const { cf } = this.#details;
    if (typeof cf !== "string") return cf;
    this.#set({ cf: JSON.parse(cf) });
    return this.#details.cf;
  }

  clone() {
    if (!isResponse(this)) throw illegal();
    if (this.#details.webSocket !== null) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    const source = cloneBody(this);
    const made = new Response();
    made.#copyFrom(this);
    made.#headers = this.#copyHeaders(true);
    made.#set({ url: this.#details.url, redirected: this.#details.redirected });
    setBodySource(made, source);
    return made;
  }

  /** Gives the body the coding that its Content-Encoding names, unless `encodeBody` says that it has it. */
  #encode() {
    const headers = this.#headers;
    if (typeof headers === "string" && !headers.includes("content-encoding")) return;
    if (this.#details.encodeBody === "manual" || isNullBody(this) || this.bodyUsed) return;
    const coding = codingOf(this.headers.get("content-encoding"));
    if (coding !== undefined && !keepsCoding(this, coding)) setBodySource(this, this.body.pipeThrough(encoder(coding)));
  }

  [contentType]() { return this.headers.get("content-type"); }

  static {
    internals = {
      isResponse: (value) => typeof value === "object" && value !== null && #status in value,
      fromWire(wire, encodeBody = "automatic") {
        const response = new Response();
        const { status, statusText = "", headers, url = "", redirected = false, cf, socket } = wire;
        response.#status = status;
        response.#headers = headers;
        const webSocket =
          socket === undefined || socket === null ? null : webSocketFromWire(socket, headersFromWire(headers, false));
        response.#details = { ...USUAL, statusText, url, redirected, cf, webSocket, immutable: true, encodeBody };
        // Most headers are never looked at.
        const hasCoding = encodeBody !== "manual" && CONTENT_ENCODING.test(headers);
        const coding = hasCoding ? codingOf(response.headers.get("content-encoding")) : undefined;
        setBodySource(response, NULL_BODY.has(status) ? null : bodyFromWire(wire.body, coding));
        return response;
      },
      toWire(response) {
        const { statusText, url, redirected, webSocket } = response.#details;
        response.#encode();
        const headers = response.#headers;
        return {
          status: response.#status,
          statusText,
          headers: typeof headers === "string" ? headers : headersToWire(headers),
          body: bodyToWire(response),
          url,
          redirected,
          socket: webSocket === null ? undefined : webSocketToWire(webSocket),
        };
      },
      answer(response, event) {
        if (typeof response !== "object" || response === null || !(#status in response)) {
          throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
        }
        const status = response.#status;
        if (status === 0) {
          throw new TypeError("Return value from serve handler must not be an error response (like Response.error())");
        }
        const headers = response.#headers;
        if (headers !== TEXT_HEADERS && headers !== JSON_HEADERS) response.#encode();
        const { statusText, webSocket } = response.#details;
        respond(
          event,
          status,
          statusText,
          typeof headers === "string" ? headers : headersToWire(headers),
          bodyToWire(response),
          webSocket === null ? undefined : webSocketToWire(webSocket),
        );
      },
    };
  }
}
defineInterface(Response);
Object.defineProperty(Response.prototype, contentType, { enumerable: false });

/** `cf` travels as JSON, so a copy is what JSON keeps of it. */
function cloneCf(cf) {
  if (typeof cf === "string") return cf;
  return cf === undefined || cf === null ? undefined : JSON.parse(JSON.stringify(cf));
}

export const isResponse = internals.isResponse;

/**
 * The response that a fetch gave. Nothing of it is looked into until a Worker asks: `responseFromWire(wire, encodeBody)`,
 * where "manual" leaves a content coding to the Worker.
 */
export const responseFromWire = internals.fromWire;

/** The wire form of a response; its body is used up. */
export const responseToWire = internals.toWire;

/** Answers a fetch event with what its handler gave, which has to be a response; its body is used up: `answer(response, event)`. */
export const answerWith = internals.answer;
