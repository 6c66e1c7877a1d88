/** ReadableStreamPipeTo. https://streams.spec.whatwg.org/#readable-stream-pipe-to */

import { addAbortAlgorithm, removeAbortAlgorithm } from "../abort.js";
import { deferred, enqueueJob, resolvedWith, thenOf } from "./promises.js";
import { CLOSED as SOURCE_CLOSED, ERRORED as SOURCE_ERRORED, READABLE, ReaderCore } from "./readable_core.js";
import { CLOSED, ERRORED, WRITABLE, WriterCore } from "./writable_core.js";

/**
 * @param {import("./readable_core.js").ReadableCore} source not locked
 * @param {import("./writable_core.js").WritableCore} sink not locked
 * @param {{preventClose?: boolean, preventAbort?: boolean, preventCancel?: boolean, signal?: AbortSignal}} options
 * @returns {Promise<undefined>}
 */
export function pipe(source, sink, options) {
  return new Pipe(source, sink, options).start();
}

/**
 * One pipe. It watches both ends instead of listening to their promises, writes without a promise for each chunk, and
 * reads for as long as chunks are there and the sink wants them.
 */
class Pipe {
  /** @param {import("./readable_core.js").ReadableCore} source @param {import("./writable_core.js").WritableCore} sink */
  constructor(source, sink, options) {
    this.source = source;
    this.sink = sink;
    this.options = options;
    this.reader = new ReaderCore(source, false);
    this.writer = new WriterCore(sink);
    source.disturbed = true;
    this.shuttingDown = false;
    this.reading = false;
    this.pumping = false;
    this.pendingWrites = 0;
    this.onWritesDone = undefined;
    this.finished = deferred();
    this.onAbort = undefined;
    const written = () => this.finishWrite();
    this.writeRequest = { resolve: written, reject: written };
  }

  start() {
    const { signal } = this.options;
    if (signal !== undefined) {
      this.onAbort = () => this.abort(signal.reason);
      if (signal.aborted) {
        this.onAbort();
        return this.finished.promise;
      }
      addAbortAlgorithm(signal, this.onAbort);
    }
    this.reader.watcher = this;
    this.writer.watcher = this;
    const { source, sink } = this;
    if (source.state === SOURCE_ERRORED) this.propagateSourceError(source.storedError);
    else if (sink.state === ERRORED) this.propagateSinkError(sink.storedError);
    else if (source.state === SOURCE_CLOSED) this.propagateClose();
    else if (sink.closeQueuedOrInFlight || sink.state === CLOSED) {
      const closed = new TypeError("This destination writable stream is closed.");
      this.propagateSinkError(closed);
    } else this.pump();
    return this.finished.promise;
  }

  // What the ends report, acted on a microtask later, as a promise's listener would be.

  sourceClosed() {
    enqueueJob(() => this.propagateClose());
  }

  sourceErrored(reason) {
    enqueueJob(() => this.propagateSourceError(reason));
  }

  sinkReady() {
    enqueueJob(() => this.pump());
  }

  sinkErroring() {}

  sinkClosed() {}

  sinkErrored(reason) {
    enqueueJob(() => this.propagateSinkError(reason));
  }

  // The loop.

  pump() {
    const { sink, source } = this;
    this.pumping = true;
    while (!this.shuttingDown && !this.reading && source.state === READABLE && sink.state === WRITABLE && !sink.backpressure) {
      this.reading = true;
      this.reader.read(this);
    }
    this.pumping = false;
  }

  chunk(value) {
    this.reading = false;
    this.pendingWrites += 1;
    if (this.pumping) {
      this.writer.write(value, this.writeRequest);
      return;
    }
    // The sink must not run inside the source's call of enqueue().
    enqueueJob(() => {
      if (this.writer.stream === undefined) return;
      this.writer.write(value, this.writeRequest);
      this.pump();
    });
  }

  close() {
    this.reading = false;
  }

  error() {
    this.reading = false;
  }

  finishWrite() {
    this.pendingWrites -= 1;
    if (this.pendingWrites === 0 && this.onWritesDone !== undefined) {
      const done = this.onWritesDone;
      this.onWritesDone = undefined;
      enqueueJob(done);
    }
  }

  // How it ends.

  propagateSourceError(reason) {
    const { sink } = this;
    this.shutDown(this.options.preventAbort ? undefined : () => sink.abort(reason), true, reason);
  }

  propagateSinkError(reason) {
    const { source } = this;
    this.shutDown(this.options.preventCancel ? undefined : () => source.cancel(reason), true, reason);
  }

  propagateClose() {
    const { writer } = this;
    this.shutDown(this.options.preventClose ? undefined : () => writer.closeWithErrorPropagation(), false, undefined);
  }

  abort(reason) {
    const { source, sink } = this;
    const { preventAbort, preventCancel } = this.options;
    this.shutDown(
      () => {
        const actions = [];
        if (!preventAbort && sink.state === WRITABLE) actions.push(sink.abort(reason));
        if (!preventCancel && source.state === READABLE) actions.push(source.cancel(reason));
        return actions.length === 0 ? resolvedWith(undefined) : Promise.all(actions);
      },
      true,
      reason,
    );
  }

  /** Shuts down once; what has been read is written first. */
  shutDown(action, isError, reason) {
    if (this.shuttingDown) return;
    this.shuttingDown = true;
    const finish = () => {
      if (action === undefined) {
        this.finalize(isError, reason);
        return;
      }
      thenOf(
        action(),
        () => this.finalize(isError, reason),
        (failure) => this.finalize(true, failure),
      );
    };
    const { sink } = this;
    if (sink.state === WRITABLE && !sink.closeQueuedOrInFlight && this.pendingWrites > 0) this.onWritesDone = finish;
    else if (sink.state === WRITABLE && !sink.closeQueuedOrInFlight) enqueueJob(finish);
    else finish();
  }

  finalize(isError, reason) {
    this.writer.release();
    this.reader.release();
    if (this.onAbort !== undefined) removeAbortAlgorithm(this.options.signal, this.onAbort);
    if (isError) this.finished.reject(reason);
    else this.finished.resolve();
  }
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(Pipe.prototype, null);
