/** `stream.addAbortSignal`. */
import { AbortError, invalidArgType } from "../errors.js";
import { validateAbortSignal } from "../validators.js";
import { finished } from "./end_of_stream.js";
import { isNodeStream, isWebStream } from "./state.js";

/** Destroys the stream when the signal aborts. */
export function addAbortSignalTo(signal, stream) {
  const abort = () => stream.destroy(new AbortError(undefined, { cause: signal.reason }));
  if (signal.aborted) {
    abort();
    return stream;
  }
  signal.addEventListener("abort", abort, { once: true });
  // A stream whose constructor is still running has no listeners to be waited on with yet.
  queueMicrotask(() => finished(stream, () => signal.removeEventListener("abort", abort)));
  return stream;
}

export function addAbortSignal(signal, stream) {
  if (signal === undefined) throw invalidArgType("signal", "AbortSignal", signal);
  validateAbortSignal(signal, "signal");
  if (isWebStream(stream) || !isNodeStream(stream)) {
    throw invalidArgType("stream", ["ReadableStream", "WritableStream", "Stream"], stream);
  }
  return addAbortSignalTo(signal, stream);
}
