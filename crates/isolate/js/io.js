// Calls, streams and sockets between JavaScript and frames.

import * as native from "atoll:native/io";
import { currentEvent, get, run, set } from "./async_context.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { keepShapesOf } from "./shapes.js";
import { expectedLengthOf, givePulled, takeContents, unopenedContents, unopenedStream } from "./streams/internal.js";

export { currentEvent };
export const { inGlobalScope, globalFetchCapability, cacheCapability, bundlerCapability, now } = native;

/** As in the protocol's limits. */
const WINDOW = 256 * 1024;
const MAX_INLINE_BODY = 64 * 1024;
const CHUNK = 64 * 1024;
/** Bytes of a body that go with the value that has it. */
const MAX_BODY_IN_VALUE = 1024 * 1024;

/** How many things are under way that the host will answer: while there are some, nothing is hung. */
export let underWay = 0;

// --- Calls -----------------------------------------------------------------------------------------------------------

/** A call that is under way. Nothing refers to it but `calls`, so that it is freed at once when it is over. */
export class Pending {
  constructor(id, context, settle, reject, read) {
    this.context = context;
    this.settle = settle;
    this.fail = reject;
    this.read = read;
    enlist(this, id);
  }

  /** @param {AbortSignal} signal */
  endsWith(signal) {
    this.signal = signal;
    this.abort = () => {
      native.cancelCall(this.id);
      this.reject(signal.reason);
    };
    signal.addEventListener("abort", this.abort);
  }

  drop() {
    calls.delete(this.id);
    underWay -= 1;
    const event = this.context?.event;
    if (event?.object !== undefined) event.releaseForObject();
    if (this.signal === undefined) return;
    this.signal.removeEventListener("abort", this.abort);
    this.abort = undefined;
  }

  resolve(value) {
    this.drop();
    const { read } = this;
    if (read === undefined) {
      this.settle(value);
      return;
    }
    // What is read belongs to the event that asked.
    const before = get();
    set(this.context);
    try {
      this.settle(read(value));
    } catch (error) {
      this.fail(error);
    } finally {
      set(before);
    }
  }

  reject(error) {
    this.drop();
    this.fail(error);
  }
}
// What a program puts on `Object.prototype` is not for here.
Object.setPrototypeOf(Pending.prototype, null);
Object.assign(Pending.prototype, { signal: undefined, abort: undefined });
keepShapesOf(Pending, ["context", "settle", "fail", "read", "id"]);

/** @type {Map<number, Pending>} */
const calls = new Map();
let nextCall = 1;

/**
 * Makes a call and gives its answer.
 * @param {AbortSignal | undefined} signal
 * @param {(call: number, event: number | undefined) => void} send
 * @param {(answer: any) => unknown} [read] what is to be made of the answer
 */
export function call(signal, send, read = undefined) {
  if (inGlobalScope()) return Promise.reject(new Error(DISALLOWED_IN_GLOBAL_SCOPE));
  if (signal?.aborted) return Promise.reject(signal.reason);
  return begin(
    signal,
    (id, event) => {
      event?.makeKnown();
      send(id, event?.id);
    },
    read,
  );
}

/** A call is under way from now on. @param {Pending} pending it has its context */
export function enlist(pending, id = nextCall++) {
  pending.id = id;
  calls.set(id, pending);
  underWay += 1;
  const event = pending.context?.event;
  if (event?.object !== undefined) event.holdForObject();
}

function begin(signal, send, read) {
  const id = nextCall++;
  const context = get();
  return new Promise((resolve, reject) => {
    send(id, context?.event);
    const pending = new Pending(id, context, resolve, reject, read);
    if (signal !== undefined && signal !== null) pending.endsWith(signal);
  });
}

/** What a call that is under way was made in. @param {number} id */
export const contextOfCall = (id) => calls.get(id)?.context;

/** Whether something is under way that was asked for an event. */
export const hasCalls = (event) => [...calls.values()].some(({ context }) => context?.event === event);

/** Nobody waits for the calls of an object that is no more. */
export function dropCallsOf(object) {
  for (const [id, entry] of [...calls]) {
    const event = entry.context?.event;
    if (event !== object && event?.object !== object) continue;
    native.cancelCall(id);
    entry.drop();
  }
}

/** Wire bodies arrive as kind, value and length. */
export function wireBody(kind, value, length, ofRequest = false) {
  if (kind === 1) return new Uint8Array(value);
  if (kind === 2) return registerStream(value, length < 0 ? null : length, ofRequest);
  return null;
}

/** The body of the request that an event is. */
export const requestBody = (kind, value, length) => wireBody(kind, value, length, true);

/** Asks a capability to fetch. Resolves to a wire response. */
export function callFetch(capability, request, signal) {
  return call(signal, (id, event) => native.callFetch(id, capability, event, outgoing(request)), incoming);
}

/** Makes a call for a request that `emit` sends. Resolves to a wire response. */
export function callForResponse(signal, request, emit) {
  return call(signal, (id, event) => emit(id, event, outgoing(request)), incoming);
}

/** Asks the cache. `match` resolves to a wire response or undefined, `delete` to a boolean. */
export async function callCache(capability, action, cache, request, response, ignoreMethod) {
  const operation = { action, cache, request: outgoing(request), response: response && outgoing(response), ignoreMethod };
  const found = (answer) => (typeof answer === "object" ? incoming(answer) : answer);
  return call(undefined, (id, event) => native.callCache(id, capability, event, operation), found);
}

/** A response belongs to the event that asked for it, so this is called where that is known. */
function incoming(wire) {
  wire.body = wireBody(wire.bodyKind, wire.bodyValue, wire.bodyLength);
  return wire;
}

/** A body of many bytes goes as a stream. */
function outgoingBody(body, most = MAX_INLINE_BODY) {
  if (typeof body === "string" || !(body instanceof Uint8Array) || body.byteLength <= most) return body;
  return { stream: sendBytes(body), length: body.byteLength };
}

/** The same for one within a value: the bounds of values are none of bodies. */
export const longBody = (body) => outgoingBody(body, MAX_BODY_IN_VALUE);

function outgoing(wire) {
  wire.body = outgoingBody(wire.body);
  return wire;
}

/** Answers a fetch event: the parts are those of a wire response. */
export function respond(event, status, statusText, headers, body, socket) {
  if (typeof body !== "string") {
    body = outgoingBody(body);
    const stream = outgoingStreams.get(body?.stream);
    // Who asked sees a body that breaks off; only this side knows why, so it counts as a rejection that nobody handles.
    if (stream !== undefined) stream.failed = (error) => void Promise.reject(error);
  }
  native.respond(event, status, statusText, headers, body, socket);
}

function hostError({ name, message, stack, remote, retryable, overloaded, durableObjectReset }) {
  const Class = { TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError }[name] ?? Error;
  const error = new Class(message);
  if (Class === Error && name !== "Error") error.name = name;
  if (stack !== undefined) error.stack = stack;
  for (const [flag, set] of Object.entries({ remote, retryable, overloaded, durableObjectReset })) if (set) error[flag] = true;
  return error;
}

// --- Streams from the host -------------------------------------------------------------------------------------------

/**
 * `hold` lives as long as somebody can read the stream: whoever has a way to it has that, and finds there why it ended.
 * @typedef {{ id: number, length: number | null, chunks: Uint8Array[], ended: boolean, error: any, wanted: Function | undefined, owed: number, ofRequest: boolean, hold: object | undefined, keeper: Set<number> | undefined }} Incoming
 */

/** @type {Map<number, Incoming>} */
const incomingStreams = new Map();

function registerStream(id, length, ofRequest) {
  const hold = { error: undefined };
  const stream = {
    id, length, chunks: [], ended: false, error: undefined, wanted: undefined, owed: 0, ofRequest, hold, keeper: undefined,
  };
  incomingStreams.set(id, stream);
  const event = currentEvent();
  if (event?.isOpen) event.own(stream);
  // What comes for an event that is over, or for none, goes when nobody can read it.
  else if (!event?.object?.keeps(id)) watch(stream);
  return { stream: id, length, hold };
}

/** A stream of bytes that the host sends with a value. */
export function incomingStream(id, length) {
  const contents = new HostContents(id, length, registerStream(id, length, false).hold);
  contents.incoming = incomingStreams.get(id);
  return unopenedStream(contents);
}

function endIncoming(stream) {
  incomingStreams.delete(stream.id);
  stream.keeper?.delete(stream.id);
  wakeReader(stream);
}

/** Nobody will read the rest, or whoever tries gets `error`. */
export function dropStream(id, error = undefined) {
  const stream = incomingStreams.get(id);
  if (stream === undefined) return;
  native.cancelStream(id);
  stream.ended = true;
  stream.error ??= error;
  if (stream.hold !== undefined) stream.hold.error = error;
  stream.chunks.length = 0;
  endIncoming(stream);
}

/** Nobody is there any more who could read the rest, or learn that there is none. */
export function abandonStream(id) {
  const stream = incomingStreams.get(id);
  if (stream === undefined) return;
  if (stream.wanted !== undefined) underWay -= 1;
  stream.wanted = undefined;
  dropStream(id);
}

/** What a stream says that was not read while its event went on. */
const EVENT_IS_OVER = "This ReadableStream belongs to an event that is over.";
const RESPONSE_SENT = "Can't read from request stream after response has been sent.";

/** The event is over that a stream came with. @param {number} id */
export function dropLateStream(id) {
  const stream = incomingStreams.get(id);
  if (stream !== undefined) dropStream(id, new TypeError(stream.ofRequest ? RESPONSE_SENT : EVENT_IS_OVER));
}

/** Streams that belong to no event. Those that nobody can read any more are not wanted. */
const unreadable = new FinalizationRegistry((id) => dropStream(id));
const register = FinalizationRegistry.prototype.register.bind(unreadable);

function watch(stream) {
  register(stream.hold, stream.id);
  stream.hold = undefined;
}

/** A stream stays when its event is over, for whoever keeps it. Returns whether it does. @param {Set<number>} keeper */
export function keepStream(id, keeper) {
  const stream = incomingStreams.get(id);
  if (stream === undefined || stream.ofRequest) return false;
  stream.keeper = keeper;
  keeper.add(id);
  watch(stream);
  return true;
}

/** A stream that is passed on whole: the host joins its ends. */
export function forwardStream(id) {
  const stream = incomingStreams.get(id);
  if (stream === undefined) throw new TypeError(EVENT_IS_OVER);
  stream.keeper?.delete(id);
  incomingStreams.delete(id);
}

/** What the host sends as a stream, as long as nobody has looked into it. */
export class HostContents {
  /** What there is of it, for whoever wants to know why it ended before. @type {Incoming | undefined} */
  incoming = undefined;

  /**
   * @param {number} id the stream's number
   * @param {number | null} length
   * @param {object} hold what came with it
   */
  constructor(id, length, hold) {
    this.id = id;
    this.length = length;
    this.hold = hold;
  }

  open(core) {
    const { id, hold } = this;
    const stream = this.incoming ?? incomingStreams.get(id);
    const context = get();
    givePulled(core, {
      pull(controller) {
        // What an object has kept is read by another event than the one that looked into it first.
        const isOver = context?.event !== undefined && !context.event.isOpen;
        return run(isOver ? get() : context, pull, stream, controller, hold);
      },
      cancel() {
        dropStream(id);
      },
    });
    core.expectedLength = this.length ?? undefined;
  }
}

async function pull(stream, controller, hold) {
  if (stream === undefined) throw hold.error ?? new TypeError(EVENT_IS_OVER);
  if (stream.chunks.length === 0 && !stream.ended) {
    // Who waits for a stream has something under way, as who waits for an answer.
    const event = currentEvent();
    underWay += 1;
    event?.holdForObject();
    await new Promise((resolve) => {
      stream.wanted = resolve;
    });
    event?.releaseForObject();
  }
  const chunk = stream.chunks.shift();
  if (chunk !== undefined) {
    stream.owed += chunk.byteLength;
    if (stream.owed >= WINDOW / 2 && !stream.ended) {
      native.grant(stream.id, stream.owed);
      stream.owed = 0;
    }
    controller.enqueueOwned(chunk);
  } else {
    // The host keeps what it sent until it is told that all was read.
    dropStream(stream.id);
    if (stream.error !== undefined) return controller.error(stream.error);
    controller.close();
    controller.respondIfPending();
  }
}

// --- Streams to the host ---------------------------------------------------------------------------------------------

/** @type {Map<number, { credit: number, wanted: Function | undefined, cancel: Function }>} */
const outgoingStreams = new Map();
let nextStream = 1;

function openOutgoing(cancel) {
  const id = nextStream++;
  outgoingStreams.set(id, { credit: WINDOW, wanted: undefined, cancel });
  return id;
}

/** Sends as the host grants. Resolves to false when the host wants no more. */
async function sendChunk(id, bytes) {
  let start = 0;
  while (start < bytes.byteLength) {
    const stream = outgoingStreams.get(id);
    if (stream === undefined) return false;
    if (stream.credit === 0) {
      underWay += 1;
      await new Promise((resolve) => {
        stream.wanted = resolve;
      });
      underWay -= 1;
      continue;
    }
    const size = Math.min(stream.credit, CHUNK, bytes.byteLength - start);
    stream.credit -= size;
    native.streamData(id, bytes.subarray(start, start + size));
    start += size;
  }
  return true;
}

function sendBytes(bytes) {
  const id = openOutgoing(() => {});
  const event = currentEvent();
  event?.begin();
  // The stream must be made known, by the frame that this is for, before anything travels on it.
  const sent = Promise.resolve().then(() => sendChunk(id, bytes));
  sent.then((whole) => {
    if (whole) native.streamEnd(id);
    outgoingStreams.delete(id);
    event?.end();
  });
  return id;
}

function chunkBytes(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError("This ReadableStream did not return bytes.");
}

/**
 * A stream on its way to the host, which joins the ends of those that come from there and that nobody has looked into.
 * @param {ReadableStream} readable not locked
 * @returns {{ forward: number } | { stream: number, length: number | null }}
 */
export function streamToWire(readable) {
  const contents = unopenedContents(readable);
  if (contents instanceof HostContents && incomingStreams.has(contents.id)) {
    takeContents(readable);
    forwardStream(contents.id);
    return { forward: contents.id };
  }
  const length = expectedLengthOf(readable) ?? null;
  return { stream: sendStream(readable), length };
}

/** Sends everything that `readable` gives, and returns the number of that. */
function sendStream(readable) {
  const reader = readable.getReader();
  const id = openOutgoing(() => reader.cancel(new Error("The reader of this stream is gone.")).catch(() => {}));
  const event = currentEvent();
  event?.begin();
  pump(id, reader).then(() => {
    outgoingStreams.delete(id);
    event?.end();
  });
  return id;
}

async function pump(id, reader) {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return native.streamEnd(id);
      if (!(await sendChunk(id, chunkBytes(value)))) return undefined;
    }
  } catch (error) {
    const stream = outgoingStreams.get(id);
    if (stream !== undefined) {
      native.streamAbort(id, String(error?.message ?? error));
      stream.failed?.(error);
    }
    reader.cancel(error).catch(() => {});
    return undefined;
  }
}

// --- WebSockets ------------------------------------------------------------------------------------------------------

/** @typedef {{ host: number } | { isolate: number }} SocketRef */

const sockets = new Map();
let nextSocket = 1;
const socketKey = (ofHost, id) => (ofHost ? id : -id);

/** A number for an end that is given to the host in a response. */
export const newSocket = () => nextSocket++;

/**
 * @param {SocketRef} ref
 * @param {{ message(data: string | Uint8Array): void, close(code: number | undefined, reason: string): void, broken(message: string): void }} handlers
 */
export function socketOpen(ref, handlers) {
  const ofHost = ref.host !== undefined;
  const event = currentEvent();
  event?.begin();
  underWay += 1;
  sockets.set(socketKey(ofHost, ref.host ?? ref.isolate), { handlers, context: get(), event });
}

/** @param {SocketRef} ref @param {string | Uint8Array} data */
export function socketSend(ref, data) {
  native.socketSend(ref.host !== undefined, ref.host ?? ref.isolate, data);
}

/** @param {SocketRef} ref @param {number | undefined} code @param {string} reason */
export function socketClose(ref, code, reason) {
  native.socketClose(ref.host !== undefined, ref.host ?? ref.isolate, code, reason);
}

/** What arrives is wanted from now on. Until then it stays where it is. @param {{ host: number }} ref */
export const socketListen = (ref) => native.socketListen(ref.host);

/** Both sides have closed, or one broke: nothing will arrive any more. @param {SocketRef} ref */
export function socketForget(ref) {
  const key = socketKey(ref.host !== undefined, ref.host ?? ref.isolate);
  const socket = sockets.get(key);
  if (socket === undefined) return;
  sockets.delete(key);
  underWay -= 1;
  socket.event?.end();
}

/** Nobody listens any more to what an object that is no more had accepted by itself. */
export function breakSocketsOf(object) {
  for (const [key, { event }] of [...sockets]) {
    if (event?.object !== object) continue;
    native.socketBreak(key > 0, Math.abs(key));
    sockets.delete(key);
    underWay -= 1;
  }
}

function withSocket(ofHost, id, work) {
  const socket = sockets.get(socketKey(ofHost, id));
  if (socket !== undefined) run(socket.context, work, socket.handlers);
}

// --- What the host says ----------------------------------------------------------------------------------------------

export const host = {
  reply(id, value) {
    const entry = calls.get(id);
    const object = entry?.context?.event?.object;
    if (object !== undefined) answerObject(object, entry, () => entry.resolve(value));
    else entry?.resolve(value);
  },
  fail(id, error) {
    const entry = calls.get(id);
    const object = entry?.context?.event?.object;
    if (object !== undefined) answerObject(object, entry, () => entry.reject(hostError(error)));
    else entry?.reject(hostError(error));
  },
  streamData(id, buffer) {
    const stream = incomingStreams.get(id);
    if (stream === undefined) return;
    stream.chunks.push(new Uint8Array(buffer));
    wakeReader(stream);
  },
  streamEnd(id) {
    const stream = incomingStreams.get(id);
    if (stream === undefined) return;
    stream.ended = true;
    wakeReader(stream);
  },
  streamAbort(id, reason) {
    const stream = incomingStreams.get(id);
    if (stream === undefined) return;
    stream.ended = true;
    stream.error = Object.assign(new Error(reason), { retryable: true });
    wakeReader(stream);
  },
  granted(id, bytes) {
    const stream = outgoingStreams.get(id);
    if (stream === undefined) return;
    stream.credit += bytes;
    stream.wanted?.();
    stream.wanted = undefined;
  },
  canceled(id) {
    const stream = outgoingStreams.get(id);
    if (stream === undefined) return;
    outgoingStreams.delete(id);
    stream.wanted?.();
    stream.cancel();
  },
  socketMessage(ofHost, id, data) {
    withSocket(ofHost, id, (handlers) => handlers.message(typeof data === "string" ? data : new Uint8Array(data)));
  },
  socketClose(ofHost, id, code, reason) {
    withSocket(ofHost, id, (handlers) => handlers.close(code ?? undefined, reason));
  },
  socketBroken(ofHost, id, message) {
    withSocket(ofHost, id, (handlers) => handlers.broken(message));
  },
  socketRefused: (ofHost, id, error) => withSocket(ofHost, id, (handlers) => handlers.refused(error)),
};

/** An object's input gate holds back the answers to its calls as well. What is left of a broken one gets none. */
function answerObject(object, entry, settle) {
  object.gate.enter(entry.context, () => (object.broken === undefined ? settle() : entry.drop()));
}

function wakeReader(stream) {
  if (stream.wanted === undefined) return;
  underWay -= 1;
  const wanted = stream.wanted;
  stream.wanted = undefined;
  wanted();
}
