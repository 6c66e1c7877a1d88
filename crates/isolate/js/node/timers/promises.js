/** `node:timers/promises`. */
import * as web from "../../timers.js";
import { AbortError } from "../../node_support/errors.js";
import { validateAbortSignal, validateBoolean, validateNumber, validateObject } from "../../node_support/validators.js";

const aborted = (signal) => new AbortError(undefined, { cause: signal.reason });

function after(delay, value, options) {
  try {
    if (delay !== undefined) validateNumber(delay, "delay");
    validateObject(options, "options");
    validateAbortSignal(options.signal, "options.signal");
    if (options.ref !== undefined) validateBoolean(options.ref, "options.ref");
  } catch (error) {
    return Promise.reject(error);
  }
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(aborted(signal));
  return new Promise((resolve, reject) => {
    const id = web.setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    }, delay);
    const onAbort = () => {
      web.clearTimeout(id);
      reject(aborted(signal));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

export function setTimeout(delay, value, options = {}) {
  return after(delay, value, options);
}

export function setImmediate(value, options = {}) {
  return after(0, value, options);
}

/** Yields `value` each time the delay has passed. */
export async function* setInterval(delay, value, options = {}) {
  for (;;) yield await after(delay, value, options);
}

class Scheduler {
  wait(delay, options) {
    return setTimeout(delay, undefined, options);
  }
  yield() {
    return setImmediate();
  }
}

export const scheduler = new Scheduler();

export default { scheduler, setImmediate, setInterval, setTimeout };
