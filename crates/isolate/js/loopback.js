// `ctx.exports`: the worker's own entrypoints, as others have them.

import { deriveEntrypoint, loopback } from "atoll:native/rpc";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { fetcherOf } from "./fetch.js";
import { inGlobalScope } from "./io.js";
import { NO_PROPS, ownClass, packOptions } from "./objects/class.js";
import { ownNamespace } from "./objects/namespace.js";
import { grip, newCapability } from "./rpc/grips.js";

/** The top-level exports of the main module, each as something to call. */
export const exports = {};

/** An entrypoint of this worker. It costs nothing until it is used. */
class Entrypoint {
  #name;
  #props;
  #held = undefined;

  constructor(name, props) {
    this.#name = name === "default" ? undefined : name;
    this.#props = props;
  }

  get capability() {
    if (this.#held === undefined) {
      if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
      const worker = loopback();
      if (worker === undefined || worker === null) throw new Error("This Worker cannot call itself.");
      const capability = newCapability();
      const { bytes, refers } = this.#props;
      deriveEntrypoint(capability, worker, this.#name, bytes, [refers, undefined]);
      this.#held = grip(capability).ownedBy(this);
    }
    return this.#held.capability;
  }
}

/** Called, it gives the same with props of its own, which cannot be called again. */
function entrypoint(name) {
  const withProps = (args) => fetcherOf(new Entrypoint(name, packOptions(args, "LoopbackServiceStub")));
  return fetcherOf(new Entrypoint(name, NO_PROPS), withProps);
}

/** Lists an export that others may call. @param {string} name */
export function exportEntrypoint(name) {
  exports[name] = entrypoint(name);
}

/** Lists a class of Durable Objects, as the namespace that it is. @param {string} name */
export function exportNamespace(name, capability, key) {
  exports[name] = ownNamespace(name, capability, key);
}

/** Lists a class of Durable Objects that has no namespace. @param {string} name */
export function exportClass(name) {
  exports[name] ??= ownClass(name);
}
