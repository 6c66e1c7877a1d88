/** Async iteration of readable streams. https://streams.spec.whatwg.org/#rs-asynciterator */

import { illegal } from "../webidl.js";
import { deferred, enqueueJob, isObject, rejectedWith, resolvedWith, thenOf } from "./promises.js";

const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);

class NextRequest {
  constructor(iterator) {
    this.iterator = iterator;
    const { promise, resolve, reject } = deferred();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }

  // Web IDL puts a step of its own between the read and the answer, hence the microtask.

  chunk(value) {
    enqueueJob(() => {
      this.settle();
      this.resolve({ value, done: false });
    });
  }

  close() {
    this.iterator.reader.release();
    enqueueJob(() => {
      this.settle();
      this.iterator.finished = true;
      this.resolve({ value: undefined, done: true });
    });
  }

  error(reason) {
    this.iterator.reader.release();
    enqueueJob(() => {
      this.settle();
      this.iterator.finished = true;
      this.reject(reason);
    });
  }

  settle() {
    if (this.iterator.ongoing === this.promise) this.iterator.ongoing = undefined;
  }
}

/** What goes on behind one iterator: calls that overlap are answered in order. */
class Iteration {
  /** @param {import("./readable_core.js").ReaderCore} reader */
  constructor(reader, preventCancel) {
    this.reader = reader;
    this.preventCancel = preventCancel;
    this.finished = false;
    this.ongoing = undefined;
  }

  next() {
    if (this.finished) return resolvedWith({ value: undefined, done: true });
    const request = new NextRequest(this);
    this.ongoing = request.promise;
    this.reader.read(request);
    return request.promise;
  }

  async return(value) {
    if (!this.finished) {
      this.finished = true;
      const { reader } = this;
      const canceled = this.preventCancel ? undefined : reader.stream.cancel(value);
      reader.release();
      await canceled;
    }
    return { value, done: true };
  }

  /** Runs a step once the last one is settled, however it ended. */
  enqueue(step) {
    const result = this.ongoing === undefined ? step() : thenOf(this.ongoing, step, step);
    this.ongoing = result;
    const settled = () => {
      if (this.ongoing === result) this.ongoing = undefined;
    };
    thenOf(result, settled, settled);
    return result;
  }
}

class ReadableStreamAsyncIterator {
  #iteration;

  constructor(iteration) {
    this.#iteration = iteration;
  }

  next() {
    if (!isObject(this) || !(#iteration in this)) return rejectedWith(illegal());
    const iteration = this.#iteration;
    return iteration.ongoing === undefined ? iteration.next() : iteration.enqueue(() => iteration.next());
  }

  return(value = undefined) {
    if (!isObject(this) || !(#iteration in this)) return rejectedWith(illegal());
    const iteration = this.#iteration;
    return iteration.enqueue(() => iteration.return(value));
  }
}

const { prototype } = ReadableStreamAsyncIterator;
delete prototype.constructor;
Object.setPrototypeOf(prototype, AsyncIteratorPrototype);
for (const name of ["next", "return"]) Object.defineProperty(prototype, name, { enumerable: true });
Object.defineProperty(prototype.return, "length", { value: 1 });
Object.defineProperty(prototype, Symbol.toStringTag, { value: "ReadableStream AsyncIterator", configurable: true });

/** @param {import("./readable_core.js").ReaderCore} reader */
export function iterate(reader, preventCancel) {
  return new ReadableStreamAsyncIterator(new Iteration(reader, preventCancel));
}
