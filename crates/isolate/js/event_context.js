// An event under way: its async context, what keeps it going, and how it ends.

import { done, handled, unhandled } from "atoll:native/io";
import { AbortController } from "./abort.js";
import { describe, isTold } from "./errors.js";
import { dropStream, EVENT_IS_OVER } from "./io.js";
import { Session } from "./rpc/session.js";

/** @type {Map<number, EventContext>} */
export const events = new Map();

const HUNG =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never " +
  "generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/";

/** What the Fetch standard calls a caller that went away. */
const GONE = "The client has disconnected.";

export class EventContext {
  /** Things that keep the event going: the handler itself, promises of waitUntil, streams, sockets. */
  #open = 1;
  #outcome = undefined;
  #streams = undefined;
  /** @type {Session | undefined} */
  #session = undefined;
  #cancelers = undefined;
  #answered = false;
  #waitedFor = false;

  constructor(id) {
    this.id = id;
    /** What code that belongs to the event runs in. */
    this.context = { event: this, stores: undefined };
    /** The Durable Object that the event happens to. @type {import("./objects/instance.js").Instance | undefined} */
    this.object = undefined;
    events.set(id, this);
  }

  /**
   * What an object has started goes on after its event is answered: calls under way, streams that it waits for, and timers
   * keep the event open. A worker's own event keeps nothing but what `waitUntil` names.
   */
  holdForObject() {
    if (this.object !== undefined) this.#open += 1;
  }

  releaseForObject() {
    if (this.object !== undefined) this.end();
  }

  /** A stream from the host that is dropped when the event is over. */
  own(stream) {
    (this.#streams ??= []).push(stream.id);
  }

  /** What the event shares with what it gives away. */
  get session() {
    return (this.#session ??= new Session());
  }

  /** The event is a call of what another one has given away. @param {Session} session */
  joinSession(session) {
    this.#session = session.join();
  }

  begin() {
    this.#open += 1;
  }

  end() {
    this.#open -= 1;
    if (this.#open !== 0) return;
    // What is released may start the next thing in the same turn.
    if (this.object === undefined) this.#finish();
    else ending.add(this);
  }

  /** All jobs of this turn have run. */
  endOfTurn() {
    if (this.#open === 0) this.#finish();
    else this.#tellHandled();
  }

  waitUntil(promise) {
    this.begin();
    Promise.resolve(promise).then(
      () => this.end(),
      (error) => {
        if (!isTold(error)) {
          const { name, message, stack } = describe(error);
          unhandled(this.id, name, message, stack);
        }
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

  /** The handler is through: who waits for that alone need not wait for what it has left behind. */
  handled() {
    if (this.#answered) return;
    this.#waitedFor = true;
    this.succeed();
    if (this.#open > 0) this.#tellHandled();
  }

  #tellHandled() {
    if (!this.#waitedFor) return;
    this.#waitedFor = false;
    handled(this.id);
  }

  /** The handler has failed. */
  fail(error, kind = "exception") {
    if (this.#answered) return;
    this.#answered = true;
    this.#outcome = { kind, ...describe(error) };
    this.end();
  }

  /** A signal that aborts when the caller of this event goes away. */
  makeSignal() {
    const controller = new AbortController();
    const abort = () => controller.abort(new DOMException(GONE, "AbortError"));
    if (this.canceled) abort();
    else (this.#cancelers ??= []).push(abort);
    return controller.signal;
  }

  cancel() {
    this.canceled = true;
    for (const callback of this.#cancelers ?? []) callback();
  }

  /** Somebody may call what the event has given away, and so move it on. */
  get mayBeCalled() {
    return this.#session?.isShared === true;
  }

  /** Whether the host still waits for the event's end. */
  get isOpen() {
    return events.has(this.id);
  }

  /** The host has ended the event by itself. */
  forget() {
    events.delete(this.id);
    this.object?.events.delete(this);
    this.#answered = true;
    this.#release();
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
    this.object?.events.delete(this);
    this.#release();
    const outcome = this.#outcome;
    if (outcome === undefined) done(this.id);
    else done(this.id, outcome.kind, outcome.name, outcome.message, outcome.stack);
  }

  #release() {
    for (const id of this.#streams ?? []) dropStream(id, new TypeError(EVENT_IS_OVER));
    this.#session?.leave();
    // The context refers to the event: without the way back, what is over is freed at once and not by a collection.
    this.context = undefined;
  }
}

Object.assign(EventContext.prototype, { canceled: false });

/** Events of objects that may be over when the turn is. @type {Set<EventContext>} */
const ending = new Set();

/** Ends the events of objects that are over. Returns whether there were any. */
export function endEvents() {
  if (ending.size === 0) return false;
  for (const event of ending) {
    ending.delete(event);
    event.endOfTurn();
  }
  return true;
}

/**
 * Ends all events that have nothing left to wait for. Returns whether there were any. What happens to an object may wait
 * for what will happen to it next, unless its gate is shut.
 */
export function failHungEvents() {
  let any = false;
  for (const event of [...events.values()]) {
    const { object } = event;
    if (event.mayBeCalled) continue;
    if (object === undefined) event.hang();
    else if (object.gate.isShut) object.hang();
    else continue;
    any = true;
  }
  return any;
}
