/** `node:stream`. The module is the legacy base class, with everything else on it. */
import "../node_support/stream/operators.js";
import "../node_support/stream/web.js";
import { addAbortSignal } from "../node_support/stream/abort_signal.js";
import { destroyer as destroy } from "../node_support/stream/destroy.js";
import { Duplex, duplexPair, PassThrough, Transform } from "../node_support/stream/duplex.js";
import { finished } from "../node_support/stream/end_of_stream.js";
import { Stream } from "../node_support/stream/legacy.js";
import { compose, pipeline } from "../node_support/stream/pipeline.js";
import { Readable } from "../node_support/stream/readable.js";
import {
  getDefaultHighWaterMark, isDestroyed, isDisturbed, isErrored, isReadable, isWritable, setDefaultHighWaterMark,
} from "../node_support/stream/state.js";
import { Writable } from "../node_support/stream/writable.js";
import { Buffer } from "./buffer.js";
import promises from "./stream/promises.js";

const customPromisify = Symbol.for("nodejs.util.promisify.custom");
Object.defineProperty(pipeline, customPromisify, { get: () => promises.pipeline, configurable: true });
Object.defineProperty(finished, customPromisify, { get: () => promises.finished, configurable: true });

export const _isArrayBufferView = ArrayBuffer.isView;
export const _isUint8Array = (value) => value instanceof Uint8Array;
export const _uint8ArrayToBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

Object.assign(Stream, {
  Duplex, PassThrough, Readable, Stream, Transform, Writable, _isArrayBufferView, _isUint8Array, _uint8ArrayToBuffer,
  addAbortSignal, compose, destroy, duplexPair, finished, getDefaultHighWaterMark, isDestroyed, isDisturbed, isErrored,
  isReadable, isWritable, pipeline, promises, setDefaultHighWaterMark,
});

export {
  Duplex, PassThrough, Readable, Stream, Transform, Writable, addAbortSignal, compose, destroy, duplexPair, finished,
  getDefaultHighWaterMark, isDestroyed, isDisturbed, isErrored, isReadable, isWritable, pipeline, promises,
  setDefaultHighWaterMark,
};
export default Stream;
