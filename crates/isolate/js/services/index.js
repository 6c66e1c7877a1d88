// The bindings to services of Atoll's own, by their kind.

import { makeSendEmail } from "../email/binding.js";
import { makeWorkflow } from "../workflows/binding.js";
import { makeBrowser } from "./browser.js";
import { makeBucket } from "./bucket.js";
import { makeKeyValues } from "./key_values.js";

export { serviceOf } from "./stored.js";

const MAKERS = { kv: makeKeyValues, r2: makeBucket, email: makeSendEmail, browser: makeBrowser };

/**
 * @param {string} kind
 * @param {{ capability: number }} held what it asks
 * @param {{ name: string, key: ArrayBuffer }} [workflow] which Workflow it is
 */
export const makeService = (kind, held, workflow) =>
  kind === "workflow" ? makeWorkflow(workflow.name, held, workflow.key) : MAKERS[kind](held);
