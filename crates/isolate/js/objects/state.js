// `ctx` of a Durable Object.

import { deleteFacets } from "atoll:native/facets";
import { abandonAlarm, callStorage } from "atoll:native/objects";
import { currentEvent } from "../async_context.js";
import { call } from "../io.js";
import { exports } from "../loopback.js";
import { unpackProps } from "../rpc/parcels.js";
import { makeStorage } from "../storage/storage.js";
import { setTimeout, clearTimeout } from "../timers.js";
import { encodeUtf8 } from "../encoding.js";
import { callback, method } from "../storage/arguments.js";
import { defineInterface, illegalConstructor, own, requireArguments, toInteger, toUSVString } from "../webidl.js";
import { makeFacets } from "./facets.js";
import { isWebSocket, WebSocketRequestResponsePair } from "../websocket.js";

const token = Symbol("DurableObjectState");

const MAX_AUTO_RESPONSE_BYTES = 2048;
const MAX_EVENT_TIMEOUT_MS = 604_800_000;
const CONCURRENCY_TIMEOUT_MS = 30_000;
const TOOK_TOO_LONG =
  "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable " +
  "Object was reset.";
const NO_ALARM_HANDLER = "Your Durable Object class must have an alarm() handler in order to call setAlarm()";
const ABORTED = "Application called abort() to reset Durable Object.";

export class DurableObjectState {
  #object;
  #storage;
  #facets;

  constructor(key, object) {
    if (key !== token) throw illegalConstructor();
    this.#object = object;
    this.props = unpackProps(object.props);
  }

  // These become properties of its own: they are read all the time, and programs may replace them.

  get id() {
    return own(this, "id", this.#object.id);
  }

  set id(value) {
    own(this, "id", value);
  }

  get exports() {
    return own(this, "exports", exports);
  }

  set exports(value) {
    own(this, "exports", value);
  }

  get facets() {
    return (this.#facets ??= makeFacets(this.#object));
  }

  get storage() {
    return own(this, "storage", (this.#storage ??= storageOf(this.#object)));
  }

  set storage(value) {
    own(this, "storage", value);
  }

  waitUntil(promise) {
    const event = currentEvent();
    if (event === undefined) Promise.resolve(promise).catch(() => {});
    else event.waitUntil(promise);
  }

  async blockConcurrencyWhile(work) {
    callback(work, 1, method("blockConcurrencyWhile", "DurableObjectState"));
    const object = this.#object;
    object.check();
    try {
      return await alone(object, () => limited(work, object));
    } catch (error) {
      object.break(error);
      throw error;
    }
  }

  acceptWebSocket(socket, tags = []) {
    requireArguments(arguments.length, 1, "'acceptWebSocket' on 'DurableObjectState'", "WebSocket");
    checkSocket(socket, "acceptWebSocket");
    if (typeof tags !== "object" || tags === null) {
      throw new TypeError("Failed to execute 'acceptWebSocket' on 'DurableObjectState': parameter 2 is not of type 'Array'.");
    }
    this.#object.check();
    this.#object.sockets.accept(socket, Array.from(tags, toUSVString));
  }

  getWebSockets(tag = undefined) {
    return this.#object.sockets.list(tag === undefined || tag === null ? undefined : toUSVString(tag));
  }

  getTags(socket) {
    requireArguments(arguments.length, 1, "'getTags' on 'DurableObjectState'", "WebSocket");
    checkSocket(socket, "getTags");
    const entry = this.#object.sockets.entry(socket);
    if (entry === undefined) {
      throw new Error("you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.");
    }
    return [...entry.tags];
  }

  setWebSocketAutoResponse(pair = undefined) {
    const { sockets } = this.#object;
    if (pair === undefined) {
      if (sockets.autoResponse !== undefined) sockets.answerAlone(undefined);
      return;
    }
    if (!(pair instanceof WebSocketRequestResponsePair)) {
      throw new TypeError(
        "Failed to execute 'setWebSocketAutoResponse' on 'DurableObjectState': parameter 1 is not of type " +
          "'WebSocketRequestResponsePair'.",
      );
    }
    checkSize("Request", "request", pair.request);
    checkSize("Response", "response", pair.response);
    sockets.answerAlone([pair.request, pair.response]);
  }

  getWebSocketAutoResponse() {
    const pair = this.#object.sockets.autoResponse;
    return pair === undefined ? null : new WebSocketRequestResponsePair(...pair);
  }

  getWebSocketAutoResponseTimestamp(socket) {
    requireArguments(arguments.length, 1, "'getWebSocketAutoResponseTimestamp' on 'DurableObjectState'", "WebSocket");
    checkSocket(socket, "getWebSocketAutoResponseTimestamp");
    const time = this.#object.sockets.entry(socket)?.answered ?? null;
    return time === null ? null : new Date(time);
  }

  setHibernatableWebSocketEventTimeout(timeout = undefined) {
    if (timeout < 0) {
      throw new TypeError("The value cannot be converted because it is negative and this API expects a positive number.");
    }
    const limit = timeout === undefined || timeout === null ? 0 : toInteger(timeout, 32, { enforceRange: true });
    if (limit > MAX_EVENT_TIMEOUT_MS) throw new Error(`Event timeout should not exceed ${MAX_EVENT_TIMEOUT_MS} ms.`);
    this.#object.sockets.timeout = limit === 0 ? null : limit;
  }

  getHibernatableWebSocketEventTimeout() {
    return this.#object.sockets.timeout;
  }

  abort(reason = undefined, options = undefined) {
    const error = Object.assign(new Error(reason === undefined ? ABORTED : String(reason)), { durableObjectReset: true });
    if (options?.retryAlarm === false && this.#object.broken === undefined) abandonAlarm(this.#object.number);
    this.#object.break(error);
    throw error;
  }
}
defineInterface(DurableObjectState, { receiver: true });

function checkSocket(socket, method) {
  if (isWebSocket(socket)) return;
  throw new TypeError(`Failed to execute '${method}' on 'DurableObjectState': parameter 1 is not of type 'WebSocket'.`);
}

function checkSize(what, noun, text) {
  const size = encodeUtf8(text).byteLength;
  if (size <= MAX_AUTO_RESPONSE_BYTES) return;
  throw new RangeError(
    `${what} cannot be larger than ${MAX_AUTO_RESPONSE_BYTES} bytes. A ${noun} of size ${size} was provided.`,
  );
}

/** Runs `work` while nothing else happens to the object. */
async function alone(object, work, isFirst = false) {
  const event = currentEvent();
  event?.begin();
  try {
    return await object.gate.section(work, isFirst);
  } finally {
    event?.end();
  }
}

/** @param {import("./instance.js").Instance} object */
function storageOf(object) {
  const ask = (what, value) => call(undefined, (id, event) => callStorage(id, object.number, event, what, value));
  return makeStorage(object.number, {
    alarm() {
      if (!object.handlesAlarms) throw new TypeError(NO_ALARM_HANDLER);
    },
    call: ask,
    gate: (run) => alone(object, () => limited(run, object)),
    deleteAll: () => deleteFacets(object.number),
    // The host answers when everything before the question is on disk. Until then nothing else happens to the object, as
    // with other operations of its storage: who looks at something, syncs, and acts on what it saw acts on what is so.
    sync: () => alone(object, () => ask("bookmark"), true),
  });
}

/** @param {() => unknown} work */
function limited(work, object) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = Object.assign(new Error(TOOK_TOO_LONG), { overloaded: true, durableObjectReset: true });
      object.break(error, "blocked");
      reject(error);
    }, CONCURRENCY_TIMEOUT_MS);
    Promise.resolve(work())
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** @param {import("./instance.js").Instance} object */
export const makeState = (object) => new DurableObjectState(token, object);
