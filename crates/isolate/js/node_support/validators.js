/** Argument checks with Node's error codes. Each throws, or returns nothing. */
import { invalidArgType, invalidArgValue, outOfRange } from "./errors.js";

export function validateString(value, name) {
  if (typeof value !== "string") throw invalidArgType(name, "string", value);
}

export function validateFunction(value, name) {
  if (typeof value !== "function") throw invalidArgType(name, "Function", value);
}

export function validateBoolean(value, name) {
  if (typeof value !== "boolean") throw invalidArgType(name, "boolean", value);
}

export function validateArray(value, name, minLength = 0) {
  if (!Array.isArray(value)) throw invalidArgType(name, "Array", value);
  if (value.length < minLength) throw invalidArgValue(name, value, `must be longer than ${minLength}`);
}

export function validateStringArray(value, name) {
  validateArray(value, name);
  value.forEach((entry, index) => validateString(entry, `${name}[${index}]`));
}

/** @param {{nullable?: boolean, allowArray?: boolean, allowFunction?: boolean}} [options] */
export function validateObject(value, name, options = {}) {
  if (
    (!options.nullable && value === null) ||
    (!options.allowArray && Array.isArray(value)) ||
    (typeof value !== "object" && (!options.allowFunction || typeof value !== "function"))
  ) {
    throw invalidArgType(name, "Object", value);
  }
}

export function validateInteger(value, name, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) {
  if (typeof value !== "number") throw invalidArgType(name, "number", value);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

export function validateInt32(value, name, min = -2147483648, max = 2147483647) {
  validateInteger(value, name, min, max);
}

export function validateUint32(value, name, positive = false) {
  validateInteger(value, name, positive ? 1 : 0, 4294967295);
}

export function validateNumber(value, name, min = undefined, max = undefined) {
  if (typeof value !== "number") throw invalidArgType(name, "number", value);
  const bounded = min !== undefined || max !== undefined;
  if ((min !== undefined && value < min) || (max !== undefined && value > max) || (bounded && Number.isNaN(value))) {
    const low = min !== undefined ? `>= ${min}` : "";
    const high = max !== undefined ? `<= ${max}` : "";
    throw outOfRange(name, low && high ? `${low} && ${high}` : low || high, value);
  }
}

export function validateOneOf(value, name, allowed) {
  if (allowed.includes(value)) return;
  const list = allowed.map((entry) => (typeof entry === "string" ? `'${entry}'` : String(entry))).join(", ");
  throw invalidArgValue(name, value, `must be one of: ${list}`);
}

export function validateAbortSignal(signal, name) {
  if (signal !== undefined && (signal === null || typeof signal !== "object" || !("aborted" in signal))) {
    throw invalidArgType(name, "AbortSignal", signal);
  }
}
