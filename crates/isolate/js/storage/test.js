// `atoll:test-storage`: the storage of an object that has no host, for conformance cases.

import { endTurnForTest, openForTest } from "atoll:native/sqlite";
import { makeStorage } from "./storage.js";

let objects = 0;

/** The storage of a new object. */
export function newStorage() {
  const object = ++objects;
  openForTest(object);
  return makeStorage(object, { alarm() {}, call: async () => "" });
}

export { readV8 } from "./v8_values.js";

/** Ends the turn: `[object, pages, bytes, alarm, error]` of each object that changed. */
export const endTurn = endTurnForTest;
