/**
 * WebSocket and WebSocketPair as Workers have them.
 *
 * A socket is an end: what is sent on it goes to its peer (the other end of a pair) or over the wire. An end that was
 * given to the host in a response is coupled: what its peer sends goes over the wire and what comes from there goes to
 * its peer.
 */
import { castText } from "atoll:native/objects";
import { getBlobBytes, isBlob, makeBlob } from "./blob.js";
import { newSocket, socketClose, socketForget, socketListen, socketOpen, socketSend } from "./io.js";
import {
  CloseEvent, defineEventHandlers, dispatch, ErrorEvent, Event, EventTarget, MessageEvent, trust,
} from "./events.js";
import { queueMicrotask } from "./async_context.js";
import { deserialize, serialize } from "./structured_clone.js";
import { parseHref } from "./url.js";
import { encodeUtf8 } from "./encoding.js";
import {
  bufferSource, defineInterface, illegal, requireArguments, toDOMString, toInteger, toUSVString,
} from "./webidl.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const MAX_REASON_BYTES = 123;
const MAX_ATTACHMENT_BYTES = 16 * 1024;
const NO_STATUS = 1005;
const ABNORMAL = 1006;
const NOT_ACCEPTED =
  "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";
const DISCONNECTED = "WebSocket disconnected without sending Close frame.";

/** Set by fetch.js, which knows how to open a socket: `(request, done, failed) => cancel`. */
let connect;
export function setConnector(connector) {
  connect = connector;
}

const token = Symbol("WebSocket");
let internals;

export class WebSocket extends EventTarget {
  /** @type {"connecting" | "waiting" | "accepted" | "coupled" | "released"} */
  #state = "waiting";
  #closedIncoming = false;
  #closedOutgoing = false;
  #outgoingAborted = false;
  #failed = false;
  #allowHalfOpen = false;
  #binaryType = "blob";
  #url = null;
  #protocol = null;
  #extensions = null;
  /** @type {WebSocket | undefined} */
  #peer = undefined;
  /** The end on the wire. @type {{ host: number } | { isolate: number } | undefined} */
  #ref = undefined;
  /** What came before someone listened. */
  #inbox = [];
  #draining = false;
  #attachment = undefined;
  #cancelConnect = undefined;
  /** The object for which the host keeps this end. @type {import("./objects/sockets.js").Keeper | undefined} */
  #keeper = undefined;

  constructor(url, protocols = undefined) {
    super();
    if (url === token) return;
    requireArguments(arguments.length, 1, "constructor of 'WebSocket'");
    const text = toUSVString(url);
    const href = parseHref(text);
    if (href === undefined) throw constructorError("The url is invalid.");
    if (!href.startsWith("ws:") && !href.startsWith("wss:")) throw constructorError("The url scheme must be ws or wss.");
    if (href.includes("#")) throw constructorError("The url fragment must be empty.");
    const wanted = checkProtocols(protocols);
    this.#url = text;
    this.#protocol = this.#extensions = "";
    this.#state = "connecting";
    this.#cancelConnect = connect(href.replace(/^ws/, "http"), wanted, {
      open: (socket) => this.#opened(socket),
      failed: (error) => this.#connectFailed(error),
    });
  }

  accept(options = undefined) {
    if (this.#state === "connecting" || this.#url !== null) {
      throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept");
    }
    if (this.#state === "coupled" || this.#state === "released") {
      throw new TypeError("Can't accept() WebSocket that was already used in a response.");
    }
    if (this.#keeper !== undefined) throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
    if (this.#state === "accepted") return;
    if (options?.allowHalfOpen !== undefined) this.#allowHalfOpen = Boolean(options.allowHalfOpen);
    this.#accept();
  }

  send(message) {
    // Most are texts for a client whom the host keeps, one of many who are sent the same.
    let ref;
    try {
      const isOpen = this.#state === "accepted" && !this.#closedOutgoing && !this.#outgoingAborted;
      if (isOpen && this.#keeper !== undefined && this.#peer === undefined) ref = this.#ref;
    } catch {
      throw illegal();
    }
    if (ref !== undefined && typeof message === "string") {
      castText(ref.object, ref.kept, message);
      return;
    }
    requireArguments(arguments.length, 1, "'send' on 'WebSocket'", "ArrayBuffer or ArrayBufferView or string");
    const bytes = isBlob(message) ? getBlobBytes(message) : bufferSource(message);
    const data = bytes === undefined ? toUSVString(message) : bytes.slice();
    if (this.#state === "connecting") {
      throw new DOMException("You must wait for the WebSocket to open before sending messages.", "InvalidStateError");
    }
    if (this.#closedOutgoing) throw new TypeError("Can't call WebSocket send() after close().");
    if (this.#outgoingAborted) return;
    if (this.#state !== "accepted") throw new TypeError(NOT_ACCEPTED);
    this.#emit({ data });
  }

  close(code = undefined, reason = undefined) {
    if (code !== undefined) {
      code = toInteger(code, 32, { signed: true });
      if (code < 1000 || code >= 5000 || code === 1004 || code === 1005 || code === 1006 || code === 1015) {
        throw new DOMException(`Invalid WebSocket close code: ${code}.`, "InvalidAccessError");
      }
    }
    if (reason !== undefined) {
      reason = toUSVString(reason);
      if (encodeUtf8(reason).byteLength > MAX_REASON_BYTES) {
        throw new DOMException(
          "WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.",
          "SyntaxError",
        );
      }
      if (code === undefined) {
        throw new DOMException(
          "If you specify a WebSocket close reason, you must also specify a code.",
          "InvalidAccessError",
        );
      }
    }
    if (this.#state === "connecting") {
      this.#state = "released";
      this.#closedOutgoing = true;
      this.#cancelConnect?.();
      this.#connectFailed(new Error("Called close before connection was established."));
      return;
    }
    if (this.#closedOutgoing || this.#outgoingAborted) return;
    if (this.#state !== "accepted") throw new TypeError(NOT_ACCEPTED);
    this.#closedOutgoing = true;
    this.#emit({ close: true, code: code ?? NO_STATUS, reason: reason ?? "" });
    this.#forgetIfDone();
  }

  serializeAttachment(attachment) {
    requireArguments(arguments.length, 1, "'serializeAttachment' on 'WebSocket'", "Value");
    const data = serialize(attachment);
    const size = data.byteLength;
    if (size > MAX_ATTACHMENT_BYTES) {
      throw new Error(
        `A WebSocket 'attachment' cannot be larger than ${MAX_ATTACHMENT_BYTES} bytes.'attachment' was ${size} bytes.`,
      );
    }
    this.#attachment = data;
    this.#keeper?.attached(this.#ref, data);
  }

  deserializeAttachment() {
    let data;
    try { data = this.#attachment; } catch { throw illegal(); }
    return data === undefined ? null : deserialize(data);
  }

  get readyState() {
    try {
      if (this.#failed || (this.#closedIncoming && this.#closedOutgoing)) return CLOSED;
      if (this.#closedIncoming || this.#closedOutgoing) return CLOSING;
      return this.#state === "connecting" ? CONNECTING : OPEN;
    } catch {
      throw illegal();
    }
  }
  /** Bytes that wait in this isolate: for the other end of a pair to take them. */
  get bufferedAmount() {
    let amount = 0;
    for (const { data } of this.#peer?.#inbox ?? []) {
      if (data !== undefined) amount += typeof data === "string" ? encodeUtf8(data).byteLength : data.byteLength;
    }
    return amount;
  }
  get url() { return this.#url; }
  get protocol() { return this.#protocol; }
  get extensions() { return this.#extensions; }
  get binaryType() { return this.#binaryType; }
  set binaryType(value) {
    const type = toDOMString(value);
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  #accept() {
    this.#state = "accepted";
    if (this.#ref?.host !== undefined) socketListen(this.#ref);
    this.#scheduleDrain();
  }

  /** Something leaves on this end. */
  #emit(item) {
    if (this.#peer !== undefined) this.#peer.#receive(item);
    else sendOnWire(this.#ref, item);
  }

  /** Something has come for this end. */
  #receive(item) {
    this.#inbox.push(item);
    if (this.#state === "accepted" || this.#state === "coupled") this.#scheduleDrain();
  }

  #scheduleDrain() {
    if (this.#draining || this.#inbox.length === 0) return;
    this.#draining = true;
    // One message a turn, so that what a listener's promises do comes before the next message.
    queueMicrotask(() => {
      this.#draining = false;
      const item = this.#inbox.shift();
      if (item === undefined) return;
      if (this.#state === "coupled") this.#forward(item);
      else this.#deliver(item);
      this.#scheduleDrain();
    });
  }

  #forward(item) {
    if (!isBreak(item)) sendOnWire(this.#ref, item);
    if (item.close) {
      this.#closedOutgoing = true;
      this.#forgetIfDone();
    }
  }

  #deliver(item) {
    if (this.#closedIncoming) return;
    if (this.#keeper !== undefined) {
      this.#closedIncoming = item.close === true || isBreak(item);
      this.#keeper.local(this, item);
      return;
    }
    if (item.refused !== undefined) {
      this.#closedIncoming = this.#outgoingAborted = this.#failed = true;
      const error = new Error(item.refused);
      dispatch(this, trust(new ErrorEvent("error", { message: `Uncaught ${error}`, error })));
      this.#forgetIfDone();
    } else if (item.broken !== undefined) {
      // It is closed once the listeners have heard of it.
      this.#outgoingAborted = true;
      dispatch(this, trust(new CloseEvent("close", { code: ABNORMAL, reason: item.broken, wasClean: false })));
      this.#closedIncoming = true;
      this.#closedOutgoing = true;
      this.#forgetIfDone();
    } else if (item.close) {
      this.#closedIncoming = true;
      if (!this.#allowHalfOpen && !this.#closedOutgoing && !this.#outgoingAborted) {
        this.#closedOutgoing = true;
        this.#emit({ close: true, code: item.code, reason: item.reason });
      }
      dispatch(this, trust(new CloseEvent("close", { code: item.code, reason: item.reason, wasClean: true })));
      this.#forgetIfDone();
    } else {
      let { data } = item;
      if (typeof data !== "string") {
        data = this.#binaryType === "blob" ? makeBlob(data, "") : data.slice().buffer;
      }
      dispatch(this, trust(new MessageEvent("message", { data })));
    }
  }

  #forgetIfDone() {
    if (this.#ref === undefined || this.#ref.kept !== undefined) return;
    if (this.#failed || (this.#closedIncoming && this.#closedOutgoing)) socketForget(this.#ref);
  }

  #listenToWire(ref) {
    this.#ref = ref;
    socketOpen(ref, {
      message: (data) => this.#fromWire({ data }),
      close: (code, reason) => this.#fromWire({ close: true, code: code ?? NO_STATUS, reason }),
      broken: (message) => this.#fromWire({ broken: message || DISCONNECTED }),
      refused: (error) => this.#fromWire({ refused: error }),
    });
  }

  #fromWire(item) {
    if (this.#state !== "coupled") {
      this.#receive(item);
      return;
    }
    this.#peer.#receive(item);
    if (item.close || isBreak(item)) {
      this.#closedIncoming = true;
      if (isBreak(item)) this.#closedOutgoing = true;
      this.#forgetIfDone();
    }
  }

  #opened({ socket, protocol, extensions }) {
    if (this.#state !== "connecting") {
      socket.close(1000);
      return;
    }
    this.#protocol = protocol;
    this.#extensions = extensions;
    // The socket of the response is only the carrier: this one takes its end over.
    this.#ref = socket.#ref;
    this.#inbox = socket.#inbox;
    socket.#takenBy = this;
    this.#state = "accepted";
    socketListen(this.#ref);
    dispatch(this, trust(new Event("open")));
    this.#scheduleDrain();
  }
  #takenBy = undefined;

  #connectFailed(error) {
    if (this.#failed) return;
    this.#failed = true;
    this.#closedIncoming = true;
    this.#outgoingAborted = true;
    this.#state = "released";
    queueMicrotask(() => {
      dispatch(this, trust(new ErrorEvent("error", { message: String(error?.message ?? error), error })));
      const reason = "Failed to establish websocket connection";
      dispatch(this, trust(new CloseEvent("close", { code: ABNORMAL, reason, wasClean: false })));
    });
  }

  static {
    internals = {
      isWebSocket: (value) => typeof value === "object" && value !== null && #inbox in value,
      makePair() {
        const [first, second] = [new WebSocket(token), new WebSocket(token)];
        first.#peer = second;
        second.#peer = first;
        return [first, second];
      },
      fromWire(id, headers) {
        const socket = new WebSocket(token);
        socket.#protocol = headers.get("sec-websocket-protocol");
        socket.#extensions = headers.get("sec-websocket-extensions");
        const receive = (item) => (socket.#takenBy ?? socket).#fromWire(item);
        socket.#ref = { host: id };
        socketOpen(socket.#ref, {
          message: (data) => receive({ data }),
          close: (code, reason) => receive({ close: true, code: code ?? NO_STATUS, reason }),
          broken: (message) => receive({ broken: message || DISCONNECTED }),
          refused: (error) => receive({ refused: error }),
        });
        return socket;
      },
      toWire(socket) {
        if (socket.#url !== null) {
          throw new TypeError("Can't return WebSocket in a Response if it was created with `new WebSocket()`");
        }
        if (socket.#state === "coupled" || socket.#state === "released") {
          throw new TypeError("Can't return WebSocket that was already used in a response.");
        }
        if (socket.#keeper !== undefined) {
          throw new TypeError("Can't return WebSocket in a Response after calling acceptWebSocket().");
        }
        if (socket.#state === "accepted") {
          throw new TypeError("Can't return WebSocket in a Response after calling accept().");
        }
        if (socket.#peer === undefined) {
          // The host's own, which nobody here listens to: it joins the two ends.
          socket.#state = "released";
          socketForget(socket.#ref);
          return -socket.#ref.host;
        }
        const id = newSocket();
        if (socket.#peer.#keeper !== undefined) {
          socket.#state = "released";
          socket.#peer.#moveToHost(id, socket.#inbox.splice(0));
          return id;
        }
        socket.#listenToWire({ isolate: id });
        socket.#state = "coupled";
        // The host must know the socket before anything travels on it, so the drain waits for the response.
        socket.#scheduleDrain();
        return id;
      },
      keep(socket, keeper) {
        if (socket.#state === "accepted") {
          throw new Error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`");
        }
        if (socket.#peer === undefined || socket.#peer.#state !== "waiting" || socket.#state !== "waiting") {
          throw new Error(
            "Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a " +
              "Response.",
          );
        }
        return () => {
          socket.#keeper = keeper;
          socket.#accept();
        };
      },
      restore(keeper, ref, attachment, isClosed) {
        const socket = new WebSocket(token);
        socket.#keeper = keeper;
        socket.#state = "accepted";
        socket.#ref = ref;
        socket.#attachment = attachment;
        socket.#closedOutgoing = isClosed;
        return socket;
      },
      /**
       * Nothing comes any more on a socket that the host keeps. What is still sent after a close frame goes to the other side;
       * after what must not have come, nowhere.
       */
      ended(socket, isRefused) {
        socket.#closedIncoming = true;
        socket.#outgoingAborted = isRefused;
      },
    };
  }

  /** The other end of this pair goes to the host, and so does what was sent to it. */
  #moveToHost(end, sent) {
    this.#peer = undefined;
    this.#ref = this.#keeper.moveToHost(this, end, this.#attachment);
    for (const item of sent) sendOnWire(this.#ref, item);
  }
}
defineInterface(WebSocket, {
  receiver: true,
  unguarded: ["send", "deserializeAttachment", "readyState"],
  constants: {
    READY_STATE_CONNECTING: CONNECTING,
    CONNECTING,
    READY_STATE_OPEN: OPEN,
    OPEN,
    READY_STATE_CLOSING: CLOSING,
    CLOSING,
    READY_STATE_CLOSED: CLOSED,
    CLOSED,
  },
});
defineEventHandlers(WebSocket.prototype, ["open", "message", "close", "error"]);

/** Whether nothing comes after it, though it is no close frame. */
const isBreak = (item) => item.broken !== undefined || item.refused !== undefined;

function sendOnWire(ref, item) {
  if (ref.kept !== undefined) ref.keeper.send(ref, item, NO_STATUS);
  else if (item.close) socketClose(ref, item.code === NO_STATUS ? undefined : item.code, item.reason);
  else socketSend(ref, item.data);
}

function constructorError(message) {
  return new DOMException(`WebSocket Constructor: ${message}`, "SyntaxError");
}

const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function checkProtocols(protocols) {
  if (protocols === undefined) return [];
  if (typeof protocols !== "object" || protocols === null) {
    const protocol = toDOMString(protocols);
    if (!PROTOCOL.test(protocol)) throw constructorError("The protocol header token is invalid.");
    return [protocol];
  }
  const list = Array.from(protocols, toDOMString);
  for (const [index, protocol] of list.entries()) {
    if (!PROTOCOL.test(protocol)) throw constructorError("One of the protocol header tokens is invalid.");
    if (list.indexOf(protocol) !== index) throw constructorError("The protocols header cannot have repeating values.");
  }
  return list;
}

/** Two sockets that are connected to each other: `const { 0: client, 1: server } = new WebSocketPair()`. */
export class WebSocketPair {
  constructor() {
    const [first, second] = internals.makePair();
    Object.defineProperty(this, 0, { value: first, enumerable: true });
    Object.defineProperty(this, 1, { value: second, enumerable: true });
  }
  *[Symbol.iterator]() {
    yield this[0];
    yield this[1];
  }
}
defineInterface(WebSocketPair);

/** A request and the answer that a hibernated object's sockets give to it. */
export class WebSocketRequestResponsePair {
  #request;
  #response;
  constructor(request, response) {
    requireArguments(arguments.length, 2, "constructor of 'WebSocketRequestResponsePair'");
    this.#request = toUSVString(request);
    this.#response = toUSVString(response);
  }
  get request() { return this.#request; }
  get response() { return this.#response; }
}
defineInterface(WebSocketRequestResponsePair, { receiver: true });

export const isWebSocket = internals.isWebSocket;
/** For sockets that the host keeps for objects. */
export const { keep: keepSocket, restore: restoreSocket, ended: socketEnded } = internals;
/** The socket of a 101 response that came from the host; `headers` are the response's. */
export const webSocketFromWire = internals.fromWire;
/** Couples a socket with the response that it is returned in, and gives its number. */
export const webSocketToWire = internals.toWire;
