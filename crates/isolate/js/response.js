/** Response (https://fetch.spec.whatwg.org/#response-class) in the shape Workers give it. */
import {
  Body, bodyFromWire, bodyToken, bodyToWire, cloneBody, contentType, extractBody, extractedType, isEmptySource,
  setBodySource,
} from "./body.js";
import { copyHeaders, freezeHeaders, Headers, headersFromWire, headersToWire, setDefaultHeader } from "./headers.js";
import { parseHref } from "./url.js";
import { isWebSocket, webSocketFromWire, webSocketToWire } from "./websocket.js";
import { defineInterface, requireArguments, toDictionary, toDOMString, toInteger, toUSVString } from "./webidl.js";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const NULL_BODY = new Set([101, 204, 205, 304]);
const NULL_BODY_ERROR = "Response with null body status (101, 204, 205, or 304) cannot have a body.";

const token = Symbol("Response");
let internals;

export class Response extends Body {
  #status = 200;
  #statusText = "";
  /** Headers, the wire list they will be made of, or undefined while there is at most a Content-Type. */
  #headers = undefined;
  /** The Content-Type of the body while there are no headers. */
  #type = null;
  #immutable = false;
  #cf = undefined;
  #webSocket = null;
  #encodeBody = "automatic";
  #url = "";
  #redirected = false;

  constructor(body = null, init = undefined) {
    super(bodyToken);
    if (body === token) return;
    if (init !== undefined && init !== null) this.#applyInit(init);
    else if (body === null) return;
    if (this.#webSocket === null) {
      if (this.#status < 200 || this.#status > 599) {
        throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
      }
    } else if (this.#status !== 101) {
      throw new RangeError("Responses with a WebSocket must have status code 101.");
    }
    if (body === null) return;
    const source = extractBody(body);
    if (NULL_BODY.has(this.#status)) {
      // Workers have always let an empty body pass here.
      if (!isEmptySource(source)) throw new TypeError(NULL_BODY_ERROR);
      return;
    }
    if (extractedType !== null) {
      if (this.#headers === undefined) this.#type = extractedType;
      else setDefaultHeader(this.#headers, "content-type", extractedType);
    }
    setBodySource(this, source);
  }

  #applyInit(init) {
    toDictionary(init, "init");
    if (#status in init) {
      this.#copyFrom(init);
      this.#headers = init.#copyHeaders(false);
      this.#cf = cloneCf(init.#cf);
      return;
    }
    const { status, statusText, encodeBody, headers, cf, webSocket } = init;
    if (status !== undefined) this.#status = status === (status | 0) ? status : toInteger(status, 32, { signed: true });
    if (statusText !== undefined) {
      const text = toDOMString(statusText);
      for (let i = 0; i < text.length; i++) {
        if (text.charCodeAt(i) < 0x20) throw new TypeError("Invalid statusText");
      }
      this.#statusText = text;
    }
    if (encodeBody !== undefined) {
      if (encodeBody !== "manual" && encodeBody !== "automatic") {
        throw new TypeError(`encodeBody: unexpected value: ${encodeBody}`);
      }
      this.#encodeBody = encodeBody;
    }
    if (headers !== undefined) this.#headers = new Headers(headers);
    if (cf !== undefined && cf !== null) this.#cf = cloneCf(cf);
    if (webSocket !== undefined && webSocket !== null) {
      if (!isWebSocket(webSocket)) {
        throw new TypeError("Failed to construct 'Response': member webSocket is not of type 'WebSocket'.");
      }
      this.#webSocket = webSocket;
    }
  }

  #copyFrom(other) {
    this.#status = other.#status;
    this.#statusText = other.#statusText;
    this.#encodeBody = other.#encodeBody;
    this.#webSocket = other.#webSocket;
  }

  #copyHeaders(keepGuard) {
    const headers = this.#headers;
    if (Array.isArray(headers)) return headersFromWire(headers.slice(), keepGuard && this.#immutable);
    if (headers === undefined) return headersFromWire(this.#type === null ? [] : ["content-type", this.#type], false);
    return copyHeaders(headers, keepGuard);
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
    response.#headers = headersFromWire(["location", href], true);
    return response;
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, "'json' on 'Response'");
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Value is not JSON serializable");
    const response = new Response(text, init);
    if (init === undefined || init === null || (!(#status in init) && init.headers === undefined)) {
      response.#type = "application/json";
    } else {
      // The Content-Type that the text body implied gives way, one that the init has stays.
      const given = #status in init ? init.headers : new Headers(init.headers);
      if (!given.has("content-type")) response.headers.set("content-type", "application/json");
    }
    return response;
  }

  get status() { return this.#status; }
  get statusText() { return this.#statusText; }
  get ok() { return this.#status >= 200 && this.#status < 300; }
  get headers() {
    const headers = this.#headers;
    if (headers === undefined) {
      return (this.#headers = headersFromWire(this.#type === null ? [] : ["content-type", this.#type], false));
    }
    return Array.isArray(headers) ? (this.#headers = headersFromWire(headers, this.#immutable)) : headers;
  }
  get redirected() { return this.#redirected; }
  get url() { return this.#url; }
  get type() { return this.#status === 0 ? "error" : "default"; }
  get webSocket() { return this.#webSocket; }
  get cf() {
    if (typeof this.#cf === "string") this.#cf = JSON.parse(this.#cf);
    return this.#cf;
  }

  clone() {
    if (this.#webSocket !== null) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    const source = cloneBody(this);
    const made = new Response();
    made.#copyFrom(this);
    made.#headers = this.#copyHeaders(true);
    made.#cf = cloneCf(this.cf);
    made.#url = this.#url;
    made.#redirected = this.#redirected;
    setBodySource(made, source);
    return made;
  }

  [contentType]() { return this.headers.get("content-type"); }

  static {
    internals = {
      isResponse: (value) => typeof value === "object" && value !== null && #status in value,
      fromWire(wire) {
        const response = new Response();
        response.#status = wire.status;
        response.#statusText = wire.statusText ?? "";
        response.#headers = wire.headers;
        response.#immutable = true;
        response.#url = wire.url ?? "";
        response.#redirected = wire.redirected ?? false;
        if (wire.cf !== undefined) response.#cf = wire.cf;
        if (wire.socket !== undefined && wire.socket !== null) {
          response.#webSocket = webSocketFromWire(wire.socket, headersFromWire(wire.headers.slice(), false));
        }
        setBodySource(response, NULL_BODY.has(wire.status) ? null : bodyFromWire(wire.body));
        return response;
      },
      toWire(response) {
        const headers = response.#headers;
        let list;
        if (headers === undefined) list = response.#type === null ? [] : ["content-type", response.#type];
        else list = Array.isArray(headers) ? headers : headersToWire(headers);
        return {
          status: response.#status,
          statusText: response.#statusText,
          headers: list,
          body: bodyToWire(response),
          url: response.#url,
          redirected: response.#redirected,
          socket: response.#webSocket === null ? undefined : webSocketToWire(response.#webSocket),
        };
      },
      encodeBody: (response) => response.#encodeBody,
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

/** The response that a fetch gave. Nothing of it is looked into until a Worker asks. */
export const responseFromWire = internals.fromWire;

/** The wire form of a response; its body is used up. */
export const responseToWire = internals.toWire;

/** Whether the body is encoded already, as `encodeBody: "manual"` says. */
export const isEncodedAlready = (response) => internals.encodeBody(response) === "manual";
