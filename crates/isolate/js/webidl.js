// What Web IDL says about interfaces and conversions, as far as the Workers API needs it.

const { defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames } = Object;

/** Puts values on the global object as Web IDL interfaces are: writable, configurable, not enumerable. */
export function expose(values) {
  for (const name of getOwnPropertyNames(values)) {
    defineProperty(globalThis, name, { value: values[name], writable: true, enumerable: false, configurable: true });
  }
}

/** Makes a value a property of its object's own, as those of `ctx` are, which programs may replace. Returns it. */
export function own(object, name, value) {
  defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  return value;
}

/** The prototypes of interfaces and their names. @type {Map<object, string>} */
export const interfaces = new Map();

/** `run` for those receivers alone; the others get what Workers tell them, at once. */
function guarded(run, isReceiver, part) {
  if (typeof run !== "function") return run;
  const guard =
    part === "get"
      ? function () {
          if (!isReceiver(this)) throw illegal();
          return run.call(this);
        }
      : function (...args) {
          if (!isReceiver(this)) throw illegal();
          return Reflect.apply(run, this, args);
        };
  for (const key of ["name", "length"]) defineProperty(guard, key, getOwnPropertyDescriptor(run, key));
  return guard;
}

/**
 * Gives a class the shape of a Web IDL interface: enumerable members and a string tag.
 * @param {Function} Class
 * @param {object} [options]
 * @param {string} [options.name]
 * @param {Record<string, number>} [options.constants]
 * @param {true | ((value: unknown) => boolean)} [options.receiver] says on what the members may be called; true: on
 *   instances
 * @param {string[]} [options.unguarded] members that look at their receiver themselves, which takes less time
 */
export function defineInterface(Class, { name = Class.name, constants, receiver, unguarded = [] } = {}) {
  const isReceiver = receiver === true ? (value) => value instanceof Class : receiver;
  for (const holder of [Class, Class.prototype]) {
    for (const key of getOwnPropertyNames(holder)) {
      if (key === "constructor") continue;
      if (holder === Class && (key === "prototype" || key === "name" || key === "length")) continue;
      const descriptor = getOwnPropertyDescriptor(holder, key);
      if (isReceiver !== undefined && holder === Class.prototype && !unguarded.includes(key)) {
        for (const part of ["get", "set", "value"]) {
          if (descriptor[part] !== undefined) descriptor[part] = guarded(descriptor[part], isReceiver, part);
        }
      }
      if (descriptor.configurable) defineProperty(holder, key, { ...descriptor, enumerable: true });
    }
  }
  interfaces.set(Class.prototype, name);
  defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const key in constants) {
    const descriptor = { value: constants[key], writable: false, enumerable: true, configurable: false };
    defineProperty(Class, key, descriptor);
    defineProperty(Class.prototype, key, descriptor);
  }
  return Class;
}

/** What calling a member on the wrong kind of object throws. */
export const illegal = () =>
  new TypeError(
    "Illegal invocation: function called with incorrect `this` reference. " +
      "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
  );

/** What calling a constructor that is not for users throws. */
export const illegalConstructor = () => new TypeError("Illegal constructor");

/**
 * What an argument of the wrong type throws.
 * @param {string} where "'append' on 'Headers'" or "constructor of 'Headers'"
 * @param {number} position counted from 1
 * @param {string} type
 */
export function wrongArgument(where, position, type) {
  const constructed = where.startsWith("constructor of ");
  const what = constructed ? `construct ${where.slice("constructor of ".length)}: constructor` : `execute ${where}:`;
  return new TypeError(`Failed to ${what} parameter ${position} is not of type '${type}'.`);
}

/**
 * Throws when fewer than `needed` arguments were given: a missing one is of no type.
 * @param {string} types those of the needed arguments, separated by commas; strings if there is nothing to say
 */
export function requireArguments(given, needed, where, types = undefined) {
  if (given < needed) throw wrongArgument(where, given + 1, types?.split(", ")[given] ?? "string");
}

export function toDOMString(value) {
  if (typeof value === "string") return value;
  if (typeof value === "symbol") throw new TypeError("Cannot convert a Symbol value to a string");
  return String(value);
}

export function toUSVString(value) {
  return toDOMString(value).toWellFormed();
}

const NOT_BYTES = /[^\0-\xff]/;

/** A string of characters up to U+00FF. */
export function toByteString(value, what = "Value") {
  const text = toDOMString(value);
  if (NOT_BYTES.test(text)) {
    throw new TypeError(`${what} contains a character that does not fit in a byte (ByteString).`);
  }
  return text;
}

/** Web IDL's conversion to an integer type of `bits` bits. */
export function toInteger(value, bits, { signed = false, enforceRange = false, clamp = false } = {}) {
  let number = Number(value);
  const largest = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** (signed ? bits - 1 : bits) - 1;
  const smallest = signed ? (bits === 64 ? Number.MIN_SAFE_INTEGER : -(2 ** (bits - 1))) : 0;
  if (enforceRange) {
    number = Math.trunc(number);
    if (!Number.isFinite(number) || number < smallest || number > largest) {
      throw new TypeError(`Value is out of range: it must be between ${smallest} and ${largest}.`);
    }
    return number + 0;
  }
  if (Number.isNaN(number)) return 0;
  if (clamp) {
    const bounded = Math.min(Math.max(number, smallest), largest);
    const rounded = Math.round(bounded);
    return (Math.abs(bounded % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded) + 0;
  }
  if (!Number.isFinite(number)) return 0;
  const modulus = 2 ** bits;
  let wrapped = Math.trunc(number) % modulus;
  if (wrapped < 0) wrapped += modulus;
  if (signed && wrapped >= 2 ** (bits - 1)) wrapped -= modulus;
  return wrapped + 0;
}

export const toUnsignedLong = (value, options) => toInteger(value, 32, options);
export const toUnsignedShort = (value, options) => toInteger(value, 16, options);
export const toUnsignedLongLong = (value, options) => toInteger(value, 64, options);

/**
 * A dictionary argument: undefined and null are empty.
 * @param {string} what its type
 * @param {string} [where] as for `wrongArgument`, with its position
 */
export function toDictionary(value, what, where = undefined, position = 0) {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") {
    if (where !== undefined) throw wrongArgument(where, position, what);
    throw new TypeError(`Incorrect type for '${what}': the provided value is not of type 'object'.`);
  }
  return value;
}

/** The bytes of an ArrayBuffer or a view, without a copy; undefined for anything else. */
export function bufferSource(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || (globalThis.SharedArrayBuffer && value instanceof SharedArrayBuffer)) {
    return new Uint8Array(value);
  }
  return undefined;
}
