// `ctx.exports`: the worker's own entrypoints, as others have them.

import { deriveEntrypoint, loopback } from "atoll:native/rpc";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { fetcherOf } from "./fetch.js";
import { inGlobalScope } from "./io.js";
import { ownClass } from "./objects/class.js";
import { ownNamespace } from "./objects/namespace.js";
import { grip, newCapability } from "./rpc/grips.js";
import { pack } from "./rpc/parcels.js";
import { toDictionary } from "./webidl.js";

/** The top-level exports of the main module, each as something to call. */
export const exports = {};

const NO_PROPS = {};

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

function entrypoint(name, props) {
  return fetcherOf(new Entrypoint(name, props), ([options]) => {
    const { props } = toDictionary(options, "Options");
    return entrypoint(name, props === undefined ? NO_PROPS : pack(props));
  });
}

/** Lists an export that others may call. @param {string} name */
export function exportEntrypoint(name) {
  exports[name] = entrypoint(name, NO_PROPS);
}

/** Lists a class of Durable Objects, as the namespace that it is. @param {string} name */
export function exportNamespace(name, capability, key) {
  exports[name] = ownNamespace(name, capability, key);
}

/** Lists a class of Durable Objects that has no namespace. @param {string} name */
export function exportClass(name) {
  exports[name] ??= ownClass(name);
}
