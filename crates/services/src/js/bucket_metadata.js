// What is said of an object beside its value.

import { Refusal } from "./answers.js";

const MAX_KEY_BYTES = 1024;
const MAX_METADATA_BYTES = 8192;
const encoder = new TextEncoder();

export function checkKey(key) {
  if (key === null || key === "" || encoder.encode(key).length > MAX_KEY_BYTES) {
    throw new Refusal(400, "The specified object name is not valid.", 10020);
  }
  return key;
}

/** Metadata as JSON, if it is not too much. */
export function toMetadata({ http = {}, custom = {} }) {
  let size = 0;
  for (const [name, value] of Object.entries(custom)) size += encoder.encode(name + value).length;
  if (size > MAX_METADATA_BYTES) {
    throw new Refusal(400, "Your metadata headers exceed the maximum allowed metadata size.", 10012);
  }
  return [JSON.stringify(http), JSON.stringify(custom)];
}
