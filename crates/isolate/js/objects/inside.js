// Calls of objects that live in this isolate, from what runs here as well: they need no host to arrive.
//
// Such a call is an event of its own at the object's input gate, and a turn of its own: what it writes is on its way to the
// disk before its answer is heard, and so before anything that follows from the answer can leave. The host is told of the
// event when it outlasts what the event loop does at a time, or asks for something. The object is then known not to be idle,
// and the host knows for whom it is asked.

import { isFollowed } from "atoll:native/io";
import { promised } from "atoll:native/moulds";
import { arrived, checkSize, forgetEvent, hasJobs, passOn, turn } from "atoll:native/objects";
import { callObject } from "atoll:native/rpc";
import { get, plainThen } from "../async_context.js";
import { EventContext } from "../event_context.js";
import { call, enlist, host as io, Pending } from "../io.js";
import { isPlain, pack, unpackAnswer } from "../rpc/parcels.js";
import { ask } from "../rpc/stubs.js";
import { keepShapes, keepShapesOf } from "../shapes.js";
import { bytesOf, nameOf, textOf } from "./id.js";

/** So many calls of one event arrive this way: further ones are counted by the host, which may refuse them. */
const MAX_CALLS = 1000;
/** So many calls arrive before the event loop looks for frames again. */
const MAX_CALLS_AT_ONCE = 64;
/** So many that the host knows of are under way: further ones go through it. It takes twice as many. */
const MAX_OPEN = 8 * 1024;
/** How deep calls of calls may go before the host counts them (Workers: 16). */
const MAX_DEPTH = 16;
/** The first number that the host does not give to events. */
const FIRST_EVENT = 2 ** 31;

/** The objects that stubs reach here, by their ids as text. @type {Map<string, import("./instance.js").Instance>} */
const living = new Map();
/** How many calls of an object are on their way through the host. Those that come after them must not overtake them. */
const outside = new Map();
/** What goes on next, each in a turn of its own, from place `next` on. @type {Visit[]} */
export let queue = [];
let next = 0;
/** Whose events began since the last frame: the host may not know of them. @type {Visit[]} */
let begun = [];
let atOnce = 0;
/** Events under way that the host knows of. */
let open = 0;
let lastEvent = 0;
/** Who follows a worker is told of each of its events, and that is the host's to do. @type {boolean | undefined} */
let followed;

/**
 * Stubs of its id reach this instance from now on. It must be the one that the id stands for: what only shows the same id,
 * such as an object in the care of another one, is not reached by it.
 * @param {import("./instance.js").Instance} instance
 */
export function moveIn(instance) {
  followed ??= isFollowed();
  instance.address = textOf(instance.id);
  living.set(instance.address, instance);
}

/** @param {import("./instance.js").Instance} instance */
export function moveOut(instance) {
  const { address } = instance;
  if (address !== undefined && living.get(address) === instance) living.delete(address);
}

function reach(address, caller) {
  if (living.size === 0 || caller === undefined || followed || open >= MAX_OPEN) return undefined;
  if (atOnce >= MAX_CALLS_AT_ONCE || caller.callsInside >= MAX_CALLS || caller.depth >= MAX_DEPTH) return undefined;
  return outside.size > 0 && outside.has(address) ? undefined : living.get(address);
}

/** Remembers a call that goes through the host until it is answered. @template T @param {Promise<T>} promise */
export function goesOutside(id, promise) {
  const text = textOf(id);
  outside.set(text, (outside.get(text) ?? 0) + 1);
  const over = () => {
    const left = outside.get(text) - 1;
    if (left === 0) outside.delete(text);
    else outside.set(text, left);
  };
  return plainThen(
    promise,
    (value) => {
      over();
      return value;
    },
    (error) => {
      over();
      throw error;
    },
  );
}

/** Where calls of an object's methods go. Stubs may share it. */
export class Methods {
  /** @param {number} capability the namespace's, or one for this object alone @param {import("./id.js").DurableObjectId} id */
  constructor(capability, id) {
    this.capability = capability;
    this.id = id;
    this.name = nameOf(id);
    this.address = textOf(id);
  }

  /** Calls a method, or asks for a property. */
  invoke(path, args) {
    const context = get();
    const caller = context?.event;
    const instance = reach(this.address, caller);
    if (instance === undefined) {
      const send = (number, event, names, bytes, refers) => this.send(number, event, names, bytes, refers);
      return goesOutside(this.id, ask(send, path, args));
    }
    let parcel;
    if (args !== undefined) {
      if (areAllPlain(args)) parcel = { plain: args, value: undefined };
      else {
        let bytes, refers;
        try {
          ({ bytes, refers } = pack(args));
          checkSize(bytes.byteLength);
        } catch (error) {
          return Promise.reject(error);
        }
        if (refers !== undefined) {
          const send = (number, event) => this.send(number, event, path, bytes, refers);
          return goesOutside(this.id, call(undefined, send, unpackAnswer));
        }
        parcel = { plain: undefined, value: bytes.buffer };
      }
    }
    atOnce += 1;
    caller.callsInside += 1;
    const visit = new Visit(instance, context, this, path, parcel);
    queue.push(visit);
    return promised(visit);
  }

  /** Has the host do it. */
  send(number, event, path, bytes, refers) {
    callObject(number, event, [this.capability, bytesOf(this.id), this.name], path, bytes, refers);
  }
}
keepShapesOf(Methods, ["capability", "id", "name", "address"]);

function areAllPlain(values) {
  for (let index = 0; index < values.length; index += 1) if (!isPlain(values[index])) return false;
  return true;
}

/** A call that arrives without the host. It waits in the queue twice: to arrive, and to be answered. */
class Visit {
  constructor(instance, context, methods, path, parcel) {
    this.context = context;
    this.instance = instance;
    this.methods = methods;
    this.path = path;
    this.parcel = parcel;
    enlist(this);
  }

  get caller() {
    return this.context.event;
  }

  goOn() {
    if (this.number !== 0) {
      if (turn(this.context.event.id, undefined, lose)) tell(this);
      return;
    }
    lastEvent = (lastEvent + 1) % FIRST_EVENT;
    this.number = FIRST_EVENT + lastEvent;
    if (!turn(this.number, this.instance.number, lose)) return;
    arrive(this);
    // Most methods have nothing left to do when they give something, and then it can be heard at once.
    if (!this.isAnswered || queue.length !== next + 1 || hasJobs()) return;
    queue = [];
    next = 0;
    this.event?.endNow();
    if (turn(this.context.event.id, undefined, lose)) tell(this);
  }

  /** Tells the host of the event. */
  makeKnown() {
    if (this.isKnown) return;
    this.isKnown = true;
    open += 1;
    const caller = this.caller;
    if (caller.isOpen) caller.makeKnown();
    arrived(this.number, this.instance.number, caller.isOpen ? caller.id : undefined);
  }

  /** The event is over. Returns whether the host has to be told. */
  ends() {
    if (this.isKnown) {
      this.leave();
      return true;
    }
    this.event = undefined;
    forgetEvent(this.number);
    return false;
  }

  leave() {
    if (this.isKnown && this.event !== undefined) open -= 1;
    this.event = undefined;
  }

  /** The object is no more. */
  lost(isAnswered) {
    this.leave();
    forgetEvent(this.number);
    if (!isAnswered) give(this, undefined);
  }

  /** What the method gave, of which others keep nothing. */
  plain(value) {
    this.isPlain = true;
    this.answer = value;
    this.isAnswered = true;
    queue.push(this);
  }

  /** @param {Uint8Array} bytes */
  thrown(bytes) {
    checkSize(bytes.byteLength);
    give(this, { thrown: bytes.buffer });
  }

  /** @param {Uint8Array} bytes @param {unknown[][] | undefined} refers */
  returned(bytes, refers) {
    checkSize(bytes.byteLength);
    // What a value refers to passes from one hand to another in the host.
    if (refers !== undefined) passOn(this.id, this.caller.id, this.instance.number, bytes, refers);
    else give(this, { value: bytes.buffer });
  }

  resolve(answer) {
    if (!this.isPlain) return Pending.prototype.resolve.call(this, answer);
    this.drop();
    return this.settle(answer);
  }
}

function arrive(visit) {
  const instance = visit.instance;
  if (instance.broken !== undefined) {
    forgetEvent(visit.number);
    goElsewhere(visit);
    return;
  }
  const event = new EventContext(visit.number);
  event.visit = visit;
  event.depth = visit.context.event.depth + 1;
  visit.event = event;
  begun.push(visit);
  instance.wasVisited = true;
  instance.call(event, undefined, visit.path, visit.parcel);
}

/** The object is no more: the next instance gets the call. */
function goElsewhere(visit) {
  const parcel = visit.parcel;
  const bytes = parcel === undefined ? undefined : (parcel.value ?? pack(parcel.plain).bytes);
  visit.caller.makeKnown();
  visit.methods.send(visit.id, visit.caller.id, visit.path, bytes && new Uint8Array(bytes), undefined);
}

function give(visit, answer) {
  visit.answer = answer;
  visit.isAnswered = true;
  queue.push(visit);
}

function tell(visit) {
  // What the object wrote with the answer may have been lost since.
  const { failure } = visit.instance;
  // Most callers are no objects: nothing holds their answers back.
  if (failure === undefined && visit.isPlain && visit.context.event.object === undefined) {
    visit.drop();
    visit.settle(visit.answer);
  } else if (failure === undefined) io.reply(visit.id, visit.answer);
  else io.fail(visit.id, { ...failure, remote: true, durableObjectReset: true });
}

// Without `extends`: a constructor that calls another one costs more than all that it does.
Object.setPrototypeOf(Visit.prototype, Pending.prototype);
Object.assign(Visit.prototype, {
  read: unpackAnswer,
  number: 0,
  isKnown: false,
  isPlain: false,
  isAnswered: false,
  answer: undefined,
  event: undefined,
});

keepShapesOf(Visit, [
  "context", "instance", "methods", "path", "parcel", "id", "settle", "fail", "number", "event", "isPlain", "answer",
  "isAnswered",
]);
keepShapes({ plain: undefined, value: undefined });

const lose = (object, reason) => losing(object, reason);
let losing;

/** @param {(object: number, reason: string) => void} callback ends an object whose writes are lost */
export function onLoss(callback) {
  losing = callback;
}

/** Does what comes next. It is called when all jobs have run. Returns whether there was anything. */
export function goOnInside() {
  if (next === queue.length) return false;
  const visit = queue[next];
  next += 1;
  if (next === queue.length) {
    queue = [];
    next = 0;
  }
  visit.goOn();
  return true;
}

/** Nothing more happens before the next frame. */
export function restInside() {
  atOnce = 0;
  if (begun.length === 0) return;
  const visits = begun;
  begun = [];
  for (let index = 0; index < visits.length; index += 1) if (visits[index].event !== undefined) visits[index].makeKnown();
}
