/**
 * The machinery of readable streams, apart from the classes users see: the stream, its reader, and the default
 * controller. https://streams.spec.whatwg.org/#rs-model
 *
 * Public objects wrap one core each. Internal code (bodies, pipes, tees, host streams) works on cores, and so needs
 * neither wrappers nor a promise for each chunk: a read takes a request object with `chunk(value)`, `close(value)` and
 * `error(reason)`, called at once when the answer is already known.
 */

import { Fifo } from "./fifo.js";
import { callAndReact, callForPromise, deferred, markHandled, reactToStart, rejectedWith, resolvedWith, thenOf } from "./promises.js";

export const READABLE = 0;
export const CLOSED = 1;
export const ERRORED = 2;

const noop = () => {};

/** [[state]], [[storedError]], [[disturbed]], [[reader]] and [[controller]] of a ReadableStream. */
export class ReadableCore {
  constructor() {
    this.state = READABLE;
    this.storedError = undefined;
    this.disturbed = false;
    /** @type {ReaderCore | undefined} */
    this.reader = undefined;
    /** @type {DefaultControllerCore | import("./readable_byte.js").ByteControllerCore} */
    this.controller = undefined;
    /** How many bytes will come in all, where the maker knows (FixedLengthStream, bodies with a length). */
    this.expectedLength = undefined;
  }

  get locked() {
    return this.reader !== undefined;
  }

  get isByteStream() {
    return this.controller === undefined || this.controller.isByteController;
  }

  /** Makes the stream of what it is to give, if nobody has looked into it before. */
  open() {
    const { unopened } = this;
    if (unopened === undefined) return;
    this.unopened = undefined;
    unopened.open(this);
  }

  /** What the stream is to give is taken at once: it is locked, and at its end. */
  spend() {
    this.unopened = undefined;
    this.disturbed = true;
    this.state = CLOSED;
    this.reader = SPENT;
  }

  /** ReadableStreamCancel @returns {Promise<undefined>} */
  cancel(reason) {
    this.open();
    this.disturbed = true;
    if (this.state === CLOSED) return resolvedWith(undefined);
    if (this.state === ERRORED) return rejectedWith(this.storedError);
    this.close();
    const { reader } = this;
    if (reader !== undefined && reader.byob) {
      for (const request of reader.takeRequests()) request.close(undefined);
    }
    return thenOf(this.controller.cancelSteps(reason), noop);
  }

  /** ReadableStreamClose */
  close() {
    this.state = CLOSED;
    const { reader } = this;
    if (reader === undefined) return;
    reader.closed?.resolve();
    reader.watcher?.sourceClosed();
    if (!reader.byob && reader.requests.length > 0) {
      for (const request of reader.takeRequests()) request.close();
    }
  }

  /** ReadableStreamError */
  error(reason) {
    this.state = ERRORED;
    this.storedError = reason;
    const { reader } = this;
    if (reader === undefined) return;
    if (reader.closed !== undefined) {
      reader.closed.reject(reason);
      markHandled(reader.closed.promise);
    }
    reader.watcher?.sourceErrored(reason);
    reader.errorRequests(reason);
  }
}

// What most streams do not have.
/**
 * What a byte stream is to give, while nobody has looked into it; its `open(core)` gives the stream a controller.
 * @type {{ open(core: ReadableCore): void } | undefined}
 */
ReadableCore.prototype.unopened = undefined;

/** The reader of streams whose contents were taken at once: it reads nothing and lets go of nothing. */
const SPENT = Object.freeze({ byob: false, requests: Object.freeze([]), closed: undefined, watcher: undefined });

/** A default or BYOB reader. `watcher` hears of the stream's end synchronously (pipes). */
export class ReaderCore {
  /** @param {ReadableCore} stream */
  constructor(stream, byob) {
    if (stream.reader !== undefined) {
      throw new TypeError("This ReadableStream is currently locked to a reader.");
    }
    stream.open();
    this.stream = stream;
    this.byob = byob;
    this.requests = [];
    this.closed = undefined;
    this.watcher = undefined;
    stream.reader = this;
  }

  /** The promise behind `reader.closed`, made when someone asks. */
  get closedPromise() {
    if (this.closed === undefined) {
      this.closed = deferred();
      const { stream } = this;
      if (stream === undefined) {
        this.closed.reject(new TypeError("This ReadableStream reader has been released."));
        markHandled(this.closed.promise);
      } else if (stream.state === CLOSED) {
        this.closed.resolve();
      } else if (stream.state === ERRORED) {
        this.closed.reject(stream.storedError);
        markHandled(this.closed.promise);
      }
    }
    return this.closed.promise;
  }

  takeRequests() {
    const { requests } = this;
    this.requests = [];
    return requests;
  }

  errorRequests(reason) {
    if (this.requests.length === 0) return;
    for (const request of this.takeRequests()) request.error(reason);
  }

  /** ReadableStreamDefaultReaderRead; the reader must hold its stream. */
  read(request) {
    const { stream } = this;
    stream.disturbed = true;
    if (stream.state === READABLE) {
      stream.controller.pullSteps(request);
    } else if (stream.state === CLOSED) {
      request.close();
    } else {
      request.error(stream.storedError);
    }
  }

  /** ReadableStreamBYOBReaderRead */
  readInto(view, minimum, request) {
    const { stream } = this;
    stream.disturbed = true;
    if (stream.state === ERRORED) {
      request.error(stream.storedError);
    } else {
      stream.controller.pullInto(view, minimum, request);
    }
  }

  /** ReadableStreamReaderGenericRelease and the error steps for reads that are still open. */
  release() {
    const { stream } = this;
    if (stream === undefined) return;
    stream.controller.releaseSteps();
    stream.reader = undefined;
    this.stream = undefined;
    this.watcher = undefined;
    if (this.closed !== undefined) {
      if (stream.state === READABLE) {
        this.closed.reject(new TypeError("This ReadableStream reader has been released."));
        markHandled(this.closed.promise);
      } else {
        this.closed = undefined;
      }
    }
    if (this.requests.length > 0) {
      this.errorRequests(new TypeError("This ReadableStream reader has been released."));
    }
  }
}

/** The default controller: a queue of any values, each with a size. */
export class DefaultControllerCore {
  /**
   * @param {ReadableCore} stream
   * @param {number} highWaterMark
   * @param {((chunk: any) => number) | undefined} size undefined counts each chunk as 1
   */
  constructor(stream, highWaterMark, size) {
    this.stream = stream;
    this.queue = new Fifo();
    this.sizes = size === undefined ? undefined : new Fifo();
    this.totalSize = 0;
    this.highWaterMark = highWaterMark;
    this.size = size;
    this.started = false;
    this.closeRequested = false;
    this.pulling = false;
    this.pullAgain = false;
    this.pull = undefined;
    this.cancel = undefined;
    this.onPulled = undefined;
    this.onPullFailed = undefined;
    stream.controller = this;
  }

  get isByteController() {
    return false;
  }

  /** Takes the source's algorithms and runs its start result through. */
  setUp(pull, cancel, startResult) {
    this.pull = pull;
    this.cancel = cancel;
    reactToStart(
      startResult,
      () => this.startPulling(),
      (reason) => this.error(reason),
    );
  }

  startPulling() {
    this.started = true;
    this.callPullIfNeeded();
  }

  /** null once errored, 0 once closed. */
  get desiredSize() {
    const { state } = this.stream;
    if (state === ERRORED) return null;
    return state === CLOSED ? 0 : this.highWaterMark - this.totalSize;
  }

  get canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === READABLE;
  }

  shouldPull() {
    if (!this.started || !this.canCloseOrEnqueue) return false;
    const { reader } = this.stream;
    return (reader !== undefined && reader.requests.length > 0) || this.highWaterMark - this.totalSize > 0;
  }

  callPullIfNeeded() {
    if (this.pull === undefined || !this.shouldPull()) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    this.pulling = true;
    this.onPulled ??= () => this.finishPull();
    this.onPullFailed ??= (reason) => this.error(reason);
    callAndReact(this.pull, undefined, this.onPulled, this.onPullFailed);
  }

  finishPull() {
    this.pulling = false;
    if (this.pullAgain) {
      this.pullAgain = false;
      this.callPullIfNeeded();
    }
  }

  /** Lets go of the source's functions, so that a finished stream keeps nothing alive. */
  clearAlgorithms() {
    this.pull = undefined;
    this.cancel = undefined;
    this.size = undefined;
  }

  resetQueue() {
    this.queue = new Fifo();
    if (this.sizes !== undefined) this.sizes = new Fifo();
    this.totalSize = 0;
  }

  /** ReadableStreamDefaultControllerEnqueue; the caller has checked `canCloseOrEnqueue`. */
  enqueue(chunk) {
    const { reader } = this.stream;
    if (reader !== undefined && reader.requests.length > 0) {
      reader.requests.shift().chunk(chunk);
    } else if (this.sizes === undefined) {
      this.queue.push(chunk);
      this.totalSize += 1;
    } else {
      this.enqueueSized(chunk);
    }
    this.callPullIfNeeded();
  }

  enqueueSized(chunk) {
    try {
      const size = checkedSize(this.size(chunk));
      this.queue.push(chunk);
      this.sizes.push(size);
      this.totalSize += size;
    } catch (error) {
      this.error(error);
      throw error;
    }
  }

  /** ReadableStreamDefaultControllerClose */
  close() {
    if (!this.canCloseOrEnqueue) return;
    this.closeRequested = true;
    if (this.queue.length === 0) {
      this.clearAlgorithms();
      this.stream.close();
    }
  }

  /** ReadableStreamDefaultControllerError */
  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.resetQueue();
    this.clearAlgorithms();
    this.stream.error(reason);
  }

  pullSteps(request) {
    if (this.queue.length === 0) {
      this.stream.reader.requests.push(request);
      this.callPullIfNeeded();
      return;
    }
    const chunk = this.queue.shift();
    // Sums of fractions drift, hence the floor at zero.
    this.totalSize = this.sizes === undefined ? this.totalSize - 1 : Math.max(0, this.totalSize - this.sizes.shift());
    if (this.closeRequested && this.queue.length === 0) {
      this.clearAlgorithms();
      this.stream.close();
    } else {
      this.callPullIfNeeded();
    }
    request.chunk(chunk);
  }

  cancelSteps(reason) {
    this.resetQueue();
    const { cancel } = this;
    this.clearAlgorithms();
    return cancel === undefined ? resolvedWith(undefined) : callForPromise(cancel, reason);
  }

  releaseSteps() {}
}

/** EnqueueValueWithSize's check. */
export function checkedSize(size) {
  if (typeof size !== "number" || !(size >= 0) || size === Infinity) {
    throw new RangeError("The size of a chunk must be a non-negative, finite number.");
  }
  return size;
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(ReadableCore.prototype, null);
Object.setPrototypeOf(ReaderCore.prototype, null);
Object.setPrototypeOf(DefaultControllerCore.prototype, null);
