// The input gate of an object: while it is shut, nothing happens to the object but what its keeper waits for.
//
// A critical section is a gate inside the gate that it keeps shut: what belongs to the section passes there, and sections
// within it shut that one. A context that belongs to a section carries it as `critical`.

import { get, run } from "../async_context.js";

/** Whether there has been a gate: without objects nothing waits at any. */
export let isUsed = false;
/** Gates that stand open while something waits at them. @type {Set<Gate>} */
const open = new Set();
/** Whether there may be one. */
export let mayLetIn = false;
/** Sections whose work is done. @type {Gate[]} */
export const done = [];

/**
 * Lets the next thing in at one of the gates. It is called when all jobs have run, so that nothing comes between what
 * was let in and what follows from it. Returns whether there was one.
 */
export function letIn() {
  while (done.length > 0) done.shift().end();
  for (const gate of open) if (gate.letOneIn()) return true;
  mayLetIn = false;
  return false;
}

function opens(gate) {
  open.add(gate);
  mayLetIn = true;
}

export class Gate {
  #root;
  #parent;
  /** The section that keeps this gate shut. @type {Gate | undefined} */
  #section = undefined;
  /** @type {Function[]} */
  #waiting = [];
  #over = false;
  #isGone = false;

  /** @param {Gate} [parent] the gate that is kept shut from now on */
  constructor(parent) {
    isUsed = true;
    this.#parent = parent;
    this.#root = parent === undefined ? this : parent.#root;
    if (parent !== undefined) parent.#section = this;
  }

  get isShut() {
    return this.#section !== undefined;
  }

  /** Whether what comes from outside may enter at once. */
  get isFree() {
    return this.#section === undefined && this.#waiting.length === 0;
  }

  /** The gate that what happens in `context` has to pass. */
  #for(context) {
    let gate = context?.critical;
    if (gate === undefined || gate.#root !== this) return this;
    while (gate.#over && gate !== this) gate = gate.#parent;
    return gate;
  }

  /** Runs `work` as soon as what happens in `context`, or comes from outside, may. */
  enter(context, work) {
    this.#for(context).#enter(work);
  }

  #enter(work, isFirst = false) {
    if (this.#section === undefined && (isFirst || this.#waiting.length === 0)) {
      work();
      return;
    }
    if (isFirst) this.#waiting.unshift(work);
    else this.#waiting.push(work);
    if (this.#section === undefined) opens(this);
  }

  /**
   * Runs `callback` while nothing else happens.
   * @param {() => unknown} callback
   * @param {boolean} [isFirst] before what waits already
   * @returns {Promise<unknown>}
   */
  section(callback, isFirst = false) {
    const context = get();
    const gate = this.#for(context);
    return new Promise((resolve, reject) => {
      gate.#enter(() => {
        if (this.#isGone) return;
        const section = new Gate(gate);
        // What a constructor still has to do comes first: fields of classes derived from it, for one.
        const result = Promise.resolve().then(() => run({ ...context, critical: section }, callback));
        const finish = (settle) => (value) => {
          settle(value);
          // What waits for the section goes on before anything else.
          done.push(section);
        };
        result.then(finish(resolve), finish(reject));
      }, isFirst);
    });
  }

  /** The section is over. */
  end() {
    if (this.#over) return;
    this.#over = true;
    const parent = this.#parent;
    parent.#section = undefined;
    parent.#waiting.unshift(...this.#waiting);
    this.#waiting.length = 0;
    open.delete(this);
    if (parent.#waiting.length > 0) opens(parent);
  }

  letOneIn() {
    const next = this.#section === undefined ? this.#waiting.shift() : undefined;
    if (next === undefined) open.delete(this);
    next?.();
    return next !== undefined;
  }

  /** The object is no more: whatever waits is let go, to find that out. */
  forget() {
    const section = this.#section;
    this.#section = undefined;
    this.#isGone = true;
    this.#over = this.#parent !== undefined;
    open.delete(this);
    section?.forget();
    for (const work of this.#waiting.splice(0)) work();
  }
}
