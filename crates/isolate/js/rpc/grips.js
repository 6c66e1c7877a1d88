// Capabilities that this isolate was given or has derived: each is released once nobody holds it any more.

import { release } from "atoll:native/rpc";
import { currentEvent } from "../async_context.js";

/** Numbers from here on are the isolate's own to give. */
let nextDerived = 2 ** 31;

/** A number for a capability that is about to be derived. */
export const newCapability = () => nextDerived++;

const DISPOSED = "RPC stub used after being disposed.";

/** One capability, and how many hold it. */
class Shared {
  #holders = 0;

  constructor(capability) {
    this.capability = capability;
  }

  hold() {
    this.#holders += 1;
  }

  drop() {
    this.#holders -= 1;
    if (this.#holders === 0) release(this.capability);
  }
}

/** Drops what was forgotten without being disposed of. */
const forgotten = new FinalizationRegistry((grip) => grip.dispose());

/** One hold on a capability. */
export class Grip {
  #shared;
  #disposed = false;
  /** What lets go of it at its own end. @type {Set<Grip> | undefined} */
  #owner = undefined;

  /** @param {Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    shared.hold();
  }

  get capability() {
    if (this.#disposed) throw new Error(DISPOSED);
    return this.#shared.capability;
  }

  /** Another hold on the same capability. */
  dup() {
    if (this.#disposed) throw new Error(DISPOSED);
    return new Grip(this.#shared);
  }

  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#owner?.delete(this);
    this.#shared.drop();
  }

  /** Lets go when `holder` is forgotten. */
  ownedBy(holder) {
    forgotten.register(holder, this);
    return this;
  }

  /** Lets go when `holder` is forgotten, or what it came with is over: an event, or an export that was called. */
  heldBy(holder) {
    forgotten.register(holder, this);
    const event = currentEvent();
    if (event !== undefined && event.object === undefined) {
      this.#owner = event.session.grips;
      this.#owner.add(this);
    }
    return this;
  }
}

/** A hold on a capability that the isolate was made with, and keeps. @param {number} capability */
export const lastingGrip = (capability) => {
  const shared = new Shared(capability);
  shared.hold();
  return new Grip(shared);
};

/** The first hold on a capability. @param {number} capability */
export const grip = (capability) => new Grip(new Shared(capability));
