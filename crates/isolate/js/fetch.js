/** fetch(), service bindings, and what opens WebSockets. */
import { abortSignal, createSignal } from "./abort.js";
import { get, set } from "./async_context.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { callFetch, callForResponse, globalFetchCapability, inGlobalScope } from "./io.js";
import { percentDecode } from "atoll:native/url";
import { parseMimeType, serializeMimeType } from "./mime.js";
import { encodeResponseBody, isRequest, Request, requestSignal, requestToWire } from "./request.js";
import { Response, responseFromWire } from "./response.js";
import { sourceOf, wildcard } from "./rpc/stubs.js";
import { setConnector } from "./websocket.js";
import { defineInterface, illegalConstructor, requireArguments } from "./webidl.js";

const NO_OUTBOUND =
  "This worker is not permitted to access the internet via global functions like fetch(). " +
  "It must use capabilities (such as bindings in 'env') to talk to the outside world.";

/** The request that the arguments of a `fetch()` stand for. */
export function coerce(input, init) {
  return isRequest(input) && init === undefined ? input : new Request(input, init);
}

/** The global fetch(). https://fetch.spec.whatwg.org/#fetch-method */
export async function fetch(input, init = undefined) {
  requireArguments(arguments.length, 1, "'fetch' on 'ServiceWorkerGlobalScope'", "Request or string");
  if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
  const request = coerce(input, init);
  const { url } = request;
  if (url.startsWith("data:")) return fetchData(url);
  if (!url.startsWith("http:") && !url.startsWith("https:")) throw new TypeError(`Fetch API cannot load: ${url}`);
  const capability = globalFetchCapability();
  if (capability === undefined || capability === null) throw new Error(NO_OUTBOUND);
  return send(capability, request);
}

/** @param {number} capability @param {Request} request */
async function send(capability, request) {
  const signal = requestSignal(request);
  if (signal?.aborted) throw signal.reason;
  return responseFromWire(await callFetch(capability, requestToWire(request), signal), encodeResponseBody(request));
}

/**
 * The response to a request that `emit` sends.
 * @param {Request} request
 * @param {(call: number, event: number | undefined, wire: object) => void} emit
 */
export async function sendWith(request, emit) {
  const signal = requestSignal(request);
  if (signal?.aborted) throw signal.reason;
  return responseFromWire(await callForResponse(signal, requestToWire(request), emit), encodeResponseBody(request));
}

/** https://fetch.spec.whatwg.org/#data-url-processor */
function fetchData(url) {
  const comma = url.indexOf(",");
  if (comma < 0) throw new TypeError(`Fetch API cannot load: ${url}`);
  const hash = url.indexOf("#");
  let type = url.slice(5, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
  let bytes = percentDecode(url.slice(comma + 1, hash < 0 ? undefined : hash));
  const base64 = /; *base64$/i.exec(type);
  if (base64 !== null) {
    type = type.slice(0, base64.index);
    try {
      bytes = decodeBase64(bytes);
    } catch {
      throw new TypeError(`Fetch API cannot load: ${url}`);
    }
  }
  if (type.startsWith(";")) type = `text/plain${type}`;
  const mime = parseMimeType(type);
  const headers = { "content-type": mime === undefined ? "text/plain;charset=US-ASCII" : serializeMimeType(mime) };
  return new Response(bytes, { headers, statusText: "OK" });
}

/** Forgiving base64 of ASCII bytes. https://infra.spec.whatwg.org/#forgiving-base64-decode */
function decodeBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  const binary = atob(text);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

const token = Symbol("Fetcher");
let gripOfFetcher;

/** A service binding: another worker, or anything else that answers requests. */
export class Fetcher {
  #held;

  constructor(key, held) {
    if (key !== token) throw illegalConstructor();
    this.#held = held;
  }

  async fetch(input, init = undefined) {
    requireArguments(arguments.length, 1, "'fetch' on 'Fetcher'", "Request or string");
    const held = fetchers.get(this).#held;
    const request = coerce(input, init);
    if (held.fetch !== undefined) return held.fetch(request);
    if (held.ready !== undefined) {
      // The bundler's pass does not restore the context here.
      const context = get();
      await held.ready;
      set(context);
    }
    return send(held.capability, request);
  }

  static {
    gripOfFetcher = (fetcher) => fetcher.#held;
  }
}

/** An entrypoint of the worker itself. Calling it gives one with props. */
class LoopbackServiceStub extends Fetcher {}
defineInterface(LoopbackServiceStub);

/** The object behind each fetcher's proxy. @type {WeakMap<object, Fetcher>} */
const fetchers = new WeakMap();
defineInterface(Fetcher, { receiver: (value) => fetchers.has(value) });

/** The number of a fetcher's capability; undefined for what is none. */
export function capabilityOfFetcher(value) {
  const fetcher = fetchers.get(value);
  return fetcher === undefined ? undefined : gripOfFetcher(fetcher).capability;
}

/**
 * The object that a Worker gets for something that answers requests and may have methods.
 * @param {{ capability: number, fetch?: Function, source?: object }} held what calls go to, or what sends them itself
 * @param {(args: unknown[]) => unknown} [apply] what calling it does
 * @param {typeof Fetcher} [Class] what it is, with methods of its own
 */
export function fetcherOf(held, apply, Class = apply === undefined ? Fetcher : LoopbackServiceStub) {
  const fetcher = new Class(token, held);
  const proxy = wildcard(fetcher, held.source ?? sourceOf(held), apply);
  fetchers.set(proxy, fetcher);
  return proxy;
}

/** The same for a binding. @param {number} capability */
export const makeFetcher = (capability) => fetcherOf({ capability });

setConnector((url, protocols, { open, failed }) => {
  const abort = createSignal();
  const headers = { upgrade: "websocket" };
  if (protocols.length > 0) headers["sec-websocket-protocol"] = protocols.join(", ");
  fetch(url, { headers, signal: abort }).then(
    (response) => {
      const { webSocket, status } = response;
      if (webSocket === null) {
        failed(
          new TypeError(
            "Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 " +
              `(switching protocols), but received ${status} instead.`,
          ),
        );
        return;
      }
      const { protocol, extensions } = webSocket;
      open({ socket: webSocket, protocol, extensions });
    },
    failed,
  );
  return () => abortSignal(abort);
});

