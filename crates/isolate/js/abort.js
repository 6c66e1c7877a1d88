/** AbortController and AbortSignal (https://dom.spec.whatwg.org/#aborting-ongoing-activities). */
import { defineEventHandlers, dispatch, Event, EventTarget, hasListeners, setSignalHooks, trust } from "./events.js";
import { defineInterface, illegal, requireArguments, toUnsignedLongLong, wrongArgument } from "./webidl.js";
import { setTimeout } from "./timers.js";

const token = Symbol("AbortSignal");

let internals;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  /** @type {Set<Function> | undefined} */
  #algorithms = undefined;
  /** Signals made by any() over this one, and for such a signal, those it follows. */
  #dependents = undefined;
  #sources = undefined;

  constructor(key = undefined) {
    if (key !== token) throw new TypeError("Illegal constructor");
    super();
  }

  get aborted() {
    if (this === undefined || !(#aborted in this)) throw illegal();
    return this.#aborted;
  }
  get reason() {
    if (this === undefined || !(#aborted in this)) throw illegal();
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(token);
    signal.#aborted = true;
    signal.#reason = reason === undefined ? abortError() : reason;
    return signal;
  }

  static timeout(milliseconds) {
    requireArguments(arguments.length, 1, "'timeout' on 'AbortSignal'", "number");
    const delay = toUnsignedLongLong(milliseconds, { enforceRange: !Number.isNaN(Number(milliseconds)) });
    const signal = new AbortSignal(token);
    setTimeout(() => {
      signal.#signalAbort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, delay);
    return signal;
  }

  static any(signals) {
    requireArguments(arguments.length, 1, "'any' on 'AbortSignal'", "Array");
    if (typeof signals !== "object" || typeof signals?.[Symbol.iterator] !== "function") {
      throw wrongArgument("'any' on 'AbortSignal'", 1, "Array");
    }
    const list = [...signals];
    for (const signal of list) {
      if (!internals.isSignal(signal)) {
        throw new TypeError("Failed to execute 'any' on 'AbortSignal': parameter 1 holds a value that is not an AbortSignal.");
      }
    }
    return followSignals(list);
  }

  #signalAbort(reason) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason === undefined ? abortError() : reason;
    // Every dependent is marked before any listener runs, so all of them agree on what they see.
    const aborting = [this];
    if (this.#dependents !== undefined) {
      for (const dependent of this.#dependents) {
        if (dependent.#aborted) continue;
        dependent.#aborted = true;
        dependent.#reason = this.#reason;
        aborting.push(dependent);
      }
    }
    for (const signal of aborting) signal.#runAbortSteps();
  }

  #runAbortSteps() {
    const algorithms = this.#algorithms;
    this.#algorithms = undefined;
    if (algorithms !== undefined) for (const algorithm of algorithms) algorithm(this.#reason);
    if (hasListeners(this, "abort")) dispatch(this, trust(new Event("abort")));
    this.#dependents = undefined;
    this.#sources = undefined;
  }

  static {
    internals = {
      isSignal: (value) => typeof value === "object" && value !== null && #aborted in value,
      abort: (signal, reason) => signal.#signalAbort(reason),
      addAlgorithm(signal, algorithm) {
        if (signal.#aborted) return;
        (signal.#algorithms ??= new Set()).add(algorithm);
      },
      removeAlgorithm: (signal, algorithm) => signal.#algorithms?.delete(algorithm),
      follow(result, signals) {
        for (const signal of signals) {
          if (signal.#aborted) {
            result.#aborted = true;
            result.#reason = signal.#reason;
            return result;
          }
        }
        result.#sources = new Set();
        for (const signal of signals) {
          // A dependent signal is followed through to what it follows itself, so chains stay flat.
          for (const source of signal.#sources ?? [signal]) {
            result.#sources.add(source);
            (source.#dependents ??= new Set()).add(result);
          }
        }
        return result;
      },
    };
  }
}
defineInterface(AbortSignal, { receiver: internals.isSignal });
defineEventHandlers(AbortSignal.prototype, ["abort"]);

function abortError() {
  return new DOMException("The operation was aborted", "AbortError");
}

export class AbortController {
  #signal = undefined;
  get signal() { return (this.#signal ??= new AbortSignal(token)); }
  abort(reason = undefined) { internals.abort(this.signal, reason); }
}
defineInterface(AbortController, { receiver: true });

/** Whether `value` is an AbortSignal made here. */
export const isAbortSignal = internals.isSignal;

/** A signal that aborts when any of `signals` does. */
export function followSignals(signals) {
  return internals.follow(new AbortSignal(token), signals);
}

/** A fresh signal; abortSignal() ends it. */
export function createSignal() {
  return new AbortSignal(token);
}

/** Aborts a signal made by createSignal(). */
export const abortSignal = internals.abort;

/**
 * Runs `algorithm(reason)` before the listeners when `signal` aborts; nothing happens when it already has.
 * https://dom.spec.whatwg.org/#abortsignal-add
 */
export const addAbortAlgorithm = internals.addAlgorithm;
export const removeAbortAlgorithm = internals.removeAlgorithm;

setSignalHooks({ isSignal: internals.isSignal, addAbortAlgorithm: internals.addAlgorithm });
