// Error texts that more than one part of the Workers API uses.

import { framesOf } from "./error_stack.js";

export const DISALLOWED_IN_GLOBAL_SCOPE =
  "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, " +
  "and generating random values are not allowed within global scope. To fix this error, perform this operation " +
  "within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/";

/** Errors that ended an object: the host has been told. @type {WeakSet<object>} */
const told = new WeakSet();

export function markTold(error) {
  if (typeof error === "object" && error !== null) told.add(error);
}

export const isTold = (error) => told.has(error);

/** The longest text of an error that leaves the isolate other than as the answer of a method, in characters. */
const MAX_TEXT = 4 * 1024 * 1024;
const cut = (text) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** Name, message and stack of anything that was thrown. */
export function describe(thrown) {
  try {
    if ((typeof thrown === "object" && thrown !== null) || typeof thrown === "function") {
      if (typeof thrown.message === "string" || thrown instanceof Error) {
        const { name, message } = thrown;
        return { name: cut(String(name ?? "Error")), message: cut(String(message)), stack: framesOf(thrown.stack) };
      }
    }
    return { name: "Error", message: `Uncaught ${String(thrown)}`, stack: "" };
  } catch {
    return { name: "Error", message: "Uncaught value that cannot be shown", stack: "" };
  }
}
