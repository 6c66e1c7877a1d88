/** What the streams need to know of array buffers and views. */

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const arrayBufferByteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength").get;

const CONSTRUCTORS = new Map();
for (const name of [
  "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
  "BigInt64Array", "BigUint64Array", "Float16Array", "Float32Array", "Float64Array",
]) {
  if (globalThis[name] !== undefined) CONSTRUCTORS.set(name, globalThis[name]);
}

/** The engine's own constructor of a view, whatever subclass it is (node's Buffer gives Uint8Array). */
export function intrinsicConstructor(view) {
  return CONSTRUCTORS.get(typedArrayTag.call(view)) ?? DataView;
}

export function isArrayBuffer(value) {
  if (typeof value !== "object" || value === null) return false;
  try {
    arrayBufferByteLength.call(value);
    return true;
  } catch {
    return false;
  }
}

export function isSharedArrayBuffer(value) {
  return value instanceof SharedArrayBuffer;
}

/** The bytes of a BufferSource without copying them, or undefined for anything else. @returns {Uint8Array | undefined} */
export function bytesOf(value) {
  if (ArrayBuffer.isView(value)) {
    return typedArrayTag.call(value) === "Uint8Array" ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isArrayBuffer(value) || isSharedArrayBuffer(value)) return new Uint8Array(value);
  return undefined;
}

/** A copy of a view's bytes in a buffer of its own. @param {ArrayBufferView} view */
export function copyOf(view) {
  return new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
