/** `node:buffer`: Buffer, a Uint8Array that knows text encodings. Memory is never pooled between Buffers. */
import { compare as compareBytes, indexOf as findBytes, isAscii as asciiOnly, isUtf8 as validUtf8 } from "atoll:native/buffer";
import { Blob, File } from "../blob.js";
import { inspect } from "../inspect.js";
import { numberMethods } from "../node_support/buffer_numbers.js";
import {
  bytesToString, canonicalEncoding, stringByteLength, stringToBytes, writeString,
} from "../node_support/encodings.js";
import {
  bufferOutOfBounds, invalidArgType, invalidArgValue, NodeError, NodeRangeError, notImplemented, outOfRange, unknownEncoding,
} from "../node_support/errors.js";
import { validateArray, validateInteger, validateNumber, validateString } from "../node_support/validators.js";

export const kMaxLength = 2 ** 31 - 1;
export const kStringMaxLength = 2 ** 29 - 24;
export const constants = Object.freeze({ MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: kStringMaxLength });
export let INSPECT_MAX_BYTES = 50;

const BYTE_SOURCES = ["string", "Buffer", "ArrayBuffer", "Array", "Array-like Object"];
const customInspect = Symbol.for("nodejs.util.inspect.custom");
const isUint8Array = (value) => value instanceof Uint8Array;
const isAnyArrayBuffer = (value) =>
  value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer);

class FastBuffer extends Uint8Array {}

/**
 * Deprecated as a constructor, and still called as one by old packages.
 * @param {unknown} value @param {unknown} [encodingOrOffset] @param {number} [length]
 */
export function Buffer(value, encodingOrOffset, length) {
  if (typeof value !== "number") return Buffer.from(value, encodingOrOffset, length);
  if (typeof encodingOrOffset === "string") throw invalidArgType("string", "string", value);
  return Buffer.alloc(value);
}
Object.setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = FastBuffer.prototype;
Object.defineProperty(Buffer.prototype, "constructor", { value: Buffer, writable: true, configurable: true });
Object.defineProperty(Buffer, Symbol.species, { get: () => FastBuffer, configurable: true });

const viewOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function encodingOrThrow(encoding) {
  const canonical = canonicalEncoding(encoding);
  if (canonical === undefined) throw unknownEncoding(encoding);
  return canonical;
}

function checkAllocation(size) {
  validateNumber(size, "size");
  if (!(size >= 0 && size <= kMaxLength)) throw outOfRange("size", `>= 0 && <= ${kMaxLength}`, size);
}

function fromString(text, encoding) {
  if (typeof encoding !== "string") encoding = "utf8";
  return new FastBuffer(stringToBytes(text, encodingOrThrow(encoding)));
}

function fromArrayBuffer(buffer, byteOffset, length) {
  byteOffset = byteOffset === undefined ? 0 : Math.trunc(+byteOffset) || 0;
  const available = buffer.byteLength - byteOffset;
  if (available < 0) throw bufferOutOfBounds("offset");
  if (length === undefined) return new FastBuffer(buffer, byteOffset, available);
  length = Math.trunc(+length);
  if (!(length > 0)) return new FastBuffer(buffer, byteOffset, 0);
  if (length > available) throw bufferOutOfBounds("length");
  return new FastBuffer(buffer, byteOffset, length);
}

function fromArrayLike(source) {
  const { length } = source;
  if (!(length > 0)) return new FastBuffer();
  const bytes = new FastBuffer(length);
  for (let index = 0; index < length; index++) bytes[index] = source[index];
  return bytes;
}

function fromObject(value) {
  if (value.length !== undefined || isAnyArrayBuffer(value.buffer)) {
    return typeof value.length === "number" ? fromArrayLike(value) : new FastBuffer();
  }
  if (value.type === "Buffer" && Array.isArray(value.data)) return fromArrayLike(value.data);
  return undefined;
}

function fromAny(value, encodingOrOffset, length) {
  if (typeof value === "string") return fromString(value, encodingOrOffset);
  if (typeof value === "object" && value !== null) {
    if (isUint8Array(value)) return new FastBuffer(value);
    if (isAnyArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const primitive = typeof value.valueOf === "function" ? value.valueOf() : value;
    if (primitive !== null && primitive !== value && (typeof primitive === "string" || typeof primitive === "object")) {
      return fromAny(primitive, encodingOrOffset, length);
    }
    const bytes = fromObject(value);
    if (bytes) return bytes;
    if (typeof value[Symbol.toPrimitive] === "function") {
      const text = value[Symbol.toPrimitive]("string");
      if (typeof text === "string") return fromString(text, encodingOrOffset);
    }
  }
  throw invalidArgType("first argument", BYTE_SOURCES, value);
}

function toByteSource(value, name) {
  if (!isUint8Array(value)) throw invalidArgType(name, ["Buffer", "Uint8Array"], value);
  return value;
}

function byteLength(value, encoding) {
  if (typeof value === "string") return stringByteLength(value, canonicalEncoding(encoding) ?? "utf8");
  if (ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) return value.byteLength;
  throw invalidArgType("string", ["string", "Buffer", "ArrayBuffer"], value);
}

/** Fills `target[start..end]` with repetitions of a pattern. */
function repeatPattern(target, pattern, start, end) {
  if (pattern.length === 1) {
    Uint8Array.prototype.fill.call(target, pattern[0], start, end);
    return;
  }
  let filled = Math.min(pattern.length, end - start);
  target.set(pattern.subarray(0, filled), start);
  while (start + filled < end) {
    const size = Math.min(filled, end - start - filled);
    target.copyWithin(start + filled, start, start + size);
    filled += size;
  }
}

/** Functions and not methods: old packages say `new Buffer.alloc(0)`. */
const statics = {
  poolSize: 8192,
  from: fromAny,

  of: function of(...items) {
    const bytes = new FastBuffer(items.length);
    for (let index = 0; index < items.length; index++) bytes[index] = items[index];
    return bytes;
  },

  alloc: function alloc(size, fill, encoding) {
    checkAllocation(size);
    const bytes = new FastBuffer(size);
    if (fill !== undefined && fill !== 0 && size > 0) bytes.fill(fill, encoding ?? undefined);
    return bytes;
  },

  allocUnsafe: function allocUnsafe(size) {
    checkAllocation(size);
    return new FastBuffer(size);
  },

  allocUnsafeSlow: function allocUnsafeSlow(size) {
    checkAllocation(size);
    return new FastBuffer(size);
  },

  isBuffer: function isBuffer(value) {
    return value instanceof Buffer;
  },

  isEncoding: function isEncoding(encoding) {
    return typeof encoding === "string" && encoding.length > 0 && canonicalEncoding(encoding) !== undefined;
  },

  byteLength,

  compare: function compare(first, second) {
    return compareBytes(toByteSource(first, "buf1"), toByteSource(second, "buf2"));
  },

  concat: function concat(list, length) {
    validateArray(list, "list");
    if (list.length === 0) return new FastBuffer();
    if (length === undefined) {
      length = 0;
      for (const item of list) length += item?.length || 0;
    } else {
      validateInteger(length, "length", 0);
    }
    const bytes = Buffer.allocUnsafe(length);
    let position = 0;
    for (let index = 0; index < list.length; index++) {
      const item = list[index];
      if (!isUint8Array(item)) throw invalidArgType(`list[${index}]`, ["Buffer", "Uint8Array"], item);
      if (position + item.length > length) {
        bytes.set(Uint8Array.prototype.subarray.call(item, 0, length - position), position);
        return bytes;
      }
      bytes.set(item, position);
      position += item.length;
    }
    return bytes;
  },

  copyBytesFrom: function copyBytesFrom(view, offset, length) {
    if (!ArrayBuffer.isView(view) || view instanceof DataView) throw invalidArgType("view", "TypedArray", view);
    if (offset !== undefined) validateInteger(offset, "offset", 0);
    if (length !== undefined) validateInteger(length, "length", 0);
    const start = offset ?? 0;
    return new FastBuffer(viewOf(view.slice(start, length === undefined ? undefined : start + length)));
  },
};
for (const name of Object.keys(statics)) {
  Object.defineProperty(Buffer, name, { value: statics[name], writable: true, configurable: true, enumerable: true });
}

/** An offset argument of `fill`, `write` or `toString` clamped into a Buffer. */
function clampIndex(value, limit, fallback) {
  if (value === undefined) return fallback;
  value = Math.trunc(+value) || 0;
  return value <= 0 ? 0 : Math.min(value, limit);
}

function parseRange(value, name, limit, fallback) {
  if (value === undefined) return fallback;
  validateInteger(value, name, 0, limit);
  return value;
}

function search(buffer, value, offset, encoding, forward) {
  if (typeof offset === "string") {
    encoding = offset;
    offset = undefined;
  }
  const { length } = buffer;
  let start = +offset;
  if (Number.isNaN(start)) start = forward ? 0 : length;
  start = Math.trunc(Math.max(-0x80000000, Math.min(start, 0x7fffffff)));
  if (start < 0) start += length;
  if (start < 0) {
    if (!forward) return -1;
    start = 0;
  }
  if (typeof value === "number") {
    const byte = value & 0xff;
    return forward
      ? Uint8Array.prototype.indexOf.call(buffer, byte, start)
      : Uint8Array.prototype.lastIndexOf.call(buffer, byte, start);
  }
  let needle = value;
  let step = 1;
  if (typeof value === "string") {
    const canonical = encodingOrThrow(encoding);
    if (canonical === "utf16le") step = 2;
    needle = new Uint8Array(stringToBytes(value, canonical));
  } else if (!isUint8Array(value)) {
    throw invalidArgType("value", ["number", "string", "Buffer", "Uint8Array"], value);
  } else if (canonicalEncoding(encoding) === "utf16le") {
    step = 2;
  }
  if (needle.length === 0) return Math.min(start, length);
  if (length === 0 || needle.length > length) return -1;
  return findBytes(buffer, needle, start, forward, step);
}

function swapBytes(buffer, size) {
  if (buffer.length % size !== 0) {
    throw new NodeRangeError("ERR_INVALID_BUFFER_SIZE", `Buffer size must be a multiple of ${size * 8}-bits`);
  }
  for (let base = 0; base < buffer.length; base += size) {
    Uint8Array.prototype.reverse.call(Uint8Array.prototype.subarray.call(buffer, base, base + size));
  }
  return buffer;
}

const methods = {
  ...numberMethods,

  toString(encoding, start, end) {
    if (arguments.length === 0) return bytesToString(this, "utf8");
    const canonical = encodingOrThrow(encoding);
    const { length } = this;
    start = clampIndex(start, length, 0);
    end = clampIndex(end, length, length);
    return bytesToString(this, canonical, start, end);
  },

  toJSON() {
    return { type: "Buffer", data: Array.from(this) };
  },

  equals(other) {
    if (!isUint8Array(other)) throw invalidArgType("otherBuffer", ["Buffer", "Uint8Array"], other);
    return this === other || (this.byteLength === other.byteLength && compareBytes(this, other) === 0);
  },

  compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
    if (!isUint8Array(target)) throw invalidArgType("target", ["Buffer", "Uint8Array"], target);
    if (arguments.length === 1) return compareBytes(this, target);
    targetStart = parseRange(targetStart, "targetStart", Number.MAX_SAFE_INTEGER, 0);
    targetEnd = parseRange(targetEnd, "targetEnd", target.length, target.length);
    sourceStart = parseRange(sourceStart, "sourceStart", Number.MAX_SAFE_INTEGER, 0);
    sourceEnd = parseRange(sourceEnd, "sourceEnd", this.length, this.length);
    if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
    if (targetStart >= targetEnd) return 1;
    const cut = Uint8Array.prototype.subarray;
    return compareBytes(cut.call(this, sourceStart, sourceEnd), cut.call(target, targetStart, targetEnd));
  },

  copy(target, targetStart, sourceStart, sourceEnd) {
    if (!ArrayBuffer.isView(target)) throw invalidArgType("target", ["Buffer", "Uint8Array"], target);
    const into = isUint8Array(target) ? target : viewOf(target);
    const toInteger = (value, fallback) => (value === undefined ? fallback : Math.trunc(+value) || 0);
    targetStart = toInteger(targetStart, 0);
    if (targetStart < 0) throw outOfRange("targetStart", ">= 0", targetStart);
    sourceStart = toInteger(sourceStart, 0);
    if (sourceStart < 0 || sourceStart > this.length) {
      throw outOfRange("sourceStart", `>= 0 && <= ${this.length}`, sourceStart);
    }
    sourceEnd = toInteger(sourceEnd, this.length);
    if (sourceEnd < 0) throw outOfRange("sourceEnd", ">= 0", sourceEnd);
    if (targetStart >= into.length || sourceStart >= sourceEnd) return 0;
    const size = Math.min(sourceEnd - sourceStart, into.length - targetStart, this.length - sourceStart);
    into.set(Uint8Array.prototype.subarray.call(this, sourceStart, sourceStart + size), targetStart);
    return size;
  },

  slice(start, end) {
    return Uint8Array.prototype.subarray.call(this, start, end);
  },

  subarray(start, end) {
    return Uint8Array.prototype.subarray.call(this, start, end);
  },

  fill(value, offset, end, encoding) {
    if (typeof value === "string") {
      if (typeof offset === "string") {
        encoding = offset;
        offset = undefined;
      } else if (typeof end === "string") {
        encoding = end;
        end = undefined;
      }
      if (encoding !== undefined && encoding !== null) validateString(encoding, "encoding");
    }
    const canonical = typeof value === "string" ? encodingOrThrow(encoding) : "utf8";
    if (offset !== undefined) validateNumber(offset, "offset", 0, this.length);
    if (end !== undefined) validateNumber(end, "end", 0, this.length);
    const first = offset === undefined ? 0 : Math.trunc(offset);
    const last = end === undefined ? this.length : Math.trunc(end);
    if (first >= last) return this;
    if (typeof value === "string") {
      const pattern = value.length === 0 ? new Uint8Array(1) : new Uint8Array(stringToBytes(value, canonical));
      if (pattern.length === 0) throw invalidArgValue("value", value);
      repeatPattern(this, pattern, first, last);
    } else if (ArrayBuffer.isView(value)) {
      const pattern = viewOf(value);
      if (pattern.length === 0) throw invalidArgValue("value", value);
      repeatPattern(this, pattern, first, last);
    } else {
      Uint8Array.prototype.fill.call(this, typeof value === "boolean" ? +value : value & 0xff, first, last);
    }
    return this;
  },

  write(text, offset, length, encoding) {
    if (typeof text !== "string") throw invalidArgType("argument", "string", text);
    if (offset === undefined) return writeString(this, text, "utf8", 0, this.length);
    if (length === undefined && typeof offset === "string") {
      encoding = offset;
      length = this.length;
      offset = 0;
    } else {
      validateInteger(offset, "offset", 0, this.length);
      const remaining = this.length - offset;
      if (length === undefined) {
        length = remaining;
      } else if (typeof length === "string") {
        encoding = length;
        length = remaining;
      } else {
        validateInteger(length, "length", 0, this.length);
        length = Math.min(length, remaining);
      }
    }
    return writeString(this, text, encodingOrThrow(encoding), offset, length);
  },

  indexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, true);
  },

  lastIndexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, false);
  },

  includes(value, offset, encoding) {
    return search(this, value, offset, encoding, true) !== -1;
  },

  swap16() {
    return swapBytes(this, 2);
  },
  swap32() {
    return swapBytes(this, 4);
  },
  swap64() {
    return swapBytes(this, 8);
  },

  [customInspect](depth, context) {
    const shown = Math.min(INSPECT_MAX_BYTES, this.length);
    let text = bytesToString(this, "hex", 0, shown).replace(/(.{2})(?!$)/g, "$1 ");
    const hidden = this.length - shown;
    if (hidden > 0) text += ` ... ${hidden} more byte${hidden > 1 ? "s" : ""}`;
    const extra = Object.entries(this).filter(([key]) => !/^\d+$/.test(key));
    for (const [key, value] of context ? extra : []) {
      text += `${text ? ", " : ""}${key}: ${inspect(value, { ...context, breakLength: Infinity, compact: true })}`;
    }
    const name = this.constructor?.name || "Buffer";
    return `<${name}${text ? " " : ""}${text}>`;
  },
};
methods.toLocaleString = methods.toString;

for (const encoding of ["utf8", "ucs2", "utf16le", "latin1", "base64", "base64url", "hex", "ascii"]) {
  const canonical = canonicalEncoding(encoding);
  methods[`${encoding}Slice`] = function (start, end) {
    return bytesToString(this, canonical, clampIndex(start, this.length, 0), clampIndex(end, this.length, this.length));
  };
  methods[`${encoding}Write`] = function (text, offset = 0, length = this.length - offset) {
    return writeString(this, text, canonical, offset, Math.min(length, this.length - offset));
  };
}

for (const key of Reflect.ownKeys(methods)) {
  Object.defineProperty(Buffer.prototype, key, {
    value: methods[key],
    writable: true,
    configurable: true,
    enumerable: true,
  });
}
for (const [alias, property] of [["parent", "buffer"], ["offset", "byteOffset"]]) {
  Object.defineProperty(Buffer.prototype, alias, {
    configurable: true,
    enumerable: true,
    get() {
      return this instanceof Buffer ? this[property] : undefined;
    },
  });
}

/** @deprecated */
export function SlowBuffer(length) {
  return Buffer.allocUnsafeSlow(length);
}

function bytesArgument(input) {
  if (isAnyArrayBuffer(input)) return new Uint8Array(input);
  if (ArrayBuffer.isView(input)) return viewOf(input);
  throw invalidArgType("input", ["ArrayBuffer", "Buffer", "TypedArray"], input);
}

export function isUtf8(input) {
  return validUtf8(bytesArgument(input));
}

export function isAscii(input) {
  return asciiOnly(bytesArgument(input));
}

/** Re-encodes bytes from one encoding to another; what the target cannot hold becomes `?`. */
export function transcode(source, fromEncoding, toEncoding) {
  if (!isUint8Array(source)) throw invalidArgType("source", ["Buffer", "Uint8Array"], source);
  const transcodable = ["utf8", "utf16le", "latin1", "ascii"];
  const from = canonicalEncoding(fromEncoding);
  const to = canonicalEncoding(toEncoding);
  if (!transcodable.includes(from) || !transcodable.includes(to)) {
    const error = new NodeError("U_ILLEGAL_ARGUMENT_ERROR", "Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]");
    error.errno = 1;
    throw error;
  }
  const text = bytesToString(source, from);
  if (to !== "latin1" && to !== "ascii") return fromString(text, to);
  const limit = to === "ascii" ? 0x7f : 0xff;
  const bytes = [];
  for (const char of text) bytes.push(char.codePointAt(0) > limit ? 0x3f : char.codePointAt(0));
  return Buffer.from(bytes);
}

export function resolveObjectURL() {
  throw notImplemented("resolveObjectURL");
}

export function atob(input) {
  return globalThis.atob(input);
}

export function btoa(input) {
  return globalThis.btoa(input);
}

export { Blob, File };

export default {
  Buffer, SlowBuffer, Blob, File, atob, btoa, constants, isAscii, isUtf8, kMaxLength, kStringMaxLength,
  resolveObjectURL, transcode,
  get INSPECT_MAX_BYTES() {
    return INSPECT_MAX_BYTES;
  },
  set INSPECT_MAX_BYTES(value) {
    validateNumber(value, "INSPECT_MAX_BYTES", 0);
    INSPECT_MAX_BYTES = value;
  },
};
