// `ctx`: what a handler gets beside its event and `env`.

import { defineInterface } from "./webidl.js";

export class ExecutionContext {
  #event;

  /** @param {import("./event_context.js").EventContext} event */
  constructor(event) {
    this.#event = event;
  }

  /** What the caller was bound with. Made when someone asks. */
  get props() {
    const props = {};
    Object.defineProperty(this, "props", { value: props, writable: true, enumerable: true, configurable: true });
    return props;
  }

  waitUntil(promise) {
    this.#event.waitUntil(promise);
  }

  /** There is no origin to pass through to, so this changes nothing. */
  passThroughOnException() {
    void this.#event;
  }
}

defineInterface(ExecutionContext);
