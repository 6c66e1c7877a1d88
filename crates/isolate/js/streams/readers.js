/** ReadableStreamDefaultReader and ReadableStreamBYOBReader. https://streams.spec.whatwg.org/#default-reader-class */

import { keepShapesOf } from "../shapes.js";
import { defineInterface, illegal, requireArguments, toDictionary, toUnsignedLongLong } from "../webidl.js";
import { isSharedArrayBuffer } from "./buffers.js";
import { deferred, isObject, rejectedWith } from "./promises.js";
import { ReaderCore } from "./readable_core.js";

const RELEASED = "This ReadableStream reader has been released.";

/** Gets the core of a ReadableStream; set by readable.js, which needs this module first. @type {(value: any) => any} */
let readableCoreOf;
export function setReadableCoreOf(getter) {
  readableCoreOf = getter;
}

/** Answers one `read()`: settles a promise with `{value, done}`. */
class ReadRequest {
  constructor() {
    const { promise, resolve, reject } = deferred();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }

  chunk(value) {
    this.resolve({ value, done: false });
  }

  close(value) {
    this.resolve({ value, done: true });
  }

  error(reason) {
    this.reject(reason);
  }
}

keepShapesOf(ReadRequest, ["promise", "resolve", "reject"]);

/** Answers one `readAtLeast()`. */
class ReadAtLeastRequest extends ReadRequest {
  /** Fewer elements than wanted are an answer too when there are no more. */
  get takesLess() {
    return true;
  }

  close(value) {
    this.resolve({ value, done: value === undefined || value.byteLength === 0 });
  }
}

/** The reader's read as a promise; a chunk that is already queued takes the short way. @param {ReaderCore} core */
function read(core) {
  const request = new ReadRequest();
  core.read(request);
  return request.promise;
}

function streamToRead(given, stream, name) {
  requireArguments(given, 1, `constructor of '${name}'`, "ReadableStream");
  const core = readableCoreOf(stream);
  if (core === undefined) {
    throw new TypeError(`Failed to construct '${name}': constructor parameter 1 is not of type 'ReadableStream'.`);
  }
  return core;
}

export class ReadableStreamDefaultReader {
  #core;

  constructor(stream) {
    this.#core = stream instanceof ReaderCore ? stream : new ReaderCore(streamToRead(arguments.length, stream, "ReadableStreamDefaultReader"), false);
  }

  get closed() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    return this.#core.closedPromise;
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    return stream === undefined ? rejectedWith(new TypeError(RELEASED)) : stream.cancel(reason);
  }

  read() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    return core.stream === undefined ? rejectedWith(new TypeError(RELEASED)) : read(core);
  }

  releaseLock() {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.release();
  }
}
defineInterface(ReadableStreamDefaultReader);

export class ReadableStreamBYOBReader {
  #core;

  constructor(stream) {
    if (stream instanceof ReaderCore) {
      this.#core = stream;
      return;
    }
    const core = streamToRead(arguments.length, stream, "ReadableStreamBYOBReader");
    this.#core = acquireByobReader(core);
  }

  get closed() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    return this.#core.closedPromise;
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    return stream === undefined ? rejectedWith(new TypeError(RELEASED)) : stream.cancel(reason);
  }

  read(view, options = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    try {
      requireArguments(arguments.length, 1, "'read' on 'ReadableStreamBYOBReader'", "ArrayBufferView");
      checkView(view);
      const { min } = toDictionary(options, "ReadableStreamBYOBReaderReadOptions");
      const minimum = min === undefined ? 1 : toUnsignedLongLong(min, { enforceRange: true });
      return readInto(this.#core, view, minimum, new ReadRequest());
    } catch (error) {
      return rejectedWith(error);
    }
  }

  /**
   * Workers' own: reads at least `minElements`, unless the stream ends before; what there was then comes first, and
   * the end with the next read.
   */
  readAtLeast(minElements, view) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    try {
      requireArguments(arguments.length, 2, "'readAtLeast' on 'ReadableStreamBYOBReader'", "integer, ArrayBufferView");
      const minimum = toUnsignedLongLong(minElements);
      checkView(view);
      return readInto(this.#core, view, minimum, new ReadAtLeastRequest());
    } catch (error) {
      return rejectedWith(error);
    }
  }

  releaseLock() {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.release();
  }
}
defineInterface(ReadableStreamBYOBReader);

/** @param {import("./readable_core.js").ReadableCore} core */
export function acquireByobReader(core) {
  if (core.locked) throw new TypeError("This ReadableStream is currently locked to a reader.");
  if (!core.isByteStream) {
    throw new TypeError("This ReadableStream does not support BYOB reads.");
  }
  return new ReaderCore(core, true);
}

function checkView(view) {
  if (!ArrayBuffer.isView(view) || isSharedArrayBuffer(view.buffer)) {
    throw new TypeError("Failed to execute 'read' on 'ReadableStreamBYOBReader': parameter 1 is not of type 'ArrayBufferView'.");
  }
}

/** @param {ReaderCore} core */
function readInto(core, view, minimum, request) {
  if (view.buffer.detached) throw new TypeError("The view's buffer has been detached.");
  if (view.byteLength === 0) {
    throw new TypeError('You must call read() on a "byob" reader with a positive-sized TypedArray object.');
  }
  if (minimum === 0) throw new TypeError("Requested invalid minimum number of bytes to read (0).");
  const size = view.length ?? view.byteLength;
  if (minimum > size) {
    throw new RangeError(`Minimum bytes to read (${minimum}) exceeds size of buffer (${size}).`);
  }
  if (core.stream === undefined) throw new TypeError(RELEASED);
  core.readInto(view, minimum, request);
  return request.promise;
}

