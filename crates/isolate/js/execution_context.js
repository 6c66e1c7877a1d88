// `ctx`: what a handler gets beside its event and `env`.

import { mould } from "atoll:native/moulds";
import { exports } from "./loopback.js";
import { unpackProps } from "./rpc/parcels.js";
import { keep } from "./shapes.js";
import { defineInterface, own } from "./webidl.js";

export class ExecutionContext {
  #event;

  /**
   * @param {import("./event_context.js").EventContext} event
   * @param {object} [props] the value as it came
   */
  constructor(event, props) {
    this.#event = event;
    if (props !== undefined && props !== null) event.props = props;
  }

  /** What the caller was bound with. Made when someone asks. */
  get props() {
    return own(this, "props", unpackProps(this.#event.props));
  }

  set props(props) {
    own(this, "props", props);
  }

  get exports() {
    void this.#event;
    return own(this, "exports", exports);
  }

  set exports(value) {
    own(this, "exports", value);
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
keep(Object.create(ExecutionContext.prototype), new ExecutionContext());
mould("execution", new ExecutionContext());
