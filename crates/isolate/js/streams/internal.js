/**
 * What the rest of the Workers API needs of streams, without going through the classes users can see and change.
 */

import { get, run } from "../async_context.js";
import { bytesOf } from "./buffers.js";
import { pipe } from "./pipe.js";
import { deferred, markHandled, rejectedWith } from "./promises.js";
import { ByteControllerCore } from "./readable_byte.js";
import { DefaultControllerCore, ReadableCore, ReaderCore } from "./readable_core.js";
import { ReadableStream, readableCoreOf } from "./readable.js";
import { tee } from "./tee.js";
import { TransformCore } from "./transform_core.js";
import { WritableStream, writableCoreOf } from "./writable.js";
import { WritableControllerCore, WritableCore } from "./writable_core.js";

export const isReadableStream = (value) => readableCoreOf(value) !== undefined;
export const isWritableStream = (value) => writableCoreOf(value) !== undefined;

/** @param {ReadableStream} stream */
export const isLocked = (stream) => readableCoreOf(stream).locked;

/** Whether anything was ever read from the stream, or it was cancelled. @param {ReadableStream} stream */
export const isDisturbed = (stream) => readableCoreOf(stream).disturbed;

/** @param {ReadableStream} stream */
export const isByteStream = (stream) => readableCoreOf(stream).isByteStream;

/** How many bytes the stream will give in all, where that is known. @param {ReadableStream} stream */
export function expectedLengthOf(stream) {
  const core = readableCoreOf(stream);
  const length = core.unopened?.length;
  if (length !== undefined) return length ?? undefined;
  core.open();
  return core.expectedLength;
}

/**
 * A byte stream that is made of `contents` when somebody looks into it. Their length is null when nobody knows it, and
 * undefined when only an open stream does.
 * @param {{ length: number | null | undefined, open(core: ReadableCore): void }} contents
 */
export function unopenedStream(contents) {
  const core = new ReadableCore();
  core.unopened = contents;
  return new ReadableStream(core);
}

/** What such a stream will be made of, as long as nobody has looked into it. @param {ReadableStream} stream */
export const unopenedContents = (stream) => readableCoreOf(stream).unopened;

/** The same of any value, but undefined as well for a stream that somebody has locked or read from. */
export function untouchedContents(value) {
  const core = readableCoreOf(value);
  return core === undefined || core.disturbed || core.locked ? undefined : core.unopened;
}

/** What keeps a stream from being taken over: "disturbed", "locked" or ""; undefined for what is no stream. */
export function obstacleOf(value) {
  const core = readableCoreOf(value);
  if (core === undefined) return undefined;
  if (core.disturbed) return "disturbed";
  return core.locked ? "locked" : "";
}

/** Takes what such a stream holds, as who reads it to its end would, and returns it. @param {ReadableStream} stream */
export function takeContents(stream) {
  const core = readableCoreOf(stream);
  const contents = core.unopened;
  core.spend();
  return contents;
}

/** Cancels a stream, locked or not. The result is handled: nobody has to listen. */
export function cancelStream(stream, reason) {
  const promise = readableCoreOf(stream).cancel(reason);
  markHandled(promise);
  return promise;
}

/**
 * Has a stream that has nothing yet give the bytes of a source of the runtime's own. `pull(controller)` and `cancel(reason)`
 * run in the context of who reads. The controller has `enqueueOwned(bytes)` (the bytes' buffer is the stream's from then
 * on), `close()`, `error(reason)` and `respondIfPending()` (to be called after `close()`).
 * @param {ReadableCore} core
 * @param {{ pull: (controller: ByteControllerCore) => any, cancel: (reason: any) => any }} source
 */
export function givePulled(core, { pull, cancel }) {
  const controller = new ByteControllerCore(core, 0, undefined);
  controller.started = true;
  controller.pull = () => pull(controller);
  controller.cancel = cancel;
}

/** A stream of any values; its controller has `enqueue`, `close` and `error`. */
export function createReadableStream({ pull, cancel }, { highWaterMark = 1 } = {}) {
  const core = new ReadableCore();
  const controller = new DefaultControllerCore(core, highWaterMark, undefined);
  const context = get();
  const inContext = (callback, argument) => (context === undefined ? callback(argument) : run(context, callback, argument));
  controller.setUp(
    pull === undefined ? undefined : () => inContext(pull, controller),
    cancel === undefined ? undefined : (reason) => inContext(cancel, reason),
    undefined,
  );
  return new ReadableStream(core);
}

/** A byte stream that holds `bytes` and is at its end after them. The bytes are not copied. @param {Uint8Array} bytes */
export function streamOfBytes(bytes) {
  const core = new ReadableCore();
  giveBytes(core, bytes);
  return new ReadableStream(core);
}

/** Has a stream that has nothing yet give `bytes` and be at its end. @param {ReadableCore} core @param {Uint8Array} bytes */
export function giveBytes(core, bytes) {
  core.expectedLength = bytes.byteLength;
  const controller = new ByteControllerCore(core, 0, undefined);
  controller.started = true;
  if (bytes.byteLength > 0) controller.push(bytes);
  controller.close();
}

/**
 * A writable stream of the runtime's own.
 * @param {{ write(chunk: any): any, close?(): any, abort?(reason: any): any }} sink
 */
export function createWritableStream({ write, close, abort }, { highWaterMark = 1 } = {}) {
  const core = new WritableCore();
  const controller = new WritableControllerCore(core, highWaterMark, undefined);
  controller.setUp(write, close, abort, undefined);
  return new WritableStream(core);
}

/**
 * A pair of streams around a transformer of the runtime's own, whose `transform(chunk, core)` and `flush(core)` give
 * chunks with `core.enqueue`.
 * @param {{ transform(chunk: any, core: TransformCore): any, flush?(core: TransformCore): any, cancel?(reason: any): any }} transformer
 * @returns {{ readable: ReadableStream, writable: WritableStream }}
 */
export function createTransform({ transform, flush, cancel }, { writableHighWaterMark = 1, readableHighWaterMark = 0 } = {}) {
  const core = new TransformCore(writableHighWaterMark, undefined, readableHighWaterMark, undefined);
  core.setUp(
    (chunk) => transform(chunk, core),
    flush === undefined ? undefined : () => flush(core),
    cancel,
    undefined,
  );
  return { readable: new ReadableStream(core.readable), writable: new WritableStream(core.writable) };
}

/**
 * Locks a stream and reads it with callbacks. Call `reader.read({ chunk(value), close(), error(reason) })`, which
 * answers at once when a chunk is queued; `reader.stream.cancel(reason)`; `reader.release()`.
 * @param {ReadableStream} stream
 */
export const acquireReader = (stream) => new ReaderCore(readableCoreOf(stream), false);

/**
 * Reads a stream of bytes to its end. Strings and other chunks are refused, as bodies refuse them.
 * @param {ReadableStream} stream not locked
 * @returns {Promise<Uint8Array>} bytes nobody else holds
 */
export function readAllBytes(stream) {
  const core = readableCoreOf(stream);
  if (core.locked) return rejectedWith(new TypeError("This ReadableStream is currently locked to a reader."));
  const reader = new ReaderCore(core, false);
  const result = deferred();
  const parts = [];
  let length = 0;
  let looping = false;
  let arrived = false;
  const request = {
    chunk(value) {
      const bytes = bytesOf(value);
      if (bytes === undefined) {
        const error = new TypeError("This ReadableStream did not return bytes.");
        result.reject(error);
        markHandled(core.cancel(error));
        return;
      }
      parts.push(bytes);
      length += bytes.byteLength;
      arrived = true;
      if (!looping) loop();
    },
    close: () => result.resolve(concatenate(parts, length)),
    error: (reason) => result.reject(reason),
  };
  // Chunks that are there already are taken in a loop, not by calls within calls.
  const loop = () => {
    looping = true;
    do {
      arrived = false;
      reader.read(request);
    } while (arrived);
    looping = false;
  };
  loop();
  return result.promise;
}

/** @param {Uint8Array[]} parts */
function concatenate(parts, length) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

/**
 * Two branches for `Request.clone()` and `Response.clone()`.
 * @param {ReadableStream} stream not locked
 * @param {(chunk: any) => any} clone how the second branch gets a chunk that is not bytes
 */
export function teeForClone(stream, clone = cloneChunk) {
  return tee(readableCoreOf(stream), clone).map((core) => new ReadableStream(core));
}

/** Bytes are copied; other values cannot be in a body anyway. */
function cloneChunk(chunk) {
  const bytes = bytesOf(chunk);
  return bytes === undefined ? chunk : bytes.slice();
}

/** `readable.pipeTo(writable, options)` for streams that are not locked. */
export function pipeStream(readable, writable, options = {}) {
  return pipe(readableCoreOf(readable), writableCoreOf(writable), options);
}
