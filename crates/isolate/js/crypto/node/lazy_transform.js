// Hashes and ciphers are streams in Node. That needs node:stream; without it, their stream methods say so.

import { notImplemented } from "../../node_support/errors.js";

/** The method that says how the stream transforms: `{ transform, flush, options }`. */
export const START = Symbol("start");

const METHODS = ["write", "end", "read", "pipe", "on", "once", "push", "destroy", Symbol.asyncIterator];

/** Gives a class the methods of a Transform that it does not have itself. */
export function addTransform(Class) {
  for (const key of METHODS) {
    Object.defineProperty(Class.prototype, key, {
      configurable: true,
      writable: true,
      value() {
        throw notImplemented(`stream ${String(key)} of node:crypto`);
      },
    });
  }
}
