/** `stream.finished`: one callback for whichever way a stream ends. */
import { AsyncResource } from "../../node/async_hooks.js";
import { AbortError, invalidArgType } from "../errors.js";
import { validateAbortSignal, validateBoolean, validateFunction, validateObject } from "../validators.js";
import { nextTick } from "./destroy.js";
import {
  isClosed, isNodeStream, isReadable, isReadableFinished, isReadableNodeStream, isRequest, isWebStream, isWritable,
  isWritableFinished, isWritableNodeStream, streamErrors, willEmitClose,
} from "./state.js";

/** Whether a web stream is still open is not public; a reader's or writer's `closed` tells when it ends. */
function finishedWeb(stream, options, callback) {
  let stopped = false;
  const done = AsyncResource.bind((error) => {
    if (stopped) return;
    stopped = true;
    callback.call(stream, error);
  });
  const { signal } = options;
  if (signal?.aborted) nextTick(() => done(new AbortError(undefined, { cause: signal.reason })));
  else signal?.addEventListener("abort", () => done(new AbortError(undefined, { cause: signal.reason })), { once: true });
  const handle = (lockable, open) => {
    if (lockable.locked) return;
    const holder = open(lockable);
    holder.closed.then(() => done(), (error) => nextTick(done, error));
    holder.releaseLock();
  };
  const { readable = stream, writable } = stream;
  if (typeof readable.getReader === "function") handle(readable, (each) => each.getReader());
  else if (typeof (writable ?? stream).getWriter === "function") handle(writable ?? stream, (each) => each.getWriter());
  return () => {
    stopped = true;
  };
}

/**
 * @param {object} stream
 * @param {{readable?: boolean, writable?: boolean, error?: boolean, cleanup?: boolean, signal?: AbortSignal}} options
 * @param {(error?: Error) => void} callback
 * @returns {() => void} stops waiting
 */
export function finished(stream, options, callback) {
  if (arguments.length === 2) {
    callback = options;
    options = {};
  } else if (options === undefined || options === null) {
    options = {};
  } else {
    validateObject(options, "options");
  }
  validateFunction(callback, "callback");
  validateAbortSignal(options.signal, "options.signal");
  if (isWebStream(stream)) return finishedWeb(stream, options, callback);
  if (!isNodeStream(stream)) throw invalidArgType("stream", ["ReadableStream", "WritableStream", "Stream"], stream);

  let pending = true;
  const bound = AsyncResource.bind(callback);
  const report = (error) => {
    if (!pending) return;
    pending = false;
    if (error) bound.call(stream, error);
    else bound.call(stream);
  };
  const waitsForRead = options.readable ?? isReadableNodeStream(stream);
  const waitsForWrite = options.writable ?? isWritableNodeStream(stream);
  const writableState = stream._writableState;
  const readableState = stream._readableState;

  const willClose =
    willEmitClose(stream) && isReadableNodeStream(stream) === waitsForRead && isWritableNodeStream(stream) === waitsForWrite;
  let writableDone = isWritableFinished(stream, false);
  let readableDone = isReadableFinished(stream, false);

  const onFinish = () => {
    writableDone = true;
    if (willClose && (!stream.readable || waitsForRead)) return;
    if (!waitsForRead || readableDone) report();
  };
  const onEnd = () => {
    readableDone = true;
    if (willClose && (!stream.writable || waitsForWrite)) return;
    if (!waitsForWrite || writableDone) report();
  };
  const onError = (error) => report(error);
  const onClose = () => {
    const errored = writableState?.errored ?? readableState?.errored;
    if (errored && typeof errored !== "boolean") return report(errored);
    if (waitsForRead && !readableDone && isReadableNodeStream(stream) && !isReadableFinished(stream, false)) {
      return report(streamErrors.prematureClose());
    }
    if (waitsForWrite && !writableDone && !isWritableFinished(stream, false)) {
      return report(streamErrors.prematureClose());
    }
    return report();
  };
  // For a stream that was already over: its history is not judged again.
  const onAlreadyClosed = () => {
    const errored = writableState?.errored ?? readableState?.errored;
    report(errored && typeof errored !== "boolean" ? errored : undefined);
  };
  const onRequest = () => stream.req.on("finish", onFinish);
  const onLegacyFinish = () => {
    if (!stream.writable) onFinish();
  };

  const listeners = [["end", onEnd], ["finish", onFinish], ["close", onClose]];
  if (options.error !== false) listeners.push(["error", onError]);
  if (isRequest(stream)) {
    listeners.push(["complete", onFinish], ["abort", onClose]);
    if (stream.req) onRequest();
    else listeners.push(["request", onRequest]);
  } else if (waitsForWrite && !writableState) {
    listeners.push(["end", onLegacyFinish], ["close", onLegacyFinish]);
  }
  for (const [name, listener] of listeners) stream.on(name, listener);

  const closed = isClosed(stream);
  if (closed) {
    nextTick(onClose);
  } else if (writableState?.errorEmitted || readableState?.errorEmitted) {
    if (!willClose) nextTick(onAlreadyClosed);
  } else if (!waitsForRead && (!willClose || isReadable(stream)) && (writableDone || isWritable(stream) === false)) {
    nextTick(onAlreadyClosed);
  } else if (!waitsForWrite && (!willClose || isWritable(stream)) && (readableDone || isReadable(stream) === false)) {
    nextTick(onAlreadyClosed);
  }

  const cleanup = () => {
    pending = false;
    for (const [name, listener] of listeners) stream.removeListener(name, listener);
  };
  const { signal } = options;
  if (signal && closed !== true) {
    const abort = () => {
      const wasPending = pending;
      cleanup();
      if (wasPending) bound.call(stream, new AbortError(undefined, { cause: signal.reason }));
    };
    if (signal.aborted) nextTick(abort);
    else signal.addEventListener("abort", abort, { once: true });
  }
  return cleanup;
}

/** The same as a promise. */
export function finishedPromise(stream, options) {
  const cleansUp = Boolean(options?.cleanup);
  if (options?.cleanup !== undefined) validateBoolean(options.cleanup, "cleanup");
  return new Promise((resolve, reject) => {
    const stop = finished(stream, options ?? {}, (error) => {
      if (cleansUp) stop();
      if (error) reject(error);
      else resolve();
    });
  });
}
