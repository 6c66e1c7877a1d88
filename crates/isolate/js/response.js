/** Response (https://fetch.spec.whatwg.org/#response-class) in the shape Workers give it. */
import { mould, textResponse, usualHeaders } from "atoll:native/moulds";
import {
  Body, bodyFromWire, bodyToken, bodyToWire, cloneBody, contentType, extractBody, extractedType, isEmptySource,
  isNullBody, keepsCoding, setBodySource, TEXT_TYPE,
} from "./body.js";
import { codingOf, encoder } from "./compression.js";
import { copyHeaders, freezeHeaders, Headers, headersFromWire, headersToWire, setDefaultHeader } from "./headers.js";
import { respond } from "./io.js";
import { keep, keepShapesOf } from "./shapes.js";
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

/** What a response is made of beside its body. */
class Parts {
  /** @param {Headers | string} headers the string is the wire text that they will be made of */
  constructor(status, headers) {
    this.status = status;
    this.headers = headers;
  }
}
// What a program puts on `Object.prototype` is not for here.
Object.setPrototypeOf(Parts.prototype, null);
// What most responses leave as it is.
Object.assign(Parts.prototype, {
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
  // One private field, and no private methods: each costs something for each object.
  #parts;

  constructor(body = null, init = undefined) {
    if (typeof body === "string" && init === undefined) {
      if (new.target === Response) return textResponse(body);
      super(bodyToken, body);
      this.#parts = new Parts(200, TEXT_HEADERS);
      return;
    }
    super(bodyToken);
    const parts = new Parts(200, "");
    this.#parts = parts;
    if (body === token) return;
    if (init !== undefined && init !== null) {
      toDictionary(init, "InitializerDict or Response", "constructor of 'Response'", 2);
      if (#parts in init) {
        copyParts(parts, init.#parts);
        parts.headers = headersOf(init.#parts, false);
      } else {
        applyInit(parts, init);
      }
    } else if (body === null) return;
    const { status } = parts;
    if (parts.webSocket === null) {
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
      if (parts.headers === "") parts.headers = `content-type\n${extractedType}`;
      else setDefaultHeader(this.headers, "content-type", extractedType);
    }
    setBodySource(this, source);
  }

  static error() {
    const response = new Response();
    response.#parts = new Parts(0, freezeHeaders(new Headers()));
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
    response.#parts = new Parts(code, headersFromWire(`location\n${href}`, true));
    return response;
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, "'json' on 'Response'", "Value");
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new Response(text, init);
    if (init === undefined || init === null || (!(#parts in init) && init.headers === undefined)) {
      response.#parts.headers = JSON_HEADERS;
    } else {
      // The Content-Type that the text body implied gives way, one that the init has stays.
      const given = #parts in init ? init.headers : new Headers(init.headers);
      if (!given.has("content-type")) response.headers.set("content-type", "application/json");
    }
    return response;
  }

  get status() { try { return this.#parts.status; } catch { throw illegal(); } }
  get statusText() { try { return this.#parts.statusText; } catch { throw illegal(); } }
  get ok() { try { const { status } = this.#parts; return status >= 200 && status < 300; } catch { throw illegal(); } }
  get headers() {
    let parts;
    try { parts = this.#parts; } catch { throw illegal(); }
    const { headers } = parts;
    if (typeof headers !== "string") return headers;
    return (parts.headers = headersFromWire(headers, parts.immutable));
  }
  get redirected() { try { return this.#parts.redirected; } catch { throw illegal(); } }
  get url() { try { return this.#parts.url; } catch { throw illegal(); } }
  get type() { try { return this.#parts.status === 0 ? "error" : "default"; } catch { throw illegal(); } }
  get webSocket() { try { return this.#parts.webSocket; } catch { throw illegal(); } }
  get cf() {
    if (!isResponse(this)) throw illegal();
    const parts = this.#parts;
    if (typeof parts.cf === "string") parts.cf = JSON.parse(parts.cf);
    return parts.cf;
  }

  clone() {
    if (!isResponse(this)) throw illegal();
    const parts = this.#parts;
    if (parts.webSocket !== null) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    const source = cloneBody(this);
    const made = new Response();
    copyParts(made.#parts, parts);
    made.#parts.headers = headersOf(parts, true);
    if (parts.url !== "") made.#parts.url = parts.url;
    if (parts.redirected) made.#parts.redirected = true;
    setBodySource(made, source);
    return made;
  }

  [contentType]() { return this.headers.get("content-type"); }

  static {
    internals = {
      isResponse: (value) => typeof value === "object" && value !== null && #parts in value,
      fromWire(wire, encodeBody = "automatic") {
        const response = new Response();
        const { status, statusText = "", headers, url = "", redirected = false, cf, socket } = wire;
        const webSocket =
          socket === undefined || socket === null ? null : webSocketFromWire(socket, headersFromWire(headers, false));
        const parts = response.#parts;
        parts.status = status;
        parts.headers = headers;
        parts.statusText = statusText;
        parts.url = url;
        parts.redirected = redirected;
        parts.cf = cf;
        parts.webSocket = webSocket;
        parts.encodeBody = encodeBody;
        parts.immutable = true;
        // Most headers are never looked at.
        const hasCoding = encodeBody !== "manual" && CONTENT_ENCODING.test(headers);
        const coding = hasCoding ? codingOf(response.headers.get("content-encoding")) : undefined;
        setBodySource(response, NULL_BODY.has(status) ? null : bodyFromWire(wire.body, coding));
        return response;
      },
      toWire(response) {
        const parts = response.#parts;
        encode(response, parts);
        const { status, statusText, headers, url, redirected, webSocket } = parts;
        return {
          status,
          statusText,
          headers: typeof headers === "string" ? headers : headersToWire(headers),
          body: bodyToWire(response),
          url,
          redirected,
          socket: webSocket === null ? undefined : webSocketToWire(webSocket),
        };
      },
      answer(response, event) {
        if (typeof response !== "object" || response === null || !(#parts in response)) {
          throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
        }
        const parts = response.#parts;
        const { status } = parts;
        if (status === 0) {
          throw new TypeError("Return value from serve handler must not be an error response (like Response.error())");
        }
        if (parts.headers !== TEXT_HEADERS && parts.headers !== JSON_HEADERS) encode(response, parts);
        const { statusText, headers, webSocket } = parts;
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
keepShapesOf(Parts, ["status", "headers", "statusText", "url", "redirected", "cf", "webSocket", "encodeBody", "immutable"]);
keep(Object.create(Response.prototype), Reflect.construct(Body, [bodyToken], Response), new Response());
Object.defineProperty(Response.prototype, contentType, { enumerable: false });
for (const headers of [TEXT_HEADERS, JSON_HEADERS]) usualHeaders(headers);
mould("response", new Response());
mould("responseParts", new Parts(200, ""));

/** Takes over what an init has in common with the response that it is. @param {Parts} parts @param {Parts} other */
function copyParts(parts, other) {
  parts.status = other.status;
  if (other.statusText !== "") parts.statusText = other.statusText;
  if (other.encodeBody !== "automatic") parts.encodeBody = other.encodeBody;
  if (other.webSocket !== null) parts.webSocket = other.webSocket;
  if (other.cf !== undefined) parts.cf = cloneCf(other.cf);
}

/** Headers for another response. */
function headersOf({ headers, immutable }, keepGuard) {
  if (typeof headers !== "string") return copyHeaders(headers, keepGuard);
  return immutable && keepGuard ? headersFromWire(headers, true) : headers;
}

/** Takes over what a `ResponseInit` says. @param {Parts} parts */
function applyInit(parts, init) {
  const { status, statusText, encodeBody, headers, cf, webSocket } = init;
  if (status !== undefined) parts.status = status === (status | 0) ? status : toInteger(status, 32, { signed: true });
  if (statusText !== undefined) {
    const text = toDOMString(statusText);
    for (let i = 0; i < text.length; i++) {
      if (text.charCodeAt(i) < 0x20) throw new TypeError("Invalid statusText");
    }
    if (text !== "") parts.statusText = text;
  }
  if (encodeBody !== undefined) {
    if (encodeBody !== "manual" && encodeBody !== "automatic") {
      throw new TypeError(`encodeBody: unexpected value: ${encodeBody}`);
    }
    if (encodeBody !== "automatic") parts.encodeBody = encodeBody;
  }
  if (headers !== undefined) parts.headers = new Headers(headers);
  if (cf !== undefined && cf !== null) parts.cf = cloneCf(cf);
  if (webSocket !== undefined && webSocket !== null) {
    if (!isWebSocket(webSocket)) {
      throw new TypeError("Failed to construct 'Response': member webSocket is not of type 'WebSocket'.");
    }
    parts.webSocket = webSocket;
  }
}

/** Gives the body the coding that its Content-Encoding names, unless `encodeBody` says that it has it. */
function encode(response, { headers, encodeBody }) {
  if (typeof headers === "string" && !headers.includes("content-encoding")) return;
  const named = response.headers.get("content-encoding");
  if (named === null || encodeBody === "manual" || isNullBody(response) || response.bodyUsed) return;
  const coding = codingOf(named);
  if (coding !== undefined && !keepsCoding(response, coding)) setBodySource(response, response.body.pipeThrough(encoder(coding)));
}

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
