/** EventSource (https://html.spec.whatwg.org/#server-sent-events) over fetch(), with the Workers' EventSource.from(). */
import { AbortController } from "./abort.js";
import { defineEventHandlers, dispatch, ErrorEvent, Event, EventTarget, MessageEvent, reportException, trust } from "./events.js";
import { fetch } from "./fetch.js";
import { inGlobalScope } from "./io.js";
import { parseMimeType } from "./mime.js";
import { isDisturbed, isLocked, isReadableStream } from "./streams/internal.js";
import { setTimeout } from "./timers.js";
import { parseHref } from "./url.js";
import { decodeUtf8 } from "./encoding.js";
import { bufferSource, defineInterface, requireArguments, toDictionary, toUSVString } from "./webidl.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

const FIRST_RECONNECTION_MS = 2000;
const SHORTEST_RECONNECTION_MS = 1000;
const LONGEST_RECONNECTION_MS = 10_000;
const NO_EVENT = "An EventSource can only be created within the context of a worker request.";

const token = Symbol("EventSource");

export class EventSource extends EventTarget {
  #url = null;
  #fetcher = null;
  #readyState = CONNECTING;
  #lastEventId = "";
  #reconnectionMs = FIRST_RECONNECTION_MS;
  #controller = new AbortController();
  #hadNoBody = false;

  constructor(url, init = undefined) {
    super();
    if (url === token) return;
    requireArguments(arguments.length, 1, "constructor of 'EventSource'");
    toDictionary(init, "EventSourceInit", "constructor of 'EventSource'", 2);
    if (inGlobalScope()) throw new DOMException(NO_EVENT, "NotSupportedError");
    if (init?.withCredentials) {
      throw new DOMException(
        "The init.withCredentials option is not supported. It must be false or undefined.",
        "NotSupportedError",
      );
    }
    const text = toUSVString(url);
    const href = parseHref(text);
    if (href === undefined) {
      throw new DOMException(`Cannot open an EventSource to '${text}'. The URL is invalid.`, "SyntaxError");
    }
    this.#url = href;
    this.#fetcher = init?.fetcher ?? null;
    this.#connect();
  }

  static from(stream) {
    requireArguments(arguments.length, 1, "'from' on 'EventSource'", "JsReadableStream");
    if (inGlobalScope()) throw new DOMException(NO_EVENT, "NotSupportedError");
    if (!isReadableStream(stream)) {
      throw new TypeError("Failed to execute 'from' on 'EventSource': parameter 1 is not of type 'ReadableStream'.");
    }
    if (isLocked(stream)) throw new TypeError("This ReadableStream is locked.");
    if (isDisturbed(stream)) throw new TypeError("This ReadableStream has already been read from.");
    const source = new EventSource(token);
    source.#read(stream, false);
    return source;
  }

  get url() { return this.#url ?? ""; }
  get withCredentials() { return this.#readyState < 0; }
  get readyState() { return this.#readyState; }

  close() {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#controller.abort();
  }

  async #connect() {
    if (this.#readyState === CLOSED) return;
    const headers = { accept: "text/event-stream", "cache-control": "no-cache" };
    if (this.#lastEventId !== "") headers["last-event-id"] = this.#lastEventId;
    const init = { headers, signal: this.#controller.signal };
    let response;
    try {
      response = await (this.#fetcher === null ? fetch(this.#url, init) : this.#fetcher.fetch(this.#url, init));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#readyState === CLOSED) return;
    const problem = problemOf(response);
    if (problem !== undefined) {
      this.#fail(new DOMException(problem, "AbortError"));
      return;
    }
    if (response.redirected) this.#url = response.url;
    if (response.body !== null) {
      this.#read(response.body, true);
    } else if (this.#hadNoBody) {
      this.#fail(new Error("The server provided no content."));
    } else {
      this.#hadNoBody = true;
      this.#fail(new Error("The server provided no content. Will try reconnecting."), true);
    }
  }

  async #read(stream, reconnects) {
    // Whoever made the source shall have the chance to listen first.
    await undefined;
    if (this.#readyState === CLOSED) return;
    this.#readyState = OPEN;
    dispatch(this, trust(new Event("open")));
    const parser = new Parser();
    const reader = stream.getReader();
    this.#controller.signal.addEventListener("abort", () => reader.cancel().catch(() => {}), { once: true });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#readyState === CLOSED) return;
        if (done) break;
        const bytes = bufferSource(value);
        if (bytes === undefined) throw new TypeError("An EventSource can only read bytes.");
        for (const message of parser.push(bytes)) this.#deliver(message);
        if (parser.retryMs !== undefined) {
          this.#reconnectionMs = Math.max(SHORTEST_RECONNECTION_MS, Math.min(parser.retryMs, LONGEST_RECONNECTION_MS));
        }
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#fail(new Error("The server disconnected."), reconnects);
  }

  #deliver({ type, data, id }) {
    this.#lastEventId = id;
    if (data === "" || this.#readyState === CLOSED) return;
    const origin = this.#url === null ? "" : new URL(this.#url).origin;
    dispatch(this, trust(new MessageEvent(type, { data, lastEventId: id, origin })));
  }

  #fail(error, reconnects = false) {
    if (this.#readyState === CLOSED) return;
    this.#controller.abort(error);
    this.#readyState = reconnects ? CONNECTING : CLOSED;
    const unhandled = this.onerror === null;
    dispatch(this, trust(new ErrorEvent("error", { message: String(error?.message ?? error), error })));
    if (unhandled && !reconnects) reportException(error);
    if (!reconnects) return;
    this.#controller = new AbortController();
    setTimeout(() => this.#connect(), this.#reconnectionMs);
  }
}
Object.defineProperty(EventSource.prototype, Symbol.dispose, {
  value: EventSource.prototype.close,
  writable: true,
  enumerable: false,
  configurable: true,
});
defineInterface(EventSource, { receiver: true, constants: { CONNECTING, OPEN, CLOSED } });
defineEventHandlers(EventSource.prototype, ["open", "message", "error"]);

function problemOf(response) {
  if (!response.ok) return `The response status code was ${response.status}.`;
  const type = response.headers.get("content-type");
  if (type === null) return "No content type header was present in the response.";
  if (parseMimeType(type)?.essence !== "text/event-stream") return `The content type '${type}' is invalid.`;
  return undefined;
}

/** https://html.spec.whatwg.org/#event-stream-interpretation, fed with bytes as they come. */
class Parser {
  /** The bytes of the line that has no end yet. */
  #rest = [];
  #restLength = 0;
  #first = true;
  #afterReturn = false;
  #data = undefined;
  #type = "";
  #id = "";
  retryMs = undefined;

  /** The messages that are whole now. */
  push(bytes) {
    const messages = [];
    let start = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte !== 10 && byte !== 13) {
        this.#afterReturn = false;
        continue;
      }
      if (byte === 10 && this.#afterReturn) {
        // The second half of a line end that was seen already.
        this.#afterReturn = false;
        start = i + 1;
        continue;
      }
      this.#afterReturn = byte === 13;
      const message = this.#line(this.#join(bytes.subarray(start, i)));
      if (message !== undefined) messages.push(message);
      start = i + 1;
    }
    if (start < bytes.length) {
      this.#rest.push(bytes.slice(start));
      this.#restLength += bytes.length - start;
    }
    return messages;
  }

  #join(end) {
    let whole = end;
    if (this.#rest.length > 0) {
      whole = new Uint8Array(this.#restLength + end.length);
      let position = 0;
      for (const piece of [...this.#rest, end]) {
        whole.set(piece, position);
        position += piece.length;
      }
      this.#rest = [];
      this.#restLength = 0;
    }
    const isBom = whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf;
    const text = decodeUtf8(whole);
    // Decoding drops a byte order mark, which only the first line can have.
    const line = isBom && !this.#first ? `\ufeff${text}` : text;
    this.#first = false;
    return line;
  }

  #line(line) {
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (field === "event") this.#type = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  #finish() {
    const data = this.#data;
    const type = this.#type === "" ? "message" : this.#type;
    this.#data = undefined;
    this.#type = "";
    return data === undefined ? undefined : { type, data, id: this.#id };
  }
}
