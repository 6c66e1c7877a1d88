/** `stream.pipeline` and `stream.compose`. */
import { AbortError, aggregateTwoErrors, invalidArgType, invalidArgValue, invalidReturnValue, missingArgs } from "../errors.js";
import { validateAbortSignal, validateFunction } from "../validators.js";
import { destroyer, nextTick } from "./destroy.js";
import { Duplex, duplexFrom, PassThrough } from "./duplex.js";
import { finished, finishedPromise } from "./end_of_stream.js";
import { Readable } from "./readable.js";
import {
  isIterable, isNodeStream, isReadable, isReadableFinished, isReadableNodeStream, isReadableStream, isTransformStream,
  isWebStream, isWritable, isWritableStream, streamErrors,
} from "./state.js";

function guard(stream, reading, writing) {
  let done = false;
  stream.on("close", () => {
    done = true;
  });
  const cleanup = finished(stream, { readable: reading, writable: writing }, (error) => {
    done = !error;
  });
  return {
    cleanup,
    destroy(error) {
      if (done) return;
      done = true;
      destroyer(stream, error || streamErrors.destroyed("pipe"));
    },
  };
}

const asIterable = (value) => {
  if (isIterable(value)) return value;
  if (isReadableNodeStream(value)) return Readable.prototype[Symbol.asyncIterator].call(value);
  throw invalidArgType("val", ["Readable", "Iterable", "AsyncIterable"], value);
};

async function pumpToNode(iterable, writable, finish, { end }) {
  let error;
  let onResolve = null;
  const resume = (failure) => {
    if (failure) error = failure;
    const callback = onResolve;
    onResolve = null;
    callback?.();
  };
  const wait = () =>
    new Promise((resolve, reject) => {
      if (error) reject(error);
      else onResolve = () => (error ? reject(error) : resolve());
    });
  writable.on("drain", resume);
  const cleanup = finished(writable, { readable: false }, resume);
  try {
    if (writable.writableNeedDrain) await wait();
    for await (const chunk of iterable) if (!writable.write(chunk)) await wait();
    if (end) {
      writable.end();
      await wait();
    }
    finish();
  } catch (failure) {
    finish(error !== failure ? aggregateTwoErrors(error, failure) : failure);
  } finally {
    cleanup();
    writable.off("drain", resume);
  }
}

async function pumpToWeb(iterable, stream, finish, { end }) {
  const target = isTransformStream(stream) ? stream.writable : stream;
  const writer = target.getWriter();
  try {
    for await (const chunk of iterable) {
      await writer.ready;
      writer.write(chunk).catch(() => {});
    }
    await writer.ready;
    if (end) await writer.close();
    finish();
  } catch (error) {
    try {
      await writer.abort(error);
      finish(error);
    } catch (failure) {
      finish(failure);
    }
  }
}

/** Pipes streams, iterables and functions into one another, and destroys all of them when one fails. */
export function pipeline(...streams) {
  const callback = streams.pop();
  validateFunction(callback, "streams[stream.length - 1]");
  let called = false;
  return runPipeline(streams, (...args) => {
    if (called) return;
    called = true;
    callback(...args);
  });
}

export function runPipeline(streams, callback, options) {
  if (streams.length === 1 && Array.isArray(streams[0])) [streams] = streams;
  if (streams.length < 2) throw missingArgs("streams");
  const abort = new AbortController();
  const { signal } = abort;
  const outer = options?.signal;
  const lastCleanups = [];
  const destroys = [];
  let error;
  let value;
  let pending = 0;
  validateAbortSignal(outer, "options.signal");

  const onAbort = () => finishWith(new AbortError(undefined, { cause: outer?.reason }));
  if (outer?.aborted) nextTick(onAbort);
  else outer?.addEventListener("abort", onAbort, { once: true });

  const finish = (failure) => finishOne(failure, --pending === 0);
  const finishWith = (failure) => finishOne(failure, true);
  function finishOne(failure, last) {
    if (failure && (!error || error.code === "ERR_STREAM_PREMATURE_CLOSE")) error = failure;
    if (!error && !last) return;
    for (const destroyIt of destroys.splice(0)) destroyIt(error);
    outer?.removeEventListener("abort", onAbort);
    abort.abort();
    if (!last && !error) return;
    if (!error) for (const cleanup of lastCleanups) cleanup();
    nextTick(callback, error, value);
  }

  let result;
  for (let index = 0; index < streams.length; index++) {
    const stream = streams[index];
    const reading = index < streams.length - 1;
    const writing = index > 0;
    const isLast = index === streams.length - 1;
    const end = reading || options?.end !== false;
    if (isNodeStream(stream)) {
      if (end) {
        const { destroy, cleanup } = guard(stream, reading, writing);
        destroys.push(destroy);
        if (isReadable(stream) && isLast) lastCleanups.push(cleanup);
      }
      const onError = (failure) => {
        if (failure && failure.name !== "AbortError" && failure.code !== "ERR_STREAM_PREMATURE_CLOSE") finishWith(failure);
      };
      stream.on("error", onError);
      if (isReadable(stream) && isLast) lastCleanups.push(() => stream.removeListener("error", onError));
    }
    if (index === 0) {
      if (typeof stream === "function") {
        result = stream({ signal });
        if (!isIterable(result)) throw invalidReturnValue("Iterable, AsyncIterable or Stream", "source", result);
      } else if (isIterable(stream) || isReadableNodeStream(stream) || isTransformStream(stream)) {
        result = stream;
      } else {
        result = Duplex.from(stream);
      }
    } else if (typeof stream === "function") {
      const input = isTransformStream(result) ? asIterable(result.readable) : asIterable(result);
      result = stream(input, { signal });
      if (reading) {
        if (!isIterable(result)) throw invalidReturnValue("AsyncIterable", `transform[${index - 1}]`, result);
      } else {
        // The caller gets a stream also when the last part is a function.
        const through = new PassThrough({ objectMode: true });
        if (typeof result?.then === "function") {
          pending++;
          result.then(
            (settled) => {
              value = settled;
              if (settled !== undefined && settled !== null) through.write(settled);
              if (end) through.end();
              nextTick(finish);
            },
            (failure) => {
              through.destroy(failure);
              nextTick(finish, failure);
            },
          );
        } else if (isIterable(result)) {
          pending++;
          pumpToNode(result, through, finish, { end });
        } else {
          throw invalidReturnValue("AsyncIterable or Promise", "destination", result);
        }
        result = through;
        const { destroy, cleanup } = guard(through, false, true);
        destroys.push(destroy);
        if (isLast) lastCleanups.push(cleanup);
      }
    } else if (isNodeStream(stream)) {
      if (isReadableNodeStream(result)) {
        pending += 2;
        const cleanup = pipeNode(result, stream, finish, finishWith, { end });
        if (isReadable(stream) && isLast) lastCleanups.push(cleanup);
      } else if (isTransformStream(result) || isReadableStream(result)) {
        pending++;
        pumpToNode(result.readable ?? result, stream, finish, { end });
      } else if (isIterable(result)) {
        pending++;
        pumpToNode(result, stream, finish, { end });
      } else {
        throw invalidArgType("val", ["Readable", "Iterable", "AsyncIterable", "ReadableStream", "TransformStream"], result);
      }
      result = stream;
    } else if (isWebStream(stream)) {
      pending++;
      pumpToWeb(isTransformStream(result) ? result.readable : asIterable(result), stream, finish, { end });
      result = stream;
    } else {
      result = Duplex.from(stream);
    }
  }
  if (signal.aborted || outer?.aborted) nextTick(onAbort);
  return result;
}

function pipeNode(source, destination, finish, finishWith, { end }) {
  let ended = false;
  destination.on("close", () => {
    if (!ended) finishWith(streamErrors.prematureClose());
  });
  source.pipe(destination, { end: false });
  const endDestination = () => {
    ended = true;
    destination.end();
  };
  if (!end) finish();
  else if (isReadableFinished(source)) nextTick(endDestination);
  else source.once("end", endDestination);
  finished(source, { readable: true, writable: false }, (error) => {
    const state = source._readableState;
    if (error?.code === "ERR_STREAM_PREMATURE_CLOSE" && state?.ended && !state.errored && !state.errorEmitted) {
      // All was read before the source closed: wait for its "end", or for what went wrong.
      source.once("end", finish).once("error", finish);
    } else {
      finish(error);
    }
  });
  return finished(destination, { readable: false, writable: true }, finish);
}

export function pipelinePromise(...streams) {
  return new Promise((resolve, reject) => {
    let options;
    const last = streams.at(-1);
    if (last && typeof last === "object" && !isNodeStream(last) && !isIterable(last) && !isWebStream(last)) options = streams.pop();
    runPipeline(
      streams,
      (error, value) => {
        if (error) reject(error);
        else resolve(value);
      },
      options,
    );
  });
}

/** One duplex stream out of several: writes go to the first, reads come from the last. */
export function compose(...streams) {
  if (streams.length === 0) throw missingArgs("streams");
  if (streams.length === 1) return duplexFrom(streams[0]);
  const given = [...streams];
  if (typeof streams[0] === "function") streams[0] = duplexFrom(streams[0]);
  if (typeof streams.at(-1) === "function") streams[streams.length - 1] = duplexFrom(streams.at(-1));
  for (const [index, stream] of streams.entries()) {
    if (!isNodeStream(stream) && !isWebStream(stream)) continue;
    if (index < streams.length - 1 && !(isReadable(stream) || isReadableStream(stream) || isTransformStream(stream))) {
      throw invalidArgValue(`streams[${index}]`, given[index], "must be readable");
    }
    if (index > 0 && !(isWritable(stream) || isWritableStream(stream) || isTransformStream(stream))) {
      throw invalidArgValue(`streams[${index}]`, given[index], "must be writable");
    }
  }
  const head = isNodeStream(streams[0]) ? streams[0] : duplexFrom(streams[0]);
  const tailGiven = streams.at(-1);
  const tail = isNodeStream(tailGiven) ? tailGiven : duplexFrom(tailGiven);
  let onClose;
  const composed = new Duplex({
    writableObjectMode: Boolean(head.writableObjectMode),
    readableObjectMode: Boolean(tail.readableObjectMode),
    writable: Boolean(isWritable(head)),
    readable: Boolean(isReadable(tail)),
  });
  runPipeline([head, ...streams.slice(1, -1), tail], (error) => {
    const callback = onClose;
    onClose = null;
    if (callback) callback(error);
    else if (error) composed.destroy(error);
  });
  if (isWritable(head)) {
    let onDrain;
    composed._write = (chunk, encoding, callback) => {
      if (head.write(chunk, encoding)) callback();
      else onDrain = callback;
    };
    composed._final = (callback) => {
      head.end();
      finishedPromise(tail, { readable: false }).then(() => callback(), () => callback());
    };
    head.on("drain", () => {
      const callback = onDrain;
      onDrain = null;
      callback?.();
    });
  }
  if (isReadable(tail)) {
    let waiting = false;
    composed._read = () => {
      for (;;) {
        const chunk = tail.read();
        if (chunk === null) {
          waiting = true;
          return;
        }
        if (!composed.push(chunk)) return;
      }
    };
    tail.on("readable", () => {
      if (!waiting) return;
      waiting = false;
      composed._read();
    });
    tail.on("end", () => composed.push(null));
  }
  composed._destroy = (error, callback) => {
    if (!error && onClose !== null && !tail.readableEnded) error = new AbortError();
    if (onClose === null || tail.destroyed) {
      callback(error);
      return;
    }
    onClose = callback;
    destroyer(tail, error);
    destroyer(head, error);
  };
  return composed;
}
