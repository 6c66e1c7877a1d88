/**
 * The machinery of writable streams, apart from the classes users see. https://streams.spec.whatwg.org/#ws-model
 *
 * A write takes a request object with `resolve()` and `reject(reason)`: a promise's functions for users, a pipe's own
 * callbacks inside.
 */

import { abortSignal, createSignal } from "../abort.js";
import { Fifo } from "./fifo.js";
import { callAndReact, callForPromise, deferred, enqueueJob, markHandled, reactToStart, rejectedWith, resolvedWith, thenOf } from "./promises.js";
import { checkedSize } from "./readable_core.js";

export const WRITABLE = 0;
export const ERRORING = 1;
export const CLOSED = 2;
export const ERRORED = 3;

/** Stands in the queue for the wish to close. */
const CLOSE = Symbol("close");

const RELEASED = "This WritableStream writer has been released.";

export class WritableCore {
  constructor() {
    this.state = WRITABLE;
    this.storedError = undefined;
    /** @type {WriterCore | undefined} */
    this.writer = undefined;
    /** @type {WritableControllerCore} */
    this.controller = undefined;
    this.writeRequests = new Fifo();
    this.inFlightWrite = undefined;
    this.closeRequest = undefined;
    this.inFlightClose = undefined;
    this.pendingAbort = undefined;
    this.backpressure = false;
  }

  get locked() {
    return this.writer !== undefined;
  }

  get closeQueuedOrInFlight() {
    return this.closeRequest !== undefined || this.inFlightClose !== undefined;
  }

  /** WritableStreamAbort @returns {Promise<undefined>} */
  abort(reason) {
    if (this.state === CLOSED || this.state === ERRORED) return resolvedWith(undefined);
    this.controller.abortSignal(reason);
    // The signal's listeners may have ended the stream.
    if (this.state === CLOSED || this.state === ERRORED) return resolvedWith(undefined);
    if (this.pendingAbort !== undefined) return this.pendingAbort.promise;
    const wasAlreadyErroring = this.state === ERRORING;
    const { promise, resolve, reject } = deferred();
    this.pendingAbort = { promise, resolve, reject, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
    if (!wasAlreadyErroring) this.startErroring(reason);
    return promise;
  }

  /** WritableStreamClose @returns {Promise<undefined>} */
  close() {
    if (this.state === CLOSED || this.state === ERRORED) {
      return rejectedWith(new TypeError("This WritableStream has been closed."));
    }
    this.closeRequest = deferred();
    if (this.backpressure && this.state === WRITABLE) this.writer?.resolveReady();
    const { promise } = this.closeRequest;
    this.controller.enqueueClose();
    return promise;
  }

  updateBackpressure(backpressure) {
    if (backpressure !== this.backpressure) {
      this.backpressure = backpressure;
      const { writer } = this;
      if (writer !== undefined) {
        if (backpressure) writer.ready = undefined;
        else writer.resolveReady();
      }
    }
  }

  dealWithRejection(reason) {
    if (this.state === WRITABLE) this.startErroring(reason);
    else this.finishErroring();
  }

  startErroring(reason) {
    this.state = ERRORING;
    this.storedError = reason;
    this.writer?.rejectReady(reason);
    if (this.inFlightWrite === undefined && this.inFlightClose === undefined && this.controller.started) {
      this.finishErroring();
    }
  }

  finishErroring() {
    this.state = ERRORED;
    this.controller.resetQueue();
    const reason = this.storedError;
    const requests = this.writeRequests;
    this.writeRequests = new Fifo();
    while (requests.length > 0) requests.shift().reject(reason);
    const { pendingAbort } = this;
    if (pendingAbort === undefined) {
      this.rejectClosed();
      return;
    }
    this.pendingAbort = undefined;
    if (pendingAbort.wasAlreadyErroring) {
      pendingAbort.reject(reason);
      this.rejectClosed();
      return;
    }
    thenOf(
      this.controller.abortSteps(pendingAbort.reason),
      () => {
        pendingAbort.resolve();
        this.rejectClosed();
      },
      (failure) => {
        pendingAbort.reject(failure);
        this.rejectClosed();
      },
    );
  }

  /** WritableStreamRejectCloseAndClosedPromiseIfNeeded */
  rejectClosed() {
    if (this.closeRequest !== undefined) {
      this.closeRequest.reject(this.storedError);
      this.closeRequest = undefined;
    }
    this.writer?.rejectClosed(this.storedError);
  }

  finishInFlightWrite() {
    const request = this.inFlightWrite;
    this.inFlightWrite = undefined;
    request.resolve();
  }

  finishInFlightWriteWithError(reason) {
    this.inFlightWrite.reject(reason);
    this.inFlightWrite = undefined;
    this.dealWithRejection(reason);
  }

  finishInFlightClose() {
    this.inFlightClose.resolve();
    this.inFlightClose = undefined;
    if (this.state === ERRORING) {
      // The error came too late to matter.
      this.storedError = undefined;
      this.pendingAbort?.resolve();
      this.pendingAbort = undefined;
    }
    this.state = CLOSED;
    this.writer?.resolveClosed();
  }

  finishInFlightCloseWithError(reason) {
    this.inFlightClose.reject(reason);
    this.inFlightClose = undefined;
    this.pendingAbort?.reject(reason);
    this.pendingAbort = undefined;
    this.dealWithRejection(reason);
  }
}

/** A writer. `watcher` hears of the stream's errors and of relief from backpressure synchronously (pipes). */
export class WriterCore {
  /** @param {WritableCore} stream */
  constructor(stream) {
    if (stream.writer !== undefined) {
      throw new TypeError("This WritableStream is currently locked to a writer.");
    }
    this.stream = stream;
    this.ready = undefined;
    this.closed = undefined;
    /** Whether `closed` is settled: for an errored stream that is after the sink's abort, unless it was over before. */
    this.closedSettled = stream.state === CLOSED || stream.state === ERRORED;
    this.watcher = undefined;
    this.releasedError = undefined;
    stream.writer = this;
  }

  /** The promise behind `writer.ready`, made when someone asks. */
  get readyPromise() {
    if (this.ready === undefined) {
      const { stream } = this;
      this.ready = deferred();
      if (stream === undefined) {
        this.ready.reject(this.releasedError);
        markHandled(this.ready.promise);
      } else if (stream.state === ERRORING || stream.state === ERRORED) {
        this.ready.reject(stream.storedError);
        markHandled(this.ready.promise);
      } else if (stream.state === CLOSED || stream.closeQueuedOrInFlight || !stream.backpressure) {
        this.ready.resolve();
      }
    }
    return this.ready.promise;
  }

  /** The promise behind `writer.closed`, made when someone asks. */
  get closedPromise() {
    if (this.closed === undefined) {
      const { stream } = this;
      this.closed = deferred();
      if (stream === undefined) {
        this.closed.reject(this.releasedError);
        markHandled(this.closed.promise);
      } else if (this.closedSettled && stream.state === CLOSED) {
        this.closed.resolve();
      } else if (this.closedSettled) {
        this.closed.reject(stream.storedError);
        markHandled(this.closed.promise);
      }
    }
    return this.closed.promise;
  }

  resolveReady() {
    this.ready?.resolve();
    this.watcher?.sinkReady();
  }

  /** Ready stays rejected even if the stream closes well after all, so the promise is made here. */
  rejectReady(reason) {
    const { stream } = this;
    const pending =
      this.ready !== undefined && stream?.state === ERRORING && stream.backpressure && !stream.closeQueuedOrInFlight;
    if (!pending) this.ready = deferred();
    this.ready.reject(reason);
    markHandled(this.ready.promise);
    this.watcher?.sinkErroring();
  }

  resolveClosed() {
    this.closedSettled = true;
    this.closed?.resolve();
    this.watcher?.sinkClosed();
  }

  rejectClosed(reason) {
    if (this.closedSettled) return;
    this.closedSettled = true;
    if (this.closed !== undefined) {
      this.closed.reject(reason);
      markHandled(this.closed.promise);
    }
    this.watcher?.sinkErrored(reason);
  }

  /** null once errored, 0 once closed. */
  get desiredSize() {
    const { stream } = this;
    if (stream.state === ERRORED || stream.state === ERRORING) return null;
    return stream.state === CLOSED ? 0 : stream.controller.desiredSize;
  }

  /** WritableStreamDefaultWriterWrite: `request` is resolved or rejected later, or rejected at once. */
  write(chunk, request) {
    const { stream } = this;
    const { controller } = stream;
    const size = controller.sizeOf(chunk);
    if (stream !== this.stream) {
      request.reject(new TypeError(RELEASED));
    } else if (stream.state === ERRORED) {
      request.reject(stream.storedError);
    } else if (stream.closeQueuedOrInFlight || stream.state === CLOSED) {
      request.reject(new TypeError("This WritableStream has been closed."));
    } else if (stream.state === ERRORING) {
      request.reject(stream.storedError);
    } else {
      stream.writeRequests.push(request);
      controller.write(chunk, size);
    }
  }

  /** WritableStreamDefaultWriterCloseWithErrorPropagation */
  closeWithErrorPropagation() {
    const { stream } = this;
    if (stream.closeQueuedOrInFlight || stream.state === CLOSED) return resolvedWith(undefined);
    return stream.state === ERRORED ? rejectedWith(stream.storedError) : stream.close();
  }

  /** WritableStreamDefaultWriterRelease */
  release() {
    const { stream } = this;
    if (stream === undefined) return;
    // A pending promise is rejected, a settled one replaced (lazily).
    const readyIsPending = stream.state === WRITABLE && stream.backpressure && !stream.closeQueuedOrInFlight;
    this.releasedError = new TypeError(RELEASED);
    this.ready = releasedPromise(this.ready, readyIsPending, this.releasedError);
    this.closed = releasedPromise(this.closed, !this.closedSettled, this.releasedError);
    stream.writer = undefined;
    this.stream = undefined;
    this.watcher = undefined;
  }
}

function releasedPromise(promise, isPending, error) {
  if (promise === undefined || !isPending) return undefined;
  promise.reject(error);
  markHandled(promise.promise);
  return promise;
}

export class WritableControllerCore {
  /**
   * @param {WritableCore} stream
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
    this.writeAlgorithm = undefined;
    this.closeAlgorithm = undefined;
    this.abortAlgorithm = undefined;
    /** The signal is made when someone asks; whether and why it is aborted is kept here until then. */
    this.signal = undefined;
    this.aborted = false;
    this.abortReason = undefined;
    this.onWritten = () => this.finishWrite();
    this.onWriteFailed = (reason) => this.failWrite(reason);
    stream.controller = this;
    stream.backpressure = this.desiredSize <= 0;
  }

  /** Takes the sink's algorithms and runs its start result through. */
  setUp(write, close, abort, startResult) {
    this.writeAlgorithm = write;
    this.closeAlgorithm = close;
    this.abortAlgorithm = abort;
    reactToStart(
      startResult,
      () => {
        this.started = true;
        this.advanceQueue();
      },
      (reason) => {
        this.started = true;
        this.stream.dealWithRejection(reason);
      },
    );
  }

  get desiredSize() {
    return this.highWaterMark - this.totalSize;
  }

  /** What `controller.signal` gives. */
  signalForUser() {
    if (this.signal === undefined) {
      this.signal = createSignal();
      if (this.aborted) abortSignal(this.signal, this.abortReason);
    }
    return this.signal;
  }

  abortSignal(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.abortReason = reason;
    if (this.signal !== undefined) abortSignal(this.signal, reason);
  }

  abortSteps(reason) {
    const { abortAlgorithm } = this;
    this.clearAlgorithms();
    return abortAlgorithm === undefined ? resolvedWith(undefined) : callForPromise(abortAlgorithm, reason);
  }

  clearAlgorithms() {
    this.writeAlgorithm = undefined;
    this.closeAlgorithm = undefined;
    this.abortAlgorithm = undefined;
    this.size = undefined;
  }

  resetQueue() {
    this.queue = new Fifo();
    if (this.sizes !== undefined) this.sizes = new Fifo();
    this.totalSize = 0;
  }

  sizeOf(chunk) {
    if (this.size === undefined) return 1;
    try {
      return this.size(chunk);
    } catch (error) {
      this.errorIfNeeded(error);
      return 1;
    }
  }

  error(reason) {
    this.clearAlgorithms();
    this.stream.startErroring(reason);
  }

  errorIfNeeded(reason) {
    if (this.stream.state === WRITABLE) this.error(reason);
  }

  enqueueClose() {
    this.queue.push(CLOSE);
    this.sizes?.push(0);
    this.advanceQueue();
  }

  write(chunk, size) {
    const { stream } = this;
    if (this.sizes !== undefined) {
      try {
        this.sizes.push(checkedSize(size));
      } catch (error) {
        this.errorIfNeeded(error);
        return;
      }
    }
    this.queue.push(chunk);
    this.totalSize += size;
    if (!stream.closeQueuedOrInFlight && stream.state === WRITABLE) stream.updateBackpressure(this.desiredSize <= 0);
    this.advanceQueue();
  }

  dequeue() {
    this.queue.shift();
    this.totalSize = this.sizes === undefined ? this.totalSize - 1 : Math.max(0, this.totalSize - this.sizes.shift());
  }

  advanceQueue() {
    const { stream } = this;
    if (!this.started || stream.inFlightWrite !== undefined) return;
    if (stream.state === ERRORING) {
      stream.finishErroring();
      return;
    }
    if (this.queue.length === 0) return;
    const chunk = this.queue.peek();
    if (chunk === CLOSE) this.processClose();
    else this.processWrite(chunk);
  }

  processClose() {
    const { stream } = this;
    stream.inFlightClose = stream.closeRequest;
    stream.closeRequest = undefined;
    this.queue.shift();
    this.sizes?.shift();
    const { closeAlgorithm } = this;
    const closed = () => stream.finishInFlightClose();
    if (closeAlgorithm === undefined) {
      enqueueJob(closed);
    } else {
      callAndReact(closeAlgorithm, undefined, closed, (reason) => stream.finishInFlightCloseWithError(reason));
    }
    this.clearAlgorithms();
  }

  processWrite(chunk) {
    const { stream, writeAlgorithm } = this;
    stream.inFlightWrite = stream.writeRequests.shift();
    if (writeAlgorithm === undefined) enqueueJob(this.onWritten);
    else callAndReact(writeAlgorithm, chunk, this.onWritten, this.onWriteFailed);
  }

  finishWrite() {
    const { stream } = this;
    stream.finishInFlightWrite();
    this.dequeue();
    if (!stream.closeQueuedOrInFlight && stream.state === WRITABLE) stream.updateBackpressure(this.desiredSize <= 0);
    this.advanceQueue();
  }

  failWrite(reason) {
    const { stream } = this;
    if (stream.state === WRITABLE) this.clearAlgorithms();
    stream.finishInFlightWriteWithError(reason);
  }
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(WritableCore.prototype, null);
Object.setPrototypeOf(WriterCore.prototype, null);
Object.setPrototypeOf(WritableControllerCore.prototype, null);
