import { deepStrictEqual, ok as truthy } from "node:assert";

export const ok = truthy;
export const equal = deepStrictEqual;

/** What `run` gives while the global fetch is another one. */
export async function withFetch(fetch, run) {
  const original = globalThis.fetch;
  globalThis.fetch = fetch;
  try {
    return await run();
  } finally {
    globalThis.fetch = original;
  }
}
