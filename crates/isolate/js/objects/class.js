// Classes of Durable Objects as values: what facets can be of.

import { deriveClass } from "atoll:native/facets";
import { loopback } from "atoll:native/rpc";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "../errors.js";
import { inGlobalScope } from "../io.js";
import { grip, newCapability } from "../rpc/grips.js";
import { pack } from "../rpc/parcels.js";
import { defineInterface, illegalConstructor, toDictionary } from "../webidl.js";

/** What stands behind each class. @type {WeakMap<object, { capability: number, ready?: Promise<void> }>} */
const behind = new WeakMap();

export class DurableObjectClass {
  constructor() {
    throw illegalConstructor();
  }
}
defineInterface(DurableObjectClass);

/** One of the worker's own classes. Calling it gives one whose objects have props. */
class LoopbackDurableObjectClass extends DurableObjectClass {}
defineInterface(LoopbackDurableObjectClass);

/** @param {{ capability: number, ready?: Promise<void> }} held */
export function classOf(held, prototype = DurableObjectClass.prototype) {
  const value = Object.create(prototype);
  behind.set(value, held);
  return value;
}

/** What stands behind a class; undefined for what is none. */
export const heldClass = (value) => behind.get(value);

/** The number of a class's capability; undefined for what is none. */
export const capabilityOfClass = (value) => behind.get(value)?.capability;

const NO_PROPS = {};

/** A class that this worker exports. It costs nothing until it is used. */
class Own {
  #name;
  #props;
  #held = undefined;

  constructor(name, props) {
    this.#name = name;
    this.#props = props;
  }

  get capability() {
    if (this.#held === undefined) {
      if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
      const worker = loopback();
      if (worker === undefined || worker === null) throw new Error("This Worker has no classes for others.");
      const capability = newCapability();
      const { bytes, refers } = this.#props;
      deriveClass(capability, worker, this.#name, bytes, [refers, undefined]);
      this.#held = grip(capability).ownedBy(this);
    }
    return this.#held.capability;
  }
}

/** A function that is an instance of `Class` and has nothing of its own. */
export function callable(Class, apply) {
  const value = (...args) => apply(args);
  delete value.name;
  delete value.length;
  return Object.setPrototypeOf(value, Class.prototype);
}

/** The class with the props that somebody asks for. @param {string} name @param {unknown[]} args */
export function ownClassWith(name, [options]) {
  const { props } = toDictionary(options, "Options");
  return classOf(new Own(name, props === undefined ? NO_PROPS : pack(props)));
}

/** Something that stands for a class which this worker exports. */
export function standForOwnClass(value, name) {
  behind.set(value, new Own(name, NO_PROPS));
  return value;
}

/** A class that this worker exports, as `ctx.exports` has it. @param {string} name */
export const ownClass = (name) =>
  standForOwnClass(callable(LoopbackDurableObjectClass, (args) => ownClassWith(name, args)), name);
