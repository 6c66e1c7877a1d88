// Classes of Durable Objects as values: what facets can be of.

import { deriveClass } from "atoll:native/facets";
import { loopback } from "atoll:native/rpc";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "../errors.js";
import { inGlobalScope } from "../io.js";
import { grip, newCapability } from "../rpc/grips.js";
import { pack } from "../rpc/parcels.js";
import { defineInterface, illegalConstructor, requireArguments, toDictionary } from "../webidl.js";

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

export const NO_PROPS = {};

/**
 * The props that a call of `ctx.exports.NAME` asks for, packed.
 * @param {unknown[]} args @param {string} called the name of the interface that NAME is of
 */
export function packOptions(args, called) {
  const where = `'(called as function)' on '${called}'`;
  requireArguments(args.length, 1, where, "Options");
  const { props } = toDictionary(args[0], "Options", where, 1);
  if (props === undefined) return NO_PROPS;
  if (props === null || (typeof props !== "object" && typeof props !== "function")) {
    throw new TypeError("Incorrect type for the 'props' field on 'Options': the provided value is not of type 'Object'.");
  }
  return pack(props);
}

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

/**
 * An instance of `Class` that has nothing of its own and can be called for the class with other props.
 * @param {Function} Class @param {string} name
 */
export function callableClass(Class, name) {
  const value = (...args) => classOf(new Own(name, packOptions(args, Class.name)));
  delete value.name;
  delete value.length;
  return Object.setPrototypeOf(value, Class.prototype);
}

/** Something that stands for a class which this worker exports. */
export function standForOwnClass(value, name) {
  behind.set(value, new Own(name, NO_PROPS));
  return value;
}

/** A class that this worker exports, as `ctx.exports` has it. @param {string} name */
export const ownClass = (name) =>
  standForOwnClass(callableClass(LoopbackDurableObjectClass, name), name);
