// setTimeout, setInterval, scheduler.wait. Time moves with frames, so a timer that lies ahead is a wish for a tick.

import { inGlobalScope, now, wake } from "atoll:native/io";
import { get, set } from "./async_context.js";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";

/** A chain of timers this deep no longer runs without time passing. */
const FREE_NESTING = 5;
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** @typedef {{ id: number, at: number, order: number, interval: number | undefined, nesting: number, context: any, callback: Function, args: any[], place: number }} Timer */

/** Those that lie ahead: a binary heap by time, then by age. @type {Timer[]} */
export const heap = [];
/** @type {Map<number, Timer>} */
const timers = new Map();
/** Those whose time has come and whose object does not let them in yet. @type {Map<number, Timer>} */
const waiting = new Map();
let nextId = 1;
let nextOrder = 0;
let nesting = 0;
/** When the host was asked to tick. @type {number | undefined} */
export let asked = undefined;

const before = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order);

function place(timer, index) {
  heap[index] = timer;
  timer.place = index;
}

function siftUp(index) {
  const timer = heap[index];
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(timer, heap[parent])) break;
    place(heap[parent], index);
    index = parent;
  }
  place(timer, index);
}

function siftDown(index) {
  const timer = heap[index];
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
    if (!before(heap[child], timer)) break;
    place(heap[child], index);
    index = child;
  }
  place(timer, index);
}

function insert(timer) {
  heap.push(timer);
  siftUp(heap.length - 1);
}

function remove(timer) {
  const index = timer.place;
  const last = heap.pop();
  if (last !== timer) {
    place(last, index);
    siftUp(index);
    siftDown(last.place);
  }
}

function start(callback, delay, repeat, args) {
  if (typeof callback !== "function") {
    throw new TypeError(
      `Failed to execute '${repeat ? "setInterval" : "setTimeout"}' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'function'.`,
    );
  }
  if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
  let wait = Math.trunc(Number(delay));
  if (!(wait > 0)) wait = 0;
  if (wait > LONGEST_DELAY_MS) wait = 1;
  if (nesting >= FREE_NESTING || repeat) wait = Math.max(wait, 1);
  const id = nextId++;
  const timer = {
    id,
    at: now() + wait,
    order: nextOrder++,
    interval: repeat ? wait : undefined,
    nesting: nesting + 1,
    context: get(),
    callback,
    args,
    place: 0,
  };
  timers.set(id, timer);
  insert(timer);
  if (!repeat) timer.context?.event?.holdForObject();
  return id;
}

export function setTimeout(callback, delay, ...args) {
  return start(callback, delay, false, args);
}

export function setInterval(callback, delay, ...args) {
  return start(callback, delay, true, args);
}

function clear(id) {
  const number = Number(id);
  const timer = timers.get(number);
  if (timer !== undefined) drop(timer);
  waiting.delete(number);
}

function drop(timer) {
  timers.delete(timer.id);
  remove(timer);
  if (timer.interval === undefined) timer.context?.event?.releaseForObject();
}

/** Takes back all timers of an object that is no more, or of an event that is given up. */
export function dropTimersOf(owner) {
  for (const timer of [...timers.values()]) {
    const event = timer.context?.event;
    if (event !== undefined && (event === owner || event.object === owner)) drop(timer);
  }
}

export function clearTimeout(id) {
  if (id !== undefined && id !== null) clear(id);
}

export function clearInterval(id) {
  if (id !== undefined && id !== null) clear(id);
}

/** Runs the first timer whose time has come. Returns whether there was one. */
export function runDueTimer() {
  const timer = heap[0];
  if (timer === undefined || timer.at > now()) return false;
  const event = timer.context?.event;
  const object = event?.object;
  const isFree = object === undefined || !waiting.has(timer.id);
  // The event goes on while its callback waits at the gate.
  if (object !== undefined && isFree) event.begin();
  if (timer.interval === undefined) {
    drop(timer);
  } else {
    timer.at = now() + timer.interval;
    timer.order = nextOrder++;
    siftDown(0);
  }
  if (object === undefined) {
    fire(timer);
  } else if (isFree) {
    waiting.set(timer.id, timer);
    object.gate.enter(timer.context, () => fireInObject(timer, event, object));
  }
  return true;
}

function fireInObject(timer, event, object) {
  try {
    if (waiting.delete(timer.id) && object.broken === undefined) fire(timer);
  } finally {
    event.end();
  }
}

function fire(timer) {
  nesting = timer.nesting;
  set(timer.context);
  try {
    timer.callback(...timer.args);
  } finally {
    nesting = 0;
    set(undefined);
  }
}

/** Tells the host when to tick next, if that has changed. */
export function askForTick() {
  const at = heap[0]?.at;
  if (at === asked) return;
  asked = at;
  wake(at);
}

/** A tick has come: the wish for it is used up. */
export function tickCame() {
  asked = undefined;
}

class Scheduler {
  /**
   * @param {number} delay in milliseconds
   * @param {{ signal?: AbortSignal }} [options]
   */
  wait(delay, options) {
    const signal = options?.signal;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const id = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve(undefined);
      }, delay);
      const onAbort = () => {
        clearTimeout(id);
        reject(signal.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

Object.defineProperty(Scheduler.prototype, Symbol.toStringTag, { value: "Scheduler", configurable: true });

export const scheduler = new Scheduler();
