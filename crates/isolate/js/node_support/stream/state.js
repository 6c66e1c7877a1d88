/** What the parts of `node:stream` share: states that can be asked of any stream, and the high water marks. */
import { invalidArgValue, NodeError, NodeTypeError } from "../errors.js";
import { validateInteger } from "../validators.js";

export const kIsDestroyed = Symbol.for("nodejs.stream.destroyed");
export const kIsDisturbed = Symbol.for("nodejs.stream.disturbed");
export const kIsErrored = Symbol.for("nodejs.stream.errored");
export const kIsReadable = Symbol.for("nodejs.stream.readable");
export const kIsWritable = Symbol.for("nodejs.stream.writable");

let byteMark = 64 * 1024;
let objectMark = 16;

export function getDefaultHighWaterMark(objectMode) {
  return objectMode ? objectMark : byteMark;
}

export function setDefaultHighWaterMark(objectMode, value) {
  validateInteger(value, "value", 0);
  if (objectMode) objectMark = value;
  else byteMark = value;
}

/** The mark out of constructor options; one side of a duplex stream has an option of its own. */
export function highWaterMarkOf(objectMode, options, duplexKey, isDuplex) {
  const value = options?.highWaterMark ?? (isDuplex ? options?.[duplexKey] : undefined);
  if (value === undefined || value === null) return getDefaultHighWaterMark(objectMode);
  if (!Number.isInteger(value) || value < 0) {
    throw invalidArgValue(isDuplex && options?.highWaterMark == null ? `options.${duplexKey}` : "options.highWaterMark", value);
  }
  return Math.floor(value);
}

export const isRequest = (stream) => Boolean(stream?.setHeader) && typeof stream.abort === "function";
export const isReadableNodeStream = (value) =>
  Boolean(value) && typeof value.pipe === "function" && typeof value.on === "function" &&
  (!value._writableState || value._readableState?.readable !== false) && (!value._writableState || Boolean(value._readableState));
export const isWritableNodeStream = (value) =>
  Boolean(value) && typeof value.write === "function" && typeof value.on === "function" &&
  (!value._readableState || value._writableState?.writable !== false);
export const isDuplexNodeStream = (value) =>
  Boolean(value) && typeof value.pipe === "function" && Boolean(value._readableState) && typeof value.on === "function" &&
  typeof value.write === "function";
export const isNodeStream = (value) =>
  Boolean(value) &&
  (Boolean(value._readableState) || Boolean(value._writableState) ||
    (typeof value.write === "function" && typeof value.on === "function") ||
    (typeof value.pipe === "function" && typeof value.on === "function"));
export const isReadableStream = (value) => typeof ReadableStream === "function" && value instanceof ReadableStream;
export const isWritableStream = (value) => typeof WritableStream === "function" && value instanceof WritableStream;
export const isTransformStream = (value) =>
  Boolean(value) && !isNodeStream(value) && typeof value.readable === "object" && typeof value.writable === "object";
export const isWebStream = (value) => isReadableStream(value) || isWritableStream(value) || isTransformStream(value);
export const isIterable = (value) =>
  value !== null && value !== undefined &&
  (typeof value[Symbol.asyncIterator] === "function" || typeof value[Symbol.iterator] === "function");

export function isDestroyed(stream) {
  if (!isNodeStream(stream)) return null;
  const state = stream._writableState ?? stream._readableState;
  return Boolean(stream.destroyed || stream[kIsDestroyed] || state?.destroyed);
}

export function isReadableEnded(stream) {
  if (!isReadableNodeStream(stream)) return null;
  if (stream.readableEnded === true) return true;
  const state = stream._readableState;
  if (!state || state.errored) return false;
  return typeof state.ended === "boolean" ? state.ended : null;
}

/** Whether "end" came, or with `strict` false, will come without more data. */
export function isReadableFinished(stream, strict) {
  if (!isReadableNodeStream(stream)) return null;
  const state = stream._readableState;
  if (state?.errored) return false;
  if (typeof state?.endEmitted !== "boolean") return null;
  return Boolean(state.endEmitted || (strict === false && state.ended === true && state.length === 0));
}

export function isWritableEnded(stream) {
  if (!isWritableNodeStream(stream)) return null;
  if (stream.writableEnded === true) return true;
  const state = stream._writableState;
  if (state?.errored) return false;
  return typeof state?.ended === "boolean" ? state.ended : null;
}

export function isWritableFinished(stream, strict) {
  if (!isWritableNodeStream(stream)) return null;
  if (stream.writableFinished === true) return true;
  const state = stream._writableState;
  if (state?.errored) return false;
  if (typeof state?.finished !== "boolean") return null;
  return Boolean(state.finished || (strict === false && state.ended === true && state.length === 0));
}

export function isReadable(stream) {
  if (stream?.[kIsReadable] !== undefined && stream[kIsReadable] !== null) return stream[kIsReadable];
  if (typeof stream?.readable !== "boolean") return null;
  if (isDestroyed(stream)) return false;
  return isReadableNodeStream(stream) && stream.readable && !isReadableFinished(stream);
}

export function isWritable(stream) {
  if (stream?.[kIsWritable] !== undefined && stream[kIsWritable] !== null) return stream[kIsWritable];
  if (typeof stream?.writable !== "boolean") return null;
  if (isDestroyed(stream)) return false;
  return isWritableNodeStream(stream) && stream.writable && !isWritableEnded(stream);
}

export function isErrored(stream) {
  return Boolean(
    stream && (stream[kIsErrored] ?? stream.readableErrored ?? stream.writableErrored ?? stream._readableState?.errored ?? stream._writableState?.errored),
  );
}

export function isDisturbed(stream) {
  return Boolean(stream && (stream[kIsDisturbed] ?? (stream.readableDidRead || stream.readableAborted)));
}

export function isClosed(stream) {
  if (!isNodeStream(stream)) return null;
  if (typeof stream.closed === "boolean") return stream.closed;
  const writable = stream._writableState;
  const readable = stream._readableState;
  if (typeof writable?.closed === "boolean" || typeof readable?.closed === "boolean") {
    return Boolean(writable?.closed || readable?.closed);
  }
  return null;
}

export function willEmitClose(stream) {
  if (!isNodeStream(stream)) return null;
  const state = stream._writableState ?? stream._readableState;
  return Boolean(state?.autoDestroy && state.emitClose && state.closed === false);
}

/** The errors that streams make, by Node's codes. */
export const streamErrors = {
  alreadyFinished: (method) =>
    new NodeError("ERR_STREAM_ALREADY_FINISHED", `Cannot call ${method} after a stream was finished`),
  cannotPipe: () => new NodeError("ERR_STREAM_CANNOT_PIPE", "Cannot pipe, not readable"),
  destroyed: (method) => new NodeError("ERR_STREAM_DESTROYED", `Cannot call ${method} after a stream was destroyed`),
  methodNotImplemented: (name) => new NodeError("ERR_METHOD_NOT_IMPLEMENTED", `The ${name} method is not implemented`),
  multipleCallback: () => new NodeError("ERR_MULTIPLE_CALLBACK", "Callback called multiple times"),
  nullValues: () => new NodeTypeError("ERR_STREAM_NULL_VALUES", "May not write null values to stream"),
  prematureClose: () => new NodeError("ERR_STREAM_PREMATURE_CLOSE", "Premature close"),
  pushAfterEnd: () => new NodeError("ERR_STREAM_PUSH_AFTER_EOF", "stream.push() after EOF"),
  unshiftAfterEnd: () => new NodeError("ERR_STREAM_UNSHIFT_AFTER_END_EVENT", "stream.unshift() after end event"),
  writeAfterEnd: () => new NodeError("ERR_STREAM_WRITE_AFTER_END", "write after end"),
};
