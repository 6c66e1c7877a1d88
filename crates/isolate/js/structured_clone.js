/**
 * `structuredClone`, and the codec under it that also carries values between isolates.
 *
 * See https://html.spec.whatwg.org/multipage/structured-data.html. The codec itself is Rust (`src/clone.rs`); this file gives
 * it what is easier said in JavaScript, and a registry by which other classes of the Workers API become cloneable.
 */

import { interfaces } from "./webidl.js";
import { clone, deserialize as nativeDeserialize, learnClasses, serialize as nativeSerialize } from "atoll:native/clone";

// Taken before user code runs, so that patching a prototype does not change how values travel.
const { getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Object;
const getter = (prototype, name) => getOwnPropertyDescriptor(prototype, name).get;
const uncurry = (method) => Function.prototype.call.bind(method);
const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const mapForEach = uncurry(Map.prototype.forEach);
const setForEach = uncurry(Set.prototype.forEach);
const mapSet = uncurry(Map.prototype.set);
const setAdd = uncurry(Set.prototype.add);
const regExpSource = uncurry(getter(RegExp.prototype, "source"));
const regExpFlags = uncurry(getter(RegExp.prototype, "flags"));
const dateTime = uncurry(Date.prototype.getTime);
const bufferDetached = uncurry(getter(ArrayBuffer.prototype, "detached"));
const bufferResizable = uncurry(getter(ArrayBuffer.prototype, "resizable"));
const bufferLimit = uncurry(getter(ArrayBuffer.prototype, "maxByteLength"));
const bufferLength = uncurry(getter(ArrayBuffer.prototype, "byteLength"));
const transferBuffer = uncurry(ArrayBuffer.prototype.transfer);
const viewTag = uncurry(getter(TypedArrayPrototype, Symbol.toStringTag));
const arrayBuffer = uncurry(getter(TypedArrayPrototype, "buffer"));
const arrayOffset = uncurry(getter(TypedArrayPrototype, "byteOffset"));
const arrayLength = uncurry(getter(TypedArrayPrototype, "length"));
const dataViewBuffer = uncurry(getter(DataView.prototype, "buffer"));
const dataViewOffset = uncurry(getter(DataView.prototype, "byteOffset"));
const dataViewLength = uncurry(getter(DataView.prototype, "byteLength"));
const functionText = uncurry(Function.prototype.toString);
const symbolText = uncurry(Symbol.prototype.toString);
const unboxers = [Number, String, Boolean, BigInt, Symbol].map((constructor) => uncurry(constructor.prototype.valueOf));

const ERROR_CLASSES = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError];
const ERROR_NAMES = ERROR_CLASSES.map((constructor) => constructor.name);
const HAS_MESSAGE = 1;
const HAS_STACK = 2;
const HAS_STATE = 4;

/** A view's number in the bytes is its index here. */
const VIEW_CLASSES = [
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  globalThis.Float16Array,
];
const VIEW_NAMES = VIEW_CLASSES.map((constructor) => constructor?.name);

/** @typedef {object} Cloneable
 * @property {string} name what stands in the bytes; never changes once values are stored
 * @property {(object: object, session: unknown) => unknown} write the object's state as a cloneable value
 * @property {(state: any, session: unknown) => object} read a new object out of that state
 */

/** @type {Map<object, Cloneable>} by prototype */
const byPrototype = new Map();
/** @type {Map<string, Cloneable>} */
const byName = new Map();

/**
 * Makes instances of a class cloneable. A `write` that throws makes the clone fail with that error; `session` is what the
 * caller of `serialize` or `deserialize` passed, undefined in `structuredClone`.
 * @param {Function} Class
 * @param {Cloneable} cloneable
 */
export function registerCloneable(Class, cloneable) {
  byPrototype.set(Class.prototype, cloneable);
  byName.set(cloneable.name, cloneable);
}

/** @param {string} message */
export function dataCloneError(message) {
  return new DOMException(message, "DataCloneError");
}

/** Classes without a constructor to be named by. */
const TAGGED = /Generator$|Iterator$|^Module$/;

/** How V8 names a value in "… could not be cloned.". */
function describe(value) {
  if (typeof value === "symbol") return symbolText(value);
  if (typeof value === "function") {
    const name = interfaces.get(getPrototypeOf(value));
    return name === undefined ? functionText(value) : `#<${name}>`;
  }
  if (value === null || typeof value !== "object") return String(value);
  try {
    const tag = value[Symbol.toStringTag];
    if (typeof tag === "string" && TAGGED.test(tag)) return `[object ${tag}]`;
    for (let at = value; at !== null; at = getPrototypeOf(at)) {
      const constructor = getOwnPropertyDescriptor(at, "constructor")?.value;
      if (typeof constructor === "function" && constructor.name !== "") return `#<${constructor.name}>`;
    }
  } catch {
    // A proxy's trap; its class stays unknown.
  }
  return "#<Object>";
}

/** The error for a value that cannot be cloned. */
export function uncloneable(value) {
  return dataCloneError(`${describe(value)} could not be cloned.`);
}

/** Values that must not go anywhere, and what to say of them. @type {WeakMap<object, string>} */
export const unmovable = new WeakMap();

function extend(value, session) {
  const refusal = unmovable.get(value);
  if (refusal !== undefined) throw dataCloneError(refusal);
  if (session?.extend !== undefined) {
    const extended = session.extend(value);
    if (extended !== undefined) return extended;
  }
  if (typeof value === "function") return undefined;
  for (let at = getPrototypeOf(value); at !== null; at = getPrototypeOf(at)) {
    const cloneable = byPrototype.get(at);
    if (cloneable !== undefined) return [cloneable.name, cloneable.write(value, session)];
    if (interfaces.has(at)) {
      throw dataCloneError(`Could not serialize object of type "${interfaces.get(at)}". This type does not support serialization.`);
    }
  }
  return undefined;
}

function revive(name, payload, session) {
  const revived = session?.revive?.(name, payload);
  if (revived !== undefined) return revived;
  const cloneable = byName.get(name);
  if (cloneable === undefined) throw dataCloneError("Unable to deserialize cloned data.");
  return cloneable.read(payload, session);
}

function complain(kind, value) {
  switch (kind) {
    case 0:
      throw uncloneable(value);
    case 2:
      throw new RangeError("Maximum call stack size exceeded");
    case 3:
      throw dataCloneError("Data is too large to be cloned.");
    default:
      throw dataCloneError("Unable to deserialize cloned data.");
  }
}

function mapEntries(map) {
  const entries = [];
  mapForEach(map, (value, key) => entries.push(key, value));
  return entries;
}

function setValues(set) {
  const values = [];
  setForEach(set, (value) => values.push(value));
  return values;
}

function unbox(object) {
  for (const valueOf of unboxers) {
    try {
      return valueOf(object);
    } catch {
      // Not that one.
    }
  }
  throw uncloneable(object);
}

/**
 * The standard keeps name, message and stack. Workers also keep the cause, the errors of an AggregateError and what a program
 * added, which is how the flags of remote errors travel; so do we.
 */
function errorParts(error, session) {
  const name = String(error.name);
  const type = Math.max(0, ERROR_NAMES.indexOf(name));
  const message = getOwnPropertyDescriptor(error, "message");
  let flags = 0;
  const text = message !== undefined && "value" in message ? String(message.value) : undefined;
  if (text !== undefined) flags |= HAS_MESSAGE;
  // Its stack begins with the message: there need not be room for both to see that they are too much.
  if (session !== undefined && text?.length > MAX_RPC_BYTES) throw new Error(tooLargeForRpc(text.length));
  const { stack } = error;
  if (typeof stack === "string") flags |= HAS_STACK;
  let state;
  for (const key of HIDDEN_STATE) if (Object.hasOwn(error, key)) (state ??= {})[key] = error[key];
  for (const key of Object.keys(error)) if (!NOT_STATE.has(key)) (state ??= {})[key] = error[key];
  // Others do not have the class that gives it its name.
  if (name !== ERROR_NAMES[type] && state?.name === undefined) (state ??= {}).name = name;
  if (state !== undefined) flags |= HAS_STATE;
  return [type, flags, text, stack, state];
}

/** As in the protocol's limits. */
const MAX_RPC_BYTES = 32 * 1024 * 1024;
export const TOO_LARGE_FOR_RPC = "Serialized RPC arguments or return values are limited to 32MiB";
const tooLargeForRpc = (bytes) => `${TOO_LARGE_FOR_RPC}, but the size of this value was: ${bytes} bytes.`;

const HIDDEN_STATE = ["cause", "errors"];
const NOT_STATE = new Set(["message", "stack", ...HIDDEN_STATE]);

function newError(type, flags, message, stack) {
  const Class = ERROR_CLASSES[type] ?? Error;
  const error = Class === AggregateError ? new AggregateError([]) : new Class();
  if (flags & HAS_MESSAGE) defineHidden(error, "message", message);
  defineHidden(error, "stack", flags & HAS_STACK ? stack : undefined);
  return error;
}

function setErrorState(error, state) {
  for (const key of Object.keys(state)) {
    if (HIDDEN_STATE.includes(key)) defineHidden(error, key, state[key]);
    else defineProperty(error, key, { value: state[key], writable: true, enumerable: true, configurable: true });
  }
}

function defineHidden(object, key, value) {
  defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
}

function bigIntText(value) {
  return value.toString(16);
}

function newBigInt(text) {
  if (!/^-?[0-9a-f]+$/.test(text)) throw dataCloneError("Unable to deserialize cloned data.");
  return text[0] === "-" ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
}

function bufferLimitOf(buffer) {
  let detached;
  try {
    detached = bufferDetached(buffer);
  } catch {
    throw uncloneable(buffer);
  }
  if (detached) throw dataCloneError("An ArrayBuffer is detached and could not be cloned.");
  return bufferResizable(buffer) ? bufferLimit(buffer) : -1;
}

/** Whether the view grows with its buffer: then its length is not written. */
function tracksLength(view, buffer, length, unit, offset) {
  if (!bufferResizable(buffer)) return false;
  const size = bufferLength(buffer);
  if (offset + length * unit + unit <= size || bufferLimit(buffer) === size) return false;
  // Only trying tells a view that ends where its buffer does now from one that always will.
  try {
    buffer.resize(size + unit);
  } catch {
    return false;
  }
  const grown = unit === 1 && view instanceof DataView ? dataViewLength(view) : arrayLength(view);
  buffer.resize(size);
  return grown !== length;
}

function viewParts(view) {
  const name = viewTag(view) ?? "DataView";
  const type = VIEW_NAMES.indexOf(name);
  try {
    const isDataView = type === 0;
    const buffer = isDataView ? dataViewBuffer(view) : arrayBuffer(view);
    const offset = isDataView ? dataViewOffset(view) : arrayOffset(view);
    const length = isDataView ? dataViewLength(view) : arrayLength(view);
    if (bufferDetached(buffer)) throw dataCloneError("An ArrayBuffer is detached and could not be cloned.");
    const unit = isDataView ? 1 : VIEW_CLASSES[type].BYTES_PER_ELEMENT;
    return [type, offset, tracksLength(view, buffer, length, unit, offset) ? -1 : length, buffer];
  } catch (error) {
    if (error instanceof DOMException) throw error;
    // Out of its buffer's bounds, or over a shared buffer.
    throw uncloneable(view);
  }
}

function newView(type, buffer, offset, length) {
  const Class = VIEW_CLASSES[type];
  if (Class === undefined) throw dataCloneError("Unable to deserialize cloned data.");
  try {
    return length < 0 ? new Class(buffer, offset) : new Class(buffer, offset, length);
  } catch {
    throw dataCloneError("Unable to deserialize cloned data.");
  }
}

/** In the order of `Helper` in `src/clone.rs`. */
const codec = [
  extend,
  revive,
  complain,
  mapEntries,
  setValues,
  () => new Map(),
  () => new Set(),
  mapSet,
  setAdd,
  (regExp) => [regExpSource(regExp), regExpFlags(regExp)],
  (source, flags) => new RegExp(source, flags),
  unbox,
  (primitive) => Object(primitive),
  errorParts,
  newError,
  setErrorState,
  bigIntText,
  newBigInt,
  bufferLimitOf,
  (length, maxByteLength) => new ArrayBuffer(length, { maxByteLength }),
  viewParts,
  newView,
  dateTime,
];

learnClasses([
  [0, {}],
  [1, []],
  [2, new Error()],
  ...[0, "", false, 0n].map((primitive) => [3, Object(primitive)]),
  [4, new Date(0)],
  [5, /x/],
  [6, new Map()],
  [7, new Set()],
  [8, new ArrayBuffer(0)],
  ...VIEW_CLASSES.filter((Class) => Class !== undefined).map((Class) => [9, new Class(new ArrayBuffer(8))]),
]);

registerCloneable(DOMException, {
  name: "DOMException",
  write(exception) {
    return [exception.name, exception.message, typeof exception.stack === "string" ? exception.stack : undefined];
  },
  read([name, message, stack]) {
    const exception = new DOMException(String(message), String(name));
    if (stack !== undefined) defineHidden(exception, "stack", String(stack));
    return exception;
  },
});

function checkTransfer(list) {
  const buffers = [];
  for (const item of list) {
    try {
      bufferDetached(item);
    } catch {
      throw new TypeError("Object is not transferable");
    }
    if (buffers.includes(item)) throw dataCloneError("Transfer list contains a duplicate ArrayBuffer.");
    buffers.push(item);
  }
  return buffers;
}

function moveBuffers(buffers) {
  for (const buffer of buffers) {
    if (bufferDetached(buffer)) throw dataCloneError("An ArrayBuffer is detached and could not be cloned.");
  }
  return buffers.map((buffer) => transferBuffer(buffer));
}

/**
 * A deep copy of `value`.
 * @param {unknown} value
 * @param {{ transfer?: Iterable<object> }} [options]
 */
export function structuredClone(value, options = undefined) {
  if (arguments.length === 0) {
    throw new TypeError("Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Value'.");
  }
  // Most calls have a primitive or no list; neither needs the codec's second half.
  if (options === undefined || options === null) return clone(codec, value, undefined, undefined);
  if (typeof options !== "object" && typeof options !== "function") {
    throw new TypeError(
      "Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 2 is not of type 'StructuredCloneOptions'.",
    );
  }
  const list = options.transfer;
  if (list !== undefined && typeof list?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      "Incorrect type for the 'transfer' field on 'StructuredCloneOptions': the provided value is not of type 'Array'.",
    );
  }
  if (list === undefined) return clone(codec, value, undefined, undefined);
  const buffers = checkTransfer(list);
  return buffers.length === 0 ? clone(codec, value, undefined, undefined) : clone(codec, value, buffers, moveBuffers);
}

/**
 * The bytes of a value. A session may have `extend(value)`, asked first for functions and for objects that are not plain: it
 * gives `[name, state]` or undefined.
 * @param {unknown} value
 * @param {{ extend?: (value: unknown) => [string, unknown] | undefined }} [session]
 * @returns {Uint8Array}
 */
export function serialize(value, session) {
  return nativeSerialize(codec, value, undefined, session);
}

/**
 * The value in bytes that `serialize` made. A session may have `revive(name, state)`, asked first for every extension.
 * @param {Uint8Array} bytes
 * @param {{ revive?: (name: string, state: any) => object | undefined }} [session]
 */
export function deserialize(bytes, session) {
  return nativeDeserialize(codec, bytes, undefined, session);
}
