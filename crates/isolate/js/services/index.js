// The bindings to services of Atoll's own, by their kind.

import { makeKeyValues } from "./key_values.js";

export { serviceOf } from "./stored.js";

const MAKERS = { kv: makeKeyValues };

/**
 * @param {string} kind
 * @param {{ capability: number }} held what it asks
 */
export const makeService = (kind, held) => MAKERS[kind](held);
