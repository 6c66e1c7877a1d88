// The input gate of an object: while it is shut, nothing happens to the object but what its keeper waits for.
//
// A context that belongs to a critical section carries it as `critical`.

import { get, run } from "../async_context.js";

export class Gate {
  /** The critical section that keeps the gate shut. @type {object | undefined} */
  #section = undefined;
  /** @type {Function[]} */
  #waiting = [];

  get isShut() {
    return this.#section !== undefined;
  }

  /** Whether what happens in `context` has to wait. */
  blocks(context) {
    return this.#section !== undefined && context?.critical !== this.#section;
  }

  /** Runs `work` as soon as everything before it has. */
  enter(work) {
    if (this.#section === undefined && this.#waiting.length === 0) work();
    else this.#waiting.push(work);
  }

  /** Runs `work` as soon as `context` may. */
  enterFrom(context, work) {
    if (this.blocks(context)) this.#waiting.push(work);
    else work();
  }

  /**
   * Runs `callback` while nothing else does. A section within a section is part of it.
   * @param {() => unknown} callback
   * @returns {Promise<unknown>}
   */
  section(callback) {
    const context = get();
    if (this.#section !== undefined && context?.critical === this.#section) return Promise.resolve(callback());
    return new Promise((resolve, reject) => {
      this.enter(() => {
        const section = {};
        this.#section = section;
        let result;
        try {
          result = Promise.resolve(run({ ...context, critical: section }, callback));
        } catch (error) {
          result = Promise.reject(error);
        }
        const open = (settle) => (value) => {
          settle(value);
          this.#open();
        };
        result.then(open(resolve), open(reject));
      });
    });
  }

  #open() {
    this.#section = undefined;
    while (this.#section === undefined && this.#waiting.length > 0) this.#waiting.shift()();
  }

  /** Nothing that waits will happen. */
  forget() {
    this.#waiting.length = 0;
  }
}
