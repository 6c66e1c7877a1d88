/** The machinery of transform streams. https://streams.spec.whatwg.org/#ts-abstract-ops */

import { callAndReact, callForPromise, deferred, enqueueJob, isObject, PENDING, resolvedWith, thenOf } from "./promises.js";
import { DefaultControllerCore, ERRORED as SOURCE_ERRORED, ReadableCore } from "./readable_core.js";
import { ERRORED, ERRORING, WritableControllerCore, WritableCore } from "./writable_core.js";

/** A transform stream's two sides and its controller. */
export class TransformCore {
  constructor(writableHighWaterMark, writableSize, readableHighWaterMark, readableSize) {
    this.readable = new ReadableCore();
    this.writable = new WritableCore();
    this.source = new DefaultControllerCore(this.readable, readableHighWaterMark, readableSize);
    this.sink = new WritableControllerCore(this.writable, writableHighWaterMark, writableSize);
    this.backpressure = true;
    this.backpressureChange = undefined;
    /** Whether a pull waits for backpressure, and whether a write waits for its end. */
    this.pullWaits = false;
    this.writeWaits = false;
    this.waitingChunk = undefined;
    this.perform = (chunk) => this.performTransform(chunk);
    this.resumeWrite = () => this.writeWaitingChunk();
    this.finished = undefined;
    this.transform = undefined;
    this.flush = undefined;
    this.cancel = undefined;
  }

  /**
   * Takes the transformer's algorithms; `started` is the result of its start, or a promise of it.
   * @param {((chunk: any) => any) | undefined} transform undefined passes chunks on as they are
   * @param {(() => any) | undefined} flush
   * @param {((reason: any) => any) | undefined} cancel
   */
  setUp(transform, flush, cancel, started) {
    this.transform = transform ?? ((chunk) => this.enqueue(chunk));
    this.flush = flush;
    this.cancel = cancel;
    this.sink.setUp(
      (chunk) => this.sinkWrite(chunk),
      () => this.sinkClose(),
      (reason) => this.sinkAbort(reason),
      started,
    );
    this.source.setUp(
      () => this.sourcePull(),
      (reason) => this.sourceCancel(reason),
      started,
    );
  }

  clearAlgorithms() {
    this.transform = undefined;
    this.flush = undefined;
    this.cancel = undefined;
  }

  /** A promise for the next change of backpressure. */
  get backpressureChanged() {
    this.backpressureChange ??= deferred();
    return this.backpressureChange.promise;
  }

  setBackpressure(backpressure) {
    if (this.pullWaits) {
      this.pullWaits = false;
      enqueueJob(this.source.onPulled);
    }
    if (this.writeWaits) {
      this.writeWaits = false;
      enqueueJob(this.resumeWrite);
    }
    this.backpressureChange?.resolve();
    this.backpressureChange = undefined;
    this.backpressure = backpressure;
  }

  /** TransformStreamDefaultControllerEnqueue */
  enqueue(chunk) {
    const { source } = this;
    if (!source.canCloseOrEnqueue) {
      throw new TypeError("The readable side of this TransformStream is no longer readable.");
    }
    try {
      source.enqueue(chunk);
    } catch (error) {
      // The strategy's size function threw.
      this.errorWritableAndUnblockWrite(error);
      throw this.readable.storedError;
    }
    const backpressure = !source.shouldPull();
    if (backpressure !== this.backpressure) this.setBackpressure(true);
  }

  /** TransformStreamError */
  error(reason) {
    this.source.error(reason);
    this.errorWritableAndUnblockWrite(reason);
  }

  /** TransformStreamDefaultControllerTerminate */
  terminate() {
    this.source.close();
    this.errorWritableAndUnblockWrite(new TypeError("The transform stream has been terminated"));
  }

  errorWritableAndUnblockWrite(reason) {
    this.clearAlgorithms();
    this.sink.errorIfNeeded(reason);
    this.unblockWrite();
  }

  /** Lets a write that waits for the reader go on, and find that the stream is over. */
  unblockWrite() {
    if (this.backpressure) this.setBackpressure(false);
  }

  sinkWrite(chunk) {
    if (!this.backpressure) return this.performTransform(chunk);
    this.writeWaits = true;
    this.waitingChunk = chunk;
    return PENDING;
  }

  writeWaitingChunk() {
    const { sink, waitingChunk, writable } = this;
    this.waitingChunk = undefined;
    if (writable.state === ERRORING) enqueueJob(() => sink.onWriteFailed(writable.storedError));
    else callAndReact(this.perform, waitingChunk, sink.onWritten, sink.onWriteFailed);
  }

  performTransform(chunk) {
    const { transform } = this;
    let result;
    try {
      result = transform(chunk);
    } catch (error) {
      this.error(error);
      throw error;
    }
    if (!isObject(result)) return undefined;
    return thenOf(resolvedWith(result), undefined, (reason) => {
      this.error(reason);
      throw reason;
    });
  }

  /** Runs the one algorithm that ends the transformer; every way to end shares its outcome. */
  finish(algorithm, argument, succeed, fail) {
    this.finished = deferred();
    const { promise } = this.finished;
    const result = algorithm === undefined ? resolvedWith(undefined) : callForPromise(algorithm, argument);
    this.clearAlgorithms();
    thenOf(
      result,
      () => {
        const failure = succeed();
        if (failure === undefined) this.finished.resolve();
        else this.finished.reject(failure.reason);
      },
      (reason) => {
        fail(reason);
        this.finished.reject(reason);
      },
    );
    return promise;
  }

  sinkAbort(reason) {
    if (this.finished !== undefined) return this.finished.promise;
    const { readable, source } = this;
    return this.finish(
      this.cancel,
      reason,
      () => {
        if (readable.state === SOURCE_ERRORED) return { reason: readable.storedError };
        source.error(reason);
        return undefined;
      },
      (failure) => source.error(failure),
    );
  }

  sinkClose() {
    if (this.finished !== undefined) return this.finished.promise;
    const { readable, source } = this;
    return this.finish(
      this.flush,
      undefined,
      () => {
        if (readable.state === SOURCE_ERRORED) return { reason: readable.storedError };
        source.close();
        return undefined;
      },
      (failure) => source.error(failure),
    );
  }

  sourcePull() {
    this.setBackpressure(false);
    // No further pull until there is backpressure again.
    this.pullWaits = true;
    return PENDING;
  }

  sourceCancel(reason) {
    if (this.finished !== undefined) return this.finished.promise;
    const { writable, sink } = this;
    return this.finish(
      this.cancel,
      reason,
      () => {
        if (writable.state === ERRORED) return { reason: writable.storedError };
        sink.errorIfNeeded(reason);
        this.unblockWrite();
        return undefined;
      },
      (failure) => {
        sink.errorIfNeeded(failure);
        this.unblockWrite();
      },
    );
  }
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(TransformCore.prototype, null);
