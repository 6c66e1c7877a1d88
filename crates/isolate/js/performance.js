// `performance` (https://w3c.github.io/user-timing/) with the frozen clock of Workers: now() is milliseconds since
// timeOrigin, which is 0, and nothing is timed but what a Worker marks itself.

import { now } from "atoll:native/io";
import { queueMicrotask } from "./async_context.js";
import { EventTarget } from "./events.js";
import { defineInterface, illegalConstructor, requireArguments, toDictionary, toDOMString, wrongArgument } from "./webidl.js";

const token = Symbol("performance");

/** Marks and measures, oldest first. @type {PerformanceEntry[]} */
let timeline = [];
/** @type {Set<PerformanceObserver>} */
const observers = new Set();

export class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;
  constructor(key, name, entryType, startTime, duration) {
    if (key !== token) throw illegalConstructor();
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }
  get name() { return this.#name; }
  get entryType() { return this.#entryType; }
  get startTime() { return this.#startTime; }
  get duration() { return this.#duration; }
  toJSON() {
    const { name, entryType, startTime, duration } = this;
    return { name, entryType, startTime, duration };
  }
}
defineInterface(PerformanceEntry, { receiver: true });

export class PerformanceMark extends PerformanceEntry {
  #detail;
  constructor(name, options = undefined) {
    requireArguments(arguments.length, 1, "constructor of 'PerformanceMark'");
    const { startTime, detail } = toDictionary(options, "Options", "constructor of 'PerformanceMark'", 2);
    super(token, toDOMString(name), "mark", startTime === undefined ? now() : Number(startTime), 0);
    this.#detail = detail ?? null;
  }
  get detail() { return this.#detail; }
  toJSON() { return withDetail(super.toJSON(), this.#detail); }
}
defineInterface(PerformanceMark, { receiver: true });

export class PerformanceMeasure extends PerformanceEntry {
  #detail;
  constructor(key, name, startTime, duration, detail) {
    super(key, name, "measure", startTime, duration);
    this.#detail = detail ?? null;
  }
  get detail() { return this.#detail; }
  toJSON() { return withDetail(super.toJSON(), this.#detail); }
}
defineInterface(PerformanceMeasure, { receiver: true });

function withDetail(entry, detail) {
  return detail === null ? entry : { ...entry, detail };
}

/** Entries are in the order of their making, as in Workers, not of their start. */
function entriesOf(list, name, entryType) {
  return list.filter(
    (entry) => (name === undefined || entry.name === name) && (entryType === undefined || entry.entryType === entryType),
  );
}

export class PerformanceObserverEntryList {
  #entries;
  constructor(key, entries) {
    if (key !== token) throw illegalConstructor();
    this.#entries = entries;
  }
  getEntries() { return [...this.#entries]; }
  getEntriesByType(type) {
    requireArguments(arguments.length, 1, "'getEntriesByType' on 'PerformanceObserverEntryList'");
    return entriesOf(this.#entries, undefined, toDOMString(type));
  }
  getEntriesByName(name, type = undefined) {
    requireArguments(arguments.length, 1, "'getEntriesByName' on 'PerformanceObserverEntryList'");
    return entriesOf(this.#entries, toDOMString(name), type === undefined ? undefined : toDOMString(type));
  }
}
defineInterface(PerformanceObserverEntryList, { receiver: true });

const ENTRY_TYPES = Object.freeze(["measure", "mark"]);
let tell;

export class PerformanceObserver {
  #callback;
  #types = new Set();
  #entries = [];
  constructor(callback) {
    if (typeof callback !== "function") throw wrongArgument("constructor of 'PerformanceObserver'", 1, "Value");
    this.#callback = callback;
  }

  observe(options = undefined) {
    const { entryTypes, type, buffered } = toDictionary(options, "Options", "'observe' on 'PerformanceObserver'", 1);
    for (const observed of entryTypes ?? (type === undefined ? [] : [type])) this.#types.add(toDOMString(observed));
    if (this.#types.size > 0) observers.add(this);
    if (buffered && type !== undefined) for (const entry of entriesOf(timeline, undefined, type)) this.#queue(entry);
  }
  disconnect() {
    observers.delete(this);
    this.#types.clear();
    this.#entries = [];
  }
  takeRecords() {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #queue(entry) {
    if (!this.#types.has(entry.entryType)) return;
    this.#entries.push(entry);
    if (this.#entries.length > 1) return;
    queueMicrotask(() => {
      const entries = this.takeRecords();
      if (entries.length > 0) this.#callback.call(this, new PerformanceObserverEntryList(token, entries), this);
    });
  }

  static {
    tell = (entry) => {
      for (const observer of observers) observer.#queue(entry);
    };
  }
}
defineInterface(PerformanceObserver, { receiver: true });
Object.defineProperty(PerformanceObserver, "supportedEntryTypes", { value: ENTRY_TYPES, enumerable: true });

function add(entry) {
  timeline.push(entry);
  tell(entry);
  return entry;
}

/** The time that a mark's name or a number means; undefined for a mark that is not there. */
function timeOf(mark) {
  if (typeof mark === "number") return mark;
  const name = toDOMString(mark);
  return timeline.findLast((entry) => entry.entryType === "mark" && entry.name === name)?.startTime;
}

function clear(entryType, name) {
  const wanted = name === undefined ? undefined : toDOMString(name);
  timeline = timeline.filter(
    (entry) => entry.entryType !== entryType || (wanted !== undefined && entry.name !== wanted),
  );
}

const NOTHING_COUNTED = new Map();

export class Performance extends EventTarget {
  constructor(key) {
    if (key !== token) throw illegalConstructor();
    super();
  }
  get timeOrigin() { return 0; }
  now() { return now(); }
  toJSON() { return { timeOrigin: 0 }; }

  mark(name, options = undefined) {
    requireArguments(arguments.length, 1, "'mark' on 'Performance'");
    toDictionary(options, "Options", "'mark' on 'Performance'", 2);
    return add(new PerformanceMark(name, options));
  }

  measure(name, startOrOptions = undefined, endMark = undefined) {
    requireArguments(arguments.length, 1, "'measure' on 'Performance'");
    const given = typeof startOrOptions === "object" && startOrOptions !== null;
    const { start, end, duration, detail } = given ? startOrOptions : { start: startOrOptions, end: endMark };
    let to = end === undefined ? undefined : timeOf(end);
    let from = start === undefined ? undefined : timeOf(start);
    if (duration !== undefined) {
      if (from === undefined && to !== undefined) from = to - Number(duration);
      else to = (from ?? 0) + Number(duration);
    }
    from ??= 0;
    to ??= now();
    return add(new PerformanceMeasure(token, toDOMString(name), from, Math.max(to - from, 0), detail));
  }

  clearMarks(name = undefined) { clear("mark", name); }
  clearMeasures(name = undefined) { clear("measure", name); }
  getEntries() { return [...timeline]; }
  getEntriesByType(type) {
    requireArguments(arguments.length, 1, "'getEntriesByType' on 'Performance'");
    return entriesOf(timeline, undefined, toDOMString(type));
  }
  getEntriesByName(name, type = undefined) {
    requireArguments(arguments.length, 1, "'getEntriesByName' on 'Performance'");
    return entriesOf(timeline, toDOMString(name), type === undefined ? undefined : toDOMString(type));
  }

  // No resources are timed and no loop is watched, so these have nothing to give or to forget.
  clearResourceTimings() {}
  setResourceTimingBufferSize() {}
  get eventCounts() { return NOTHING_COUNTED; }
  eventLoopUtilization() { return { idle: 0, active: 0, utilization: 0 }; }
}

defineInterface(Performance, { receiver: (value) => value === performance });

export const performance = new Performance(token);
