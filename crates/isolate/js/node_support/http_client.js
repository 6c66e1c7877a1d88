/** The client of `node:http` and `node:https`: a request is a `fetch()` that is sent when its last byte is written. */
import { AbortController } from "../abort.js";
import { fetch } from "../fetch.js";
import { Headers } from "../headers.js";
import { Buffer } from "../node/buffer.js";
import { urlToHttpOptions } from "../node/url.js";
import { clearTimeout, setTimeout } from "../timers.js";
import { URL } from "../url.js";
import { NodeError, NodeTypeError } from "./errors.js";
import { nextTick } from "./stream/destroy.js";

/** Headers that are the connection's. */
const NOT_SENT = new Set(["connection", "content-length", "host", "keep-alive", "transfer-encoding"]);
const BODYLESS = new Set(["GET", "HEAD"]);
const FORBIDDEN_IN_PATH = /[^\u0021-\u00ff]/;

/** `(url, options, callback)` in all their forms, as one object of options. */
function readArguments(input, options, callback) {
  let given = {};
  if (typeof input === "string") given = urlToHttpOptions(new URL(input));
  else if (input instanceof URL) given = urlToHttpOptions(input);
  else [options, callback] = [input, options];
  if (typeof options === "function") [options, callback] = [undefined, options];
  return [{ ...given, ...options }, callback];
}

function hangUp() {
  const error = new NodeError("ECONNRESET", "socket hang up");
  error.toString = Error.prototype.toString;
  return error;
}

/** @param {{ OutgoingMessage: Function, IncomingMessage: Function, protocol: string }} own what the module has itself */
export function makeClient({ OutgoingMessage, IncomingMessage, protocol: usualProtocol }) {
  class ClientRequest extends OutgoingMessage {
    #url;
    #chunks = [];
    #abort = new AbortController();
    #timer = undefined;
    aborted = false;
    reusedSocket = false;
    res = null;

    constructor(input, second = undefined, third = undefined) {
      super({ autoDestroy: false });
      const [options, callback] = readArguments(input, second, third);
      const protocol = options.protocol ?? usualProtocol;
      if (protocol !== "http:" && protocol !== "https:") {
        throw new NodeTypeError("ERR_INVALID_PROTOCOL", `Protocol "${protocol}" not supported. Expected "${usualProtocol}"`);
      }
      const path = options.path ?? "/";
      if (FORBIDDEN_IN_PATH.test(path)) {
        throw new NodeTypeError("ERR_UNESCAPED_CHARACTERS", "Request path contains unescaped characters");
      }
      this.method = String(options.method ?? "GET").toUpperCase();
      this.protocol = protocol;
      this.path = path;
      this.agent = options.agent;
      const host = String(options.hostname ?? options.host ?? "localhost").replace(/^\[|\]$/g, "");
      this.host = host;
      const port = options.port ?? options.defaultPort;
      const usual = protocol === "https:" ? 443 : 80;
      const authority = host.includes(":") ? `[${host}]` : host;
      this.#url = `${protocol}//${authority}${port && Number(port) !== usual ? `:${port}` : ""}${path}`;
      const { headers } = options;
      if (Array.isArray(headers)) for (let at = 0; at < headers.length; at += 2) this.setHeader(headers[at], headers[at + 1]);
      else for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) this.setHeader(name, value);
      if (options.auth && !this.hasHeader("authorization")) {
        this.setHeader("Authorization", `Basic ${Buffer.from(options.auth).toString("base64")}`);
      }
      if (options.timeout !== undefined) this.setTimeout(options.timeout);
      if (options.signal !== undefined) {
        const stop = () => this.destroy(options.signal.reason);
        if (options.signal.aborted) nextTick(stop);
        else options.signal.addEventListener("abort", stop, { once: true });
      }
      if (callback !== undefined) this.once("response", callback);
    }

    _write(chunk, encoding, callback) {
      this.#chunks.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
      callback();
    }

    _final(callback) {
      callback();
      this.#send();
    }

    async #send() {
      this.headersSent = true;
      const headers = new Headers();
      for (const [name, value] of Object.entries(this.getHeaders())) {
        if (NOT_SENT.has(name)) continue;
        for (const each of Array.isArray(value) ? value : [value]) headers.append(name, String(each));
      }
      const body = BODYLESS.has(this.method) || this.#chunks.length === 0 ? undefined : Buffer.concat(this.#chunks);
      this.#chunks = [];
      // Who asks for a coding takes it off; others do not know of any.
      const encodeResponseBody = headers.has("accept-encoding") ? "manual" : "automatic";
      let response;
      try {
        const init = { method: this.method, headers, body, redirect: "manual", signal: this.#abort.signal, encodeResponseBody };
        response = await fetch(this.#url, init);
      } catch (error) {
        if (!this.destroyed) this.destroy(error);
        return;
      }
      if (this.destroyed) return;
      this.#receive(response, encodeResponseBody === "automatic");
    }

    #receive(response, decoded) {
      const message = new IncomingMessage(null);
      message.req = this;
      message.url = "";
      message.statusCode = response.status;
      message.statusMessage = response.statusText;
      message.httpVersion = "1.1";
      [message.httpVersionMajor, message.httpVersionMinor] = [1, 1];
      const cookies = response.headers.getSetCookie();
      const isUnpacked = decoded && response.headers.has("content-encoding");
      for (const [name, value] of response.headers) {
        if (name === "set-cookie" || (isUnpacked && ["content-encoding", "content-length"].includes(name))) continue;
        message.headers[name] = value;
        message.rawHeaders.push(name, value);
      }
      if (cookies.length > 0) message.headers["set-cookie"] = cookies;
      for (const cookie of cookies) message.rawHeaders.push("set-cookie", cookie);
      const reader = response.body?.getReader();
      message._read = () => {
        if (reader === undefined) {
          this.#end(message);
          return;
        }
        reader.read().then(
          ({ done, value }) => {
            if (done) this.#end(message);
            else message.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
          },
          (error) => message.destroy(error),
        );
      };
      message._destroy = (error, callback) => {
        reader?.cancel(error ?? undefined).catch(() => {});
        callback(error);
      };
      this.res = message;
      if (!this.emit("response", message)) message.resume();
    }

    #end(message) {
      message.complete = true;
      message.push(null);
      this.#clear();
      if (!this.destroyed) nextTick(() => this.destroy());
    }

    #clear() {
      if (this.#timer !== undefined) clearTimeout(this.#timer);
      this.#timer = undefined;
    }

    _destroy(error, callback) {
      this.#clear();
      this.#abort.abort(error ?? undefined);
      const isUnanswered = this.res === null;
      callback(error ?? (isUnanswered ? hangUp() : null));
    }

    abort() {
      if (this.aborted) return;
      this.aborted = true;
      nextTick(() => this.emit("abort"));
      this.destroy();
    }

    flushHeaders() {}
    setNoDelay() {}
    setSocketKeepAlive() {}

    setTimeout(milliseconds, callback = undefined) {
      this.#clear();
      if (callback !== undefined) this.once("timeout", callback);
      if (milliseconds > 0) this.#timer = setTimeout(() => this.emit("timeout"), milliseconds);
      return this;
    }
  }

  const request = (input, options, callback) => new ClientRequest(input, options, callback);
  const get = (input, options, callback) => {
    const made = request(input, options, callback);
    made.end();
    return made;
  };
  return { ClientRequest, get, request };
}

