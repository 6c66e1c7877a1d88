/** ReadableStreamDefaultReader and ReadableStreamBYOBReader. https://streams.spec.whatwg.org/#default-reader-class */

import { defineInterface, illegal, requireArguments, toDictionary, toUnsignedLongLong } from "../webidl.js";
import { isSharedArrayBuffer } from "./buffers.js";
import { deferred, rejectedWith } from "./promises.js";
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

/** The reader's read as a promise; a chunk that is already queued takes the short way. @param {ReaderCore} core */
function read(core) {
  const request = new ReadRequest();
  core.read(request);
  return request.promise;
}

function streamToRead(given, stream, name) {
  requireArguments(given, 1, `'${name}'`);
  const core = readableCoreOf(stream);
  if (core === undefined) {
    throw new TypeError(`Failed to construct '${name}': parameter 1 is not of type 'ReadableStream'.`);
  }
  return core;
}

export class ReadableStreamDefaultReader {
  #core;

  constructor(stream) {
    this.#core = stream instanceof ReaderCore ? stream : new ReaderCore(streamToRead(arguments.length, stream, "ReadableStreamDefaultReader"), false);
  }

  get closed() {
    if (!(#core in this)) return rejectedWith(illegal());
    return this.#core.closedPromise;
  }

  cancel(reason = undefined) {
    if (!(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    return stream === undefined ? rejectedWith(new TypeError(RELEASED)) : stream.cancel(reason);
  }

  read() {
    if (!(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    return core.stream === undefined ? rejectedWith(new TypeError(RELEASED)) : read(core);
  }

  releaseLock() {
    if (!(#core in this)) throw illegal();
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
    if (!(#core in this)) return rejectedWith(illegal());
    return this.#core.closedPromise;
  }

  cancel(reason = undefined) {
    if (!(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    return stream === undefined ? rejectedWith(new TypeError(RELEASED)) : stream.cancel(reason);
  }

  read(view, options = undefined) {
    if (!(#core in this)) return rejectedWith(illegal());
    try {
      requireArguments(arguments.length, 1, "'read' on 'ReadableStreamBYOBReader'");
      checkView(view);
      const { min } = toDictionary(options, "ReadableStreamBYOBReaderReadOptions");
      const minimum = min === undefined ? 1 : toUnsignedLongLong(min, { enforceRange: true });
      return readInto(this.#core, view, minimum);
    } catch (error) {
      return rejectedWith(error);
    }
  }

  /** The Workers way to write `read(view, { min: minElements })`. */
  readAtLeast(minElements, view) {
    if (!(#core in this)) return rejectedWith(illegal());
    try {
      requireArguments(arguments.length, 2, "'readAtLeast' on 'ReadableStreamBYOBReader'");
      const minimum = toUnsignedLongLong(minElements);
      checkView(view);
      return readInto(this.#core, view, minimum);
    } catch (error) {
      return rejectedWith(error);
    }
  }

  releaseLock() {
    if (!(#core in this)) throw illegal();
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
function readInto(core, view, minimum) {
  if (view.buffer.detached) throw new TypeError("The view's buffer has been detached.");
  if (view.byteLength === 0) {
    throw new TypeError('You must call read() on a "byob" reader with a positive-sized TypedArray object.');
  }
  if (minimum === 0) throw new TypeError("The minimum of a read must be greater than 0.");
  if (minimum > (view.length ?? view.byteLength)) {
    throw new RangeError("The minimum of a read must not be greater than the view's length.");
  }
  if (core.stream === undefined) throw new TypeError(RELEASED);
  const request = new ReadRequest();
  core.readInto(view, minimum, request);
  return request.promise;
}

