// An event under way: its async context, what keeps it going, and how it ends.

import { done, handled, unhandled } from "atoll:native/io";
import { mould } from "atoll:native/moulds";
import { AbortController } from "./abort.js";
import { describe, isTold } from "./errors.js";
import { abandonStream, dropLateStream } from "./io.js";
import { Session } from "./rpc/session.js";
import { keepShapes, keepShapesOf } from "./shapes.js";

/** @type {Map<number, EventContext>} */
export const events = new Map();
/** How many: asking the map would be a call, and it is asked after each turn. */
export let running = 0;

const HUNG =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never " +
  "generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/";

/** What the Fetch standard calls a caller that went away. */
const GONE = "The client has disconnected.";

export class EventContext {
  constructor(id) {
    this.id = id;
    /** Things that keep the event going: the handler itself, promises of waitUntil, streams, sockets. */
    this.reasons = 1;
    /** What code that belongs to the event runs in. */
    this.context = { event: this, stores: undefined };
    events.set(id, this);
    running += 1;
  }

  /**
   * What an object has started goes on after its event is answered: calls under way, streams that it waits for, and timers
   * keep the event open. A worker's own event keeps nothing but what `waitUntil` names.
   */
  holdForObject() {
    if (this.object === undefined) return;
    this.reasons += 1;
    this.held += 1;
  }

  releaseForObject() {
    if (this.object === undefined) return;
    this.held -= 1;
    this.end();
  }

  /** It is answered, and nothing keeps it going but what its object has started and nobody else waits for. */
  get isLeftBehind() {
    return this.isAnswered && this.reasons === this.held && !this.mayBeCalled;
  }

  /** What it has left behind goes with its object: who waits for that does so for ever. */
  abandon() {
    for (const id of this.streams ?? []) abandonStream(id);
    this.streams = undefined;
    finish(this);
  }

  /** A stream from the host that is dropped when the event is over, unless it is an object's, which may keep it. */
  own(stream) {
    (this.streams ??= []).push(stream.id);
  }

  /** What the event shares with what it gives away. */
  get session() {
    return (this.ownSession ??= new Session());
  }

  /** The event is a call of what another one has given away. @param {Session} session */
  joinSession(session) {
    this.ownSession = session.join();
  }

  begin() {
    this.reasons += 1;
  }

  end() {
    this.reasons -= 1;
    if (this.reasons !== 0) return;
    // What is released may start the next thing in the same turn.
    if (this.object === undefined) finish(this);
    else endsSoon(this);
  }

  /** All jobs of this turn have run. */
  endOfTurn() {
    if (this.reasons === 0) finish(this);
    else tellHandled(this);
  }

  /** The same, before others that may be over. */
  endNow() {
    if (ending[ending.length - 1] === this) ending.pop();
    this.isEnding = false;
    if (this.reasons === 0) finish(this);
    else tellHandled(this);
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
    if (this.isAnswered) return;
    this.isAnswered = true;
    // As `end`, which would be a call for each event.
    this.reasons -= 1;
    if (this.reasons !== 0) return;
    if (this.object === undefined) finish(this);
    else endsSoon(this);
  }

  /** The handler is through: who waits for that alone need not wait for what it has left behind. */
  handled() {
    if (this.isAnswered) return;
    this.isWaitedFor = true;
    this.succeed();
    if (this.reasons > 0) tellHandled(this);
  }

  /** The handler has failed. */
  fail(error, kind = "exception") {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.outcome = { kind, ...describe(error) };
    this.end();
  }

  /** A signal that aborts when the caller of this event goes away. */
  makeSignal() {
    const controller = new AbortController();
    const abort = () => controller.abort(new DOMException(GONE, "AbortError"));
    if (this.canceled) abort();
    else (this.cancelers ??= []).push(abort);
    return controller.signal;
  }

  /** Tells the host of the event, if it began without it. */
  makeKnown() {
    this.visit?.makeKnown();
  }

  cancel() {
    this.canceled = true;
    for (const callback of this.cancelers ?? []) callback();
  }

  /** Somebody may call what the event has given away, and so move it on. */
  get mayBeCalled() {
    return this.ownSession?.isShared === true;
  }

  /** Whether the host still waits for the event's end. */
  get isOpen() {
    return events.has(this.id);
  }

  /** The host has ended the event by itself. */
  forget() {
    if (events.delete(this.id)) running -= 1;
    this.object?.events.delete(this);
    this.visit?.lost(this.isAnswered);
    this.visit = undefined;
    this.isAnswered = true;
    release(this);
    this.context = undefined;
  }

  /** Nothing can happen any more that would end this event. */
  hang() {
    if (!this.isAnswered) this.fail(new Error(HUNG), "hung");
    if (this.reasons > 0) {
      this.reasons = 0;
      finish(this);
    }
  }
}

// Functions, since private methods are looked for on each event that is made.

/** An event that was made elsewhere is under way from now on. */
export function begin(event) {
  events.set(event.id, event);
  running += 1;
}

function endsSoon(event) {
  if (event.isEnding) return;
  event.isEnding = true;
  ending.push(event);
}

function tellHandled(event) {
  if (!event.isWaitedFor) return;
  event.isWaitedFor = false;
  handled(event.id);
}

function finish(event) {
  if (!events.delete(event.id)) return;
  running -= 1;
  event.object?.events.delete(event);
  if (event.streams !== undefined || event.ownSession !== undefined) release(event);
  // The context refers to the event: without the way back, what is over is freed at once and not by a collection.
  event.context = undefined;
  const outcome = event.outcome;
  const { visit } = event;
  // Each knows the other: see below.
  event.visit = undefined;
  if (visit !== undefined && !visit.ends()) return;
  if (outcome === undefined) done(event.id);
  else done(event.id, outcome.kind, outcome.name, outcome.message, outcome.stack);
}

function release(event) {
  if (event.streams !== undefined) for (const id of event.streams) if (!event.object?.keeps(id)) dropLateStream(id);
  event.ownSession?.leave();
}

// What a program puts on `Object.prototype` is not for here.
Object.setPrototypeOf(EventContext.prototype, null);
// What most events never have, is not made for each.
Object.assign(EventContext.prototype, {
  canceled: false,
  isAnswered: false,
  /** How many of the reasons are such. */
  held: 0,
  /** Somebody waits for the handler alone. */
  isWaitedFor: false,
  isEnding: false,
  outcome: undefined,
  streams: undefined,
  cancelers: undefined,
  /** @type {Session | undefined} */
  ownSession: undefined,
  /** The Durable Object that the event happens to. @type {import("./objects/instance.js").Instance | undefined} */
  object: undefined,
  /** Of an object that was called from inside this isolate. @type {import("./objects/inside.js").Visit | undefined} */
  visit: undefined,
  /** What its caller was bound with, as it came. @type {object | undefined} */
  props: undefined,
  /** How many calls inside this isolate it has come through, and how many it has made. */
  depth: 0,
  callsInside: 0,
});

// Events of workers, those that call objects in the same isolate, and events of objects that come from the host and from inside.
const MADE = ["id", "reasons", "context"];
keepShapesOf(EventContext, [...MADE, "isAnswered"]);
keepShapesOf(EventContext, [...MADE, "callsInside", "isAnswered"]);
keepShapesOf(EventContext, [...MADE, "object", "isAnswered", "isEnding"]);
keepShapesOf(EventContext, [...MADE, "visit", "depth", "object", "isAnswered", "isEnding"]);
keepShapes({ event: undefined, stores: undefined });

// Requests from the host make theirs like these, with the values that the constructor gives: `native/moulds/incoming.rs`.
mould("event", Object.assign(Object.create(EventContext.prototype), { id: 0, reasons: 1, context: undefined }));
mould("context", { event: undefined, stores: undefined });

/** Events of objects that may be over when the turn is. @type {EventContext[]} */
export let ending = [];

/** Ends the events of objects that are over. Returns whether there were any. */
export function endEvents() {
  if (ending.length === 0) return false;
  const events = ending;
  ending = [];
  for (let index = 0; index < events.length; index += 1) {
    events[index].isEnding = false;
    events[index].endOfTurn();
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
