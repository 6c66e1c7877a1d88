/** Conversions of what users hand to the streams: sources, sinks, strategies, options. */

import { get, run } from "../async_context.js";
import { isAbortSignal } from "../abort.js";
import { toDictionary } from "../webidl.js";
import { isObject } from "./promises.js";

const { apply } = Reflect;


/** The object a source, sink or transformer is given as: an object, or none. */
export function toOptionalObject(value, name, type) {
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  throw new TypeError(`Failed to construct '${name}': constructor parameter 1 is not of type '${type}'.`);
}

/**
 * A callback of a source, sink or transformer as a function of one or two arguments, run in the asynchronous context
 * of the stream's construction; undefined where there is none.
 */
export function toCallback(object, name, type) {
  const callback = object[name];
  if (callback === undefined) return undefined;
  if (typeof callback !== "function") {
    throw new TypeError(
      `Incorrect type for the '${name}' field on '${type}': the provided value is not of type 'function'.`,
    );
  }
  const context = get();
  if (context === undefined) return (...values) => apply(callback, object, values);
  return (...values) => run(context, apply, callback, object, values);
}

const NO_STRATEGY = { highWaterMark: undefined, size: undefined };

/**
 * @param {any} strategy
 * @returns {{highWaterMark: number | undefined, size: Function | undefined}}
 */
export function toStrategy(strategy) {
  if (strategy === undefined || strategy === null) return NO_STRATEGY;
  const given = toDictionary(strategy, "QueuingStrategy");
  const mark = given.highWaterMark;
  const highWaterMark = mark === undefined ? undefined : +mark;
  const { size } = given;
  if (size !== undefined && typeof size !== "function") {
    throw new TypeError(
      "Incorrect type for the 'size' field on 'QueuingStrategy': the provided value is not of type 'function'.",
    );
  }
  return { highWaterMark, size };
}

/** ExtractHighWaterMark */
export function highWaterMarkOf(strategy, fallback) {
  const { highWaterMark } = strategy;
  if (highWaterMark === undefined) return fallback;
  if (Number.isNaN(highWaterMark) || highWaterMark < 0) {
    throw new RangeError("The highWaterMark of a queuing strategy must be a non-negative number.");
  }
  return highWaterMark;
}

/** The size function of CountQueuingStrategy, known by identity: streams then count instead of calling it. */
export const countSize = { size: () => 1 }.size;

/** ExtractSizeAlgorithm: undefined when every chunk counts as one. */
export function sizeAlgorithmOf(strategy) {
  const { size } = strategy;
  return size === undefined || size === countSize ? undefined : (chunk) => +apply(size, undefined, [chunk]);
}

const NO_PIPE_OPTIONS = { preventClose: false, preventAbort: false, preventCancel: false, signal: undefined };

/** @returns {{preventClose: boolean, preventAbort: boolean, preventCancel: boolean, signal: AbortSignal | undefined}} */
export function toPipeOptions(options) {
  if (options === undefined || options === null) return NO_PIPE_OPTIONS;
  const given = toDictionary(options, "PipeToOptions");
  const preventAbort = Boolean(given.preventAbort);
  const preventCancel = Boolean(given.preventCancel);
  const preventClose = Boolean(given.preventClose);
  const { signal } = given;
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw new TypeError(
      "Incorrect type for the 'signal' field on 'PipeToOptions': the provided value is not of type 'AbortSignal'.",
    );
  }
  return { preventClose, preventAbort, preventCancel, signal };
}
