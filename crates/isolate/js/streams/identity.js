/**
 * IdentityTransformStream and FixedLengthStream: bytes written on one side come out of a byte stream on the other.
 * https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/
 *
 * A write is done when its bytes have been read: nothing is buffered in between.
 */

import { encode } from "atoll:native/text";
import { defineInterface, toDictionary } from "../webidl.js";
import { bytesOf } from "./buffers.js";
import { deferred } from "./promises.js";
import { ByteControllerCore } from "./readable_byte.js";
import { READABLE, ReadableCore } from "./readable_core.js";
import { ReadableStream } from "./readable.js";
import { StreamPair, TransformStream } from "./transform.js";
import { WritableStream } from "./writable.js";
import { WritableControllerCore, WritableCore } from "./writable_core.js";

const NOT_BYTES =
  "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.";

function toBytes(chunk) {
  return typeof chunk === "string" ? encode(chunk) : bytesOf(chunk);
}

function byteLengthOf(chunk) {
  return typeof chunk === "string" ? chunk.length : (bytesOf(chunk)?.byteLength ?? 0);
}

/** Tells when all that was given has been read. */
class IdentitySource extends ByteControllerCore {
  onDrained = undefined;

  handleQueueDrain() {
    super.handleQueueDrain();
    this.reportDrained();
  }

  pullInto(view, minimum, request) {
    super.pullInto(view, minimum, request);
    this.reportDrained();
  }

  reportDrained() {
    if (this.totalSize > 0 || this.onDrained === undefined) return;
    const { onDrained } = this;
    this.onDrained = undefined;
    onDrained();
  }
}

/** Both sides, joined so that a write waits for a reader. */
class IdentityCore {
  constructor(highWaterMark, expectedLength) {
    this.readable = new ReadableCore();
    this.readable.expectedLength = expectedLength;
    this.writable = new WritableCore();
    this.source = new IdentitySource(this.readable, 0, undefined);
    this.sink =
      highWaterMark === undefined
        ? new WritableControllerCore(this.writable, 1, undefined)
        : new WritableControllerCore(this.writable, highWaterMark, byteLengthOf);
    this.left = expectedLength;
    /** The write that waits for its bytes to be read. */
    this.waiting = undefined;
    /** The write whose bytes are being read. */
    this.given = undefined;
    this.pulled = undefined;
    this.sink.setUp(
      (chunk) => this.write(chunk),
      () => this.close(),
      (reason) => this.source.error(reason),
      undefined,
    );
    this.source.started = true;
    this.source.pull = () => this.pull();
    this.source.cancel = (reason) => this.cancel(reason);
  }

  write(chunk) {
    const given = toBytes(chunk);
    if (given === undefined) {
      const error = new TypeError(NOT_BYTES);
      this.source.error(error);
      throw error;
    }
    if (given.byteLength === 0) return undefined;
    if (this.left !== undefined) {
      if (given.byteLength > this.left) {
        const error = new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
        this.source.error(error);
        throw error;
      }
      this.left -= given.byteLength;
    }
    const bytes = typeof chunk === "string" ? given : new Uint8Array(given);
    this.waiting = { bytes, done: deferred() };
    const { promise } = this.waiting.done;
    if (this.pulled !== undefined) this.give();
    return promise;
  }

  close() {
    if (this.left !== undefined && this.left > 0) {
      const error = new TypeError("FixedLengthStream did not see all expected bytes before close().");
      this.source.error(error);
      throw error;
    }
    if (this.readable.state !== READABLE) return;
    this.source.close();
    this.source.respondIfPending();
    this.pulled?.resolve();
  }

  pull() {
    this.pulled = deferred();
    const { promise } = this.pulled;
    if (this.waiting !== undefined) this.give();
    return promise;
  }

  /** Hands the waiting write's bytes to the reader; the write is done once all of them are taken. */
  give() {
    const { pulled, waiting } = this;
    this.pulled = undefined;
    this.waiting = undefined;
    this.given = waiting.done;
    this.source.onDrained = waiting.done.resolve;
    this.source.enqueueOwned(waiting.bytes);
    pulled.resolve();
    this.source.reportDrained();
  }

  cancel(reason) {
    this.sink.errorIfNeeded(reason);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.done.reject(reason);
    this.given?.reject(reason);
  }
}

/** What the subclass hands its constructor. */
class Given {
  constructor(expectedLength, highWaterMark) {
    this.expectedLength = expectedLength;
    this.highWaterMark = highWaterMark;
  }
}

export class IdentityTransformStream extends TransformStream {
  constructor(queuingStrategy = undefined) {
    const given = queuingStrategy instanceof Given ? queuingStrategy : new Given(undefined, markOf(queuingStrategy));
    const core = new IdentityCore(given.highWaterMark, given.expectedLength);
    super(new StreamPair({ readable: new ReadableStream(core.readable), writable: new WritableStream(core.writable) }));
  }
}
defineInterface(IdentityTransformStream);

export class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength, queuingStrategy = undefined) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to construct 'FixedLengthStream': constructor parameter 1 is not of type 'bigint'.");
    }
    const length = toLength(expectedLength);
    const mark = markOf(queuingStrategy);
    super(new Given(length, mark === undefined ? undefined : Math.min(mark, length)));
  }
}
defineInterface(FixedLengthStream);

function toLength(value) {
  const length = Math.trunc(Number(value));
  if (Number.isNaN(length)) throw new TypeError("The value cannot be converted because it is not an integer.");
  if (length < 0) {
    throw new TypeError("The value cannot be converted because it is negative and this API expects a positive bigint.");
  }
  if (length > Number.MAX_SAFE_INTEGER) {
    throw new TypeError("FixedLengthStream requires an integer expected length less than 2^53.");
  }
  return length;
}

function markOf(strategy) {
  const { highWaterMark } = toDictionary(strategy, "QueuingStrategy", "constructor of 'IdentityTransformStream'", 1);
  return highWaterMark === undefined ? undefined : Number(highWaterMark);
}
