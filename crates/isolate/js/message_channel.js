/** MessageChannel and MessagePort (https://html.spec.whatwg.org/#message-channels) within one isolate. */
import { queueMicrotask } from "./async_context.js";
import { defineEventHandlers, dispatch, Event, EventTarget, MessageEvent, trust } from "./events.js";
import { structuredClone } from "./structured_clone.js";
import { defineInterface, illegalConstructor } from "./webidl.js";

const token = Symbol("MessagePort");
let entangle;

export class MessagePort extends EventTarget {
  /** @type {MessagePort | undefined} */
  #other = undefined;
  /** What waits for start(), or undefined afterwards. @type {any[] | undefined} */
  #pending = [];
  #closed = false;

  constructor(key) {
    if (key !== token) throw illegalConstructor();
    super();
  }

  postMessage(message = undefined, options = undefined) {
    const transfer = Array.isArray(options) ? options : options?.transfer;
    if (transfer !== undefined && [...transfer].length > 0) throw new Error("Transfer list is not supported");
    const data = structuredClone(message);
    const other = this.#other;
    if (other === undefined || other.#closed) return;
    if (other.#pending !== undefined) other.#pending.push(data);
    else other.#deliver(data);
  }

  start() {
    const pending = this.#pending;
    if (pending === undefined || this.#closed) return;
    this.#pending = undefined;
    for (const data of pending) this.#deliver(data);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    const other = this.#other;
    this.#other = undefined;
    other?.close();
    dispatch(this, trust(new Event("close")));
  }

  /** Listening starts a port, as in Workers; browsers ask for start(). */
  addEventListener(type, ...rest) {
    super.addEventListener(type, ...rest);
    if (type === "message") this.start();
  }

  #deliver(data) {
    queueMicrotask(() => {
      if (!this.#closed) dispatch(this, trust(new MessageEvent("message", { data, source: this })));
    });
  }

  static {
    entangle = (first, second) => {
      first.#other = second;
      second.#other = first;
    };
  }
}
defineInterface(MessagePort, { receiver: true });
defineEventHandlers(MessagePort.prototype, ["message", "messageerror", "close"]);

const onmessage = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
Object.defineProperty(MessagePort.prototype, "onmessage", {
  ...onmessage,
  set: {
    onmessage(value) {
      onmessage.set.call(this, value);
      this.start();
    },
  }.onmessage,
});

export class MessageChannel {
  #first = new MessagePort(token);
  #second = new MessagePort(token);
  constructor() {
    entangle(this.#first, this.#second);
  }
  get port1() { return this.#first; }
  get port2() { return this.#second; }
}
defineInterface(MessageChannel, { receiver: true });
