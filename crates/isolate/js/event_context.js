// An event under way: its async context, what keeps it going, and how it ends.

import { done, unhandled } from "atoll:native/io";
import { describe } from "./errors.js";
import { dropStream } from "./io.js";

/** @type {Map<number, EventContext>} */
export const events = new Map();

const HUNG =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never " +
  "generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/";

export class EventContext {
  /** Things that keep the event going: the handler itself, promises of waitUntil, streams, sockets. */
  #open = 1;
  #outcome = undefined;
  #streams = [];
  #cancelers = undefined;
  #answered = false;

  constructor(id) {
    this.id = id;
    /** What code that belongs to the event runs in. */
    this.context = { event: this, stores: undefined };
    this.canceled = false;
    events.set(id, this);
  }

  /** A stream from the host that is dropped when the event is over. */
  own(stream) {
    this.#streams.push(stream.id);
  }

  begin() {
    this.#open += 1;
  }

  end() {
    this.#open -= 1;
    if (this.#open === 0) this.#finish();
  }

  waitUntil(promise) {
    this.begin();
    Promise.resolve(promise).then(
      () => this.end(),
      (error) => {
        const { name, message, stack } = describe(error);
        unhandled(this.id, name, message, stack);
        this.end();
      },
    );
  }

  /** The handler has given its answer. */
  succeed() {
    if (this.#answered) return;
    this.#answered = true;
    this.end();
  }

  /** The handler has failed. */
  fail(error, kind = "exception") {
    if (this.#answered) return;
    this.#answered = true;
    this.#outcome = { kind, ...describe(error) };
    this.end();
  }

  /** Runs `callback` when the caller of this event goes away. */
  onCancel(callback) {
    (this.#cancelers ??= []).push(callback);
  }

  cancel() {
    this.canceled = true;
    for (const callback of this.#cancelers ?? []) callback();
  }

  /** Nothing can happen any more that would end this event. */
  hang() {
    if (!this.#answered) this.fail(new Error(HUNG), "hung");
    if (this.#open > 0) {
      this.#open = 0;
      this.#finish();
    }
  }

  #finish() {
    if (!events.delete(this.id)) return;
    for (const id of this.#streams) dropStream(id);
    const outcome = this.#outcome;
    if (outcome === undefined) done(this.id);
    else done(this.id, outcome.kind, outcome.name, outcome.message, outcome.stack);
  }
}

/** Ends all events that have nothing left to wait for. Returns whether there were any. */
export function failHungEvents() {
  const all = [...events.values()];
  for (const event of all) event.hang();
  return all.length > 0;
}
