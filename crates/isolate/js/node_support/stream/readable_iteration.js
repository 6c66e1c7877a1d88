/** Readable streams as async iterables, and out of iterables. */
import { Buffer } from "../../node/buffer.js";
import { aggregateTwoErrors, invalidArgType } from "../errors.js";
import { validateObject } from "../validators.js";
import { destroyer, nextTick } from "./destroy.js";
import { finished } from "./end_of_stream.js";
import { Readable } from "./readable.js";
import { streamErrors } from "./state.js";

Readable.prototype[Symbol.asyncIterator] = function () {
  return iterate(this);
};

Readable.prototype.iterator = function (options) {
  if (options !== undefined) validateObject(options, "options");
  return iterate(this, options);
};

async function* readAll(stream, options) {
  let wake = () => {};
  const next = function (resolve) {
    if (this === stream) {
      wake();
      wake = () => {};
    } else {
      wake = resolve;
    }
  };
  stream.on("readable", next);
  let error;
  const stop = finished(stream, { writable: false }, (failure) => {
    error = failure ? aggregateTwoErrors(error, failure) : null;
    wake();
    wake = () => {};
  });
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : stream.read();
      if (chunk !== null) yield chunk;
      else if (error) throw error;
      else if (error === null) return;
      else await new Promise(next);
    }
  } catch (thrown) {
    error = aggregateTwoErrors(error, thrown);
    throw error;
  } finally {
    if ((error || options?.destroyOnReturn !== false) && (error === undefined || stream._readableState.autoDestroy)) {
      destroyer(stream, null);
    } else {
      stream.off("readable", next);
      stop();
    }
  }
}

function iterate(stream, options) {
  if (typeof stream.read !== "function") stream = new Readable({ objectMode: true }).wrap(stream);
  const iterator = readAll(stream, options);
  iterator.stream = stream;
  return iterator;
}

/** A stream of what an iterable gives; it is asked for the next value only when there is room. */
export function fromIterable(Class, iterable, options) {
  if (typeof iterable === "string" || Buffer.isBuffer(iterable)) {
    return new Class({
      objectMode: true,
      ...options,
      read() {
        this.push(iterable);
        this.push(null);
      },
    });
  }
  const isAsync = typeof iterable?.[Symbol.asyncIterator] === "function";
  if (!isAsync && typeof iterable?.[Symbol.iterator] !== "function") throw invalidArgType("iterable", ["Iterable"], iterable);
  const iterator = isAsync ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  const readable = new Class({ objectMode: true, highWaterMark: 1, ...options });
  let reading = false;
  readable._read = () => {
    if (reading) return;
    reading = true;
    next();
  };
  readable._destroy = (error, callback) => {
    close(error).then(
      () => nextTick(callback, error),
      (failure) => nextTick(callback, failure || error),
    );
  };
  async function close(error) {
    if (error && typeof iterator.throw === "function") {
      const { value, done } = await iterator.throw(error);
      await value;
      if (done) return;
    }
    if (typeof iterator.return === "function") {
      const { value } = await iterator.return();
      await value;
    }
  }
  async function next() {
    for (;;) {
      try {
        const { value, done } = isAsync ? await iterator.next() : iterator.next();
        if (done) {
          readable.push(null);
          return;
        }
        const chunk = typeof value?.then === "function" ? await value : value;
        if (chunk === null) {
          reading = false;
          throw streamErrors.nullValues();
        }
        if (readable.push(chunk)) continue;
        reading = false;
      } catch (error) {
        readable.destroy(error);
      }
      return;
    }
  }
  return readable;
}

Readable.from = (iterable, options) => fromIterable(Readable, iterable, options);
Readable.wrap = (source, options) =>
  new Readable({
    objectMode: source.readableObjectMode ?? source.objectMode ?? true,
    ...options,
    destroy(error, callback) {
      destroyer(source, error);
      callback(error);
    },
  }).wrap(source);
