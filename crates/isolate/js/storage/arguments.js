// Arguments of the storage methods, checked as Workers check them.

import { toDOMString } from "../webidl.js";

/** The latest time that Workers' clock can tell, in milliseconds. */
const LATEST_MS = 9223372036854;
const INT = 2 ** 31;

const wrongType = (where, index, type) =>
  new TypeError(`Failed to execute ${where}: parameter ${index} is not of type '${type}'.`);

/** Where an argument is wrong, for messages. @param {string} name @param {string} owner */
export const method = (name, owner) => `'${name}' on '${owner}'`;

/** Throws unless argument `index` was given. */
export function given(count, index, where, type) {
  if (count < index) throw wrongType(where, index, type);
}

/** A dictionary. Nothing is an empty one. */
export function options(value, index, where, type) {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") throw wrongType(where, index, type);
  return value;
}

/** A function. */
export function callback(value, index, where) {
  if (typeof value !== "function") throw wrongType(where, index, "function");
  return value;
}

/** A time in milliseconds: of a Date or a number. */
export function time(value, index, where) {
  if (typeof value !== "number" && !(value instanceof Date)) throw wrongType(where, index, "date");
  const ms = Math.trunc(Number(value));
  if (!Number.isFinite(ms)) throw new TypeError("The value cannot be converted because it is not a valid Date.");
  if (ms > LATEST_MS) throw new TypeError("This API doesn't support dates after 2189.");
  return ms;
}

function integer(value) {
  const number = Number(value);
  if (Number.isFinite(number) && (number < -INT || number >= INT)) {
    throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
  }
  return Number.isFinite(number) ? Math.trunc(number) : 0;
}

/** What list() is to give: bounds as the native side takes them, direction and count. */
export function range(value, where) {
  const { start, startAfter, end, prefix, reverse, limit } = options(value, 1, where, "ListOptions");
  if (start !== undefined && startAfter !== undefined) {
    throw new TypeError("list() cannot be called with both start and startAfter values.");
  }
  const count = limit === undefined ? Infinity : integer(limit);
  if (count <= 0) throw new TypeError("List limit must be positive.");
  const text = (value) => (value === undefined ? null : toDOMString(value));
  return {
    bounds: [text(start), text(startAfter), text(end), text(prefix), null],
    reverse: Boolean(reverse),
    limit: count,
  };
}
