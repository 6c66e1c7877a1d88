// What an event got from others, and when it lets go of that: once the event is over, and nobody can call any more what it
// has given away.

export class Session {
  /** Holds on capabilities. @type {Set<{ dispose(): void }>} */
  grips = new Set();
  #users = 1;

  /** Something else than the event has a part in it. */
  get isShared() {
    return this.#users > 1;
  }

  join() {
    this.#users += 1;
    return this;
  }

  leave() {
    this.#users -= 1;
    if (this.#users > 0) return;
    for (const grip of this.grips) grip.dispose();
  }
}
