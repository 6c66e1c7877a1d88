/** The array-like methods of readable streams: `map`, `filter`, `toArray` and their kin. */
import { AbortError, invalidArgType, invalidArgValue, missingArgs, outOfRange } from "../errors.js";
import { validateAbortSignal, validateInteger, validateObject } from "../validators.js";
import { compose } from "./pipeline.js";
import { finished } from "./end_of_stream.js";
import { Readable } from "./readable.js";
import { isNodeStream, isWritable } from "./state.js";

const aborted = (signal) => new AbortError(undefined, { cause: signal.reason });

function checkOptions(options) {
  if (options !== undefined && options !== null) validateObject(options, "options");
  if (options?.signal !== undefined && options.signal !== null) validateAbortSignal(options.signal, "options.signal");
}

function checkCall(callback, options) {
  if (typeof callback !== "function") throw invalidArgType("fn", ["Function", "AsyncFunction"], callback);
  checkOptions(options);
  if (options?.concurrency !== undefined) validateInteger(Math.floor(options.concurrency), "options.concurrency", 1);
}

function count(value) {
  const number = Number(value);
  if (Number.isNaN(number)) return 0;
  if (number < 0) throw outOfRange("number", ">= 0", number);
  return number;
}

/** Calls back for up to `concurrency` chunks at a time; results keep the order of the chunks. */
async function* mapped(stream, callback, options) {
  const concurrency = Math.floor(options?.concurrency ?? 1);
  const abort = new AbortController();
  const outer = options?.signal;
  const onAbort = () => abort.abort(outer.reason);
  if (outer?.aborted) abort.abort(outer.reason);
  outer?.addEventListener("abort", onAbort, { once: true });
  const { signal } = abort;
  const running = [];
  const stopped = new Promise((_, reject) => {
    const stop = () => reject(aborted(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  stopped.catch(() => {});
  try {
    for await (const chunk of stream) {
      if (signal.aborted) throw aborted(signal);
      const work = Promise.resolve().then(() => callback(chunk, { signal }));
      work.catch(() => {});
      running.push(work);
      if (running.length >= concurrency) yield await Promise.race([running.shift(), stopped]);
    }
    while (running.length > 0) yield await Promise.race([running.shift(), stopped]);
  } finally {
    outer?.removeEventListener("abort", onAbort);
    abort.abort();
  }
}

async function* filtered(stream, callback, options) {
  const nothing = Symbol("nothing");
  for await (const value of mapped(stream, async (chunk, info) => ((await callback(chunk, info)) ? chunk : nothing), options)) {
    if (value !== nothing) yield value;
  }
}

async function* flattened(stream, callback, options) {
  for await (const value of mapped(stream, callback, options)) yield* value;
}

async function* dropped(stream, limit, options) {
  if (options?.signal?.aborted) throw aborted(options.signal);
  for await (const chunk of stream) {
    if (options?.signal?.aborted) throw aborted(options.signal);
    if (limit-- <= 0) yield chunk;
  }
}

async function* taken(stream, limit, options) {
  if (options?.signal?.aborted) throw aborted(options.signal);
  if (limit <= 0) return;
  for await (const chunk of stream) {
    if (options?.signal?.aborted) throw aborted(options.signal);
    if (limit-- > 0) yield chunk;
    if (limit <= 0) return;
  }
}

async function* indexed(stream, options) {
  let index = 0;
  for await (const chunk of stream) {
    if (options?.signal?.aborted) throw aborted(options.signal);
    yield [index++, chunk];
  }
}

const NO_SEED = Symbol("no seed");

/** These answer with a stream. */
const toStream = {
  map(callback, options) {
    checkCall(callback, options);
    return mapped(this, callback, options);
  },
  filter(callback, options) {
    checkCall(callback, options);
    return filtered(this, callback, options);
  },
  flatMap(callback, options) {
    checkCall(callback, options);
    return flattened(this, callback, options);
  },
  drop(limit, options) {
    checkOptions(options);
    return dropped(this, count(limit), options);
  },
  take(limit, options) {
    checkOptions(options);
    return taken(this, count(limit), options);
  },
  asIndexedPairs(options) {
    checkOptions(options);
    return indexed(this, options);
  },
};

/** These answer with a promise. */
const toPromise = {
  async forEach(callback, options) {
    checkCall(callback, options);
    for await (const _ of mapped(this, callback, options));
  },
  async toArray(options) {
    checkOptions(options);
    const result = [];
    for await (const chunk of this) {
      if (options?.signal?.aborted) throw aborted(options.signal);
      result.push(chunk);
    }
    return result;
  },
  async some(callback, options) {
    checkCall(callback, options);
    for await (const _ of filtered(this, callback, options)) return true;
    return false;
  },
  async every(callback, options) {
    checkCall(callback, options);
    return !(await toPromise.some.call(this, async (...args) => !(await callback(...args)), options));
  },
  async find(callback, options) {
    checkCall(callback, options);
    for await (const chunk of filtered(this, callback, options)) return chunk;
    return undefined;
  },
  async reduce(callback, ...[seed, options]) {
    if (arguments.length < 2) seed = NO_SEED;
    checkCall(callback, options);
    const { signal } = options ?? {};
    if (signal?.aborted) {
      const error = aborted(signal);
      this.once("error", () => {});
      this.destroy(error);
      throw error;
    }
    const own = new AbortController();
    let value = seed;
    for await (const chunk of this) {
      if (signal?.aborted) throw aborted(signal);
      value = value === NO_SEED ? chunk : await callback(value, chunk, { signal: own.signal });
    }
    if (value === NO_SEED) {
      throw Object.assign(missingArgs("reduce"), { message: "Reduce of an empty stream requires an initial value" });
    }
    return value;
  },
};

for (const [name, operator] of Object.entries(toStream)) {
  Object.defineProperty(Readable.prototype, name, {
    value: { [name](...args) { return Readable.from(Reflect.apply(operator, this, args)); } }[name],
    writable: true,
    configurable: true,
    enumerable: false,
  });
}
for (const [name, operator] of Object.entries(toPromise)) {
  Object.defineProperty(Readable.prototype, name, { value: operator, writable: true, configurable: true, enumerable: false });
}

Readable.prototype.compose = function (stream, options) {
  checkOptions(options);
  if (isNodeStream(stream) && !isWritable(stream)) throw invalidArgValue("stream", stream, "must be writable");
  const composed = compose(this, stream);
  options?.signal?.addEventListener("abort", () => composed.destroy(aborted(options.signal)), { once: true });
  finished(composed, () => {});
  return composed;
};
