// What this isolate lets others call, until nobody can any more.

import { currentEvent } from "../async_context.js";
import { describe } from "../errors.js";
import { RpcTarget } from "./target.js";
import { unhandled } from "atoll:native/io";

/** @typedef {{ target: object, ownProperties: boolean, dispose: Function | undefined, object: import("../objects/instance.js").Instance | undefined, session: import("./session.js").Session | undefined }} Kept */

/** @type {Map<number, Kept>} */
const kept = new Map();
let nextExport = 1;

/**
 * How far others may look into a value: "target" for what a class says, "plain" for what an object itself has.
 * @returns {"target" | "plain" | undefined}
 */
export function kindOf(value) {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return "plain";
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) if (at === RpcTarget.prototype) return "target";
  return typeof value === "function" ? "plain" : undefined;
}

/** Lets others call a value. Gives the number of the export, and that of the object that it belongs to. */
export function keep(target, dispose = target[Symbol.dispose]) {
  const id = nextExport++;
  const event = currentEvent();
  const object = event?.object;
  kept.set(id, {
    target,
    ownProperties: kindOf(target) !== "target",
    dispose: typeof dispose === "function" ? dispose : undefined,
    object,
    session: object === undefined ? event?.session.join() : undefined,
  });
  return { id, object: object?.number };
}

/** @param {number} id */
export const keptUnder = (id) => kept.get(id);

/** Nobody can call it any more. */
export function letGo(id) {
  const entry = kept.get(id);
  if (entry === undefined) return;
  kept.delete(id);
  if (entry.dispose !== undefined && entry.object?.broken === undefined) {
    try {
      entry.dispose.call(entry.target);
    } catch (error) {
      const { name, message, stack } = describe(error);
      unhandled(undefined, name, message, stack);
    }
  }
  entry.session?.leave();
}
