// What the bindings to stored things have in common: requests to the one object that each of them may ask.

import { expectedLengthOf, isReadableStream } from "../streams/internal.js";
import { encodeUtf8 } from "../encoding.js";
import { fetcherOf } from "../fetch.js";
import { bufferSource } from "../webidl.js";

/** What stands behind each binding. @type {WeakMap<object, { kind: string, held: { capability: number }, name?: string }>} */
const behind = new WeakMap();

/** Remembers what a binding asks, so that it can be passed on. @param {string} [name] that of a Workflow */
export const remember = (binding, kind, held, name) => behind.set(binding, { kind, held, name });

/** The same. Gives what sends requests there. */
export function standFor(binding, kind, held) {
  remember(binding, kind, held);
  return fetcherOf(held);
}

/** The kind of a binding and what it asks; undefined for what is none. */
export const serviceOf = (value) => behind.get(value);

/** A value as the body of a request and its length, if that is known; undefined for what is none. */
export function storable(value) {
  if (typeof value === "string") {
    const bytes = encodeUtf8(value);
    return { body: bytes, size: bytes.byteLength };
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (isReadableStream(value)) return { body: value, size: expectedLengthOf(value) ?? undefined };
  const bytes = bufferSource(value);
  return bytes === undefined ? undefined : { body: bytes, size: bytes.byteLength };
}
