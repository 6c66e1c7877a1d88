/** `node:assert/strict`. */
import { strict as module } from "../assert.js";

export const {
  Assert, AssertionError, deepEqual, deepStrictEqual, doesNotMatch, doesNotReject, doesNotThrow, equal, fail, ifError,
  match, notDeepEqual, notDeepStrictEqual, notEqual, notStrictEqual, ok, partialDeepStrictEqual, rejects, strict,
  strictEqual, throws,
} = module;
export default module;
