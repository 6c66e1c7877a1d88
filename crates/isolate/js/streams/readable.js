/** ReadableStream. https://streams.spec.whatwg.org/#rs-class */

import { keep, keepShapes } from "../shapes.js";
import { defineInterface, illegal, requireArguments, toDictionary, toDOMString, toUnsignedLongLong } from "../webidl.js";
import { ReadableByteStreamController, ReadableStreamDefaultController } from "./controllers.js";
import { highWaterMarkOf, sizeAlgorithmOf, toCallback, toOptionalObject, toPipeOptions, toStrategy } from "./conversions.js";
import { readableFrom } from "./from.js";
import { iterate } from "./iterator.js";
import { pipe } from "./pipe.js";
import { isObject, markHandled, rejectedWith } from "./promises.js";
import { ByteControllerCore } from "./readable_byte.js";
import { DefaultControllerCore, ReadableCore, ReaderCore } from "./readable_core.js";
import { acquireByobReader, ReadableStreamBYOBReader, ReadableStreamDefaultReader, setReadableCoreOf } from "./readers.js";
import { tee } from "./tee.js";
import { writableCoreOf } from "./writable.js";

/** The core of a ReadableStream, undefined for anything else. @type {(value: any) => ReadableCore | undefined} */
export let readableCoreOf;

const EMPTY = Object.create(null);
const LOCKED = "This ReadableStream is currently locked to a reader.";

export class ReadableStream {
  /** @type {ReadableCore} */
  #core;

  constructor(underlyingSource = undefined, strategy = undefined) {
    if (underlyingSource instanceof ReadableCore) {
      this.#core = underlyingSource;
      return;
    }
    const source = toOptionalObject(underlyingSource, "ReadableStream", "UnderlyingSource");
    const given = toStrategy(strategy);
    this.#core = new ReadableCore();
    startFromSource(this.#core, source ?? EMPTY, given);
  }

  static from(asyncIterable) {
    requireArguments(arguments.length, 1, "'from' on 'ReadableStream'", "AsyncGenerator");
    return new ReadableStream(readableFrom(asyncIterable));
  }

  get locked() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.locked;
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    return core.locked ? rejectedWith(new TypeError(LOCKED)) : core.cancel(reason);
  }

  getReader(options = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    const mode = options === undefined ? undefined : toDictionary(options, "ReadableStreamGetReaderOptions").mode;
    if (mode === undefined) return new ReadableStreamDefaultReader(new ReaderCore(this.#core, false));
    if (toDOMString(mode) !== "byob") {
      throw new TypeError("mode must be undefined or 'byob' in call to getReader().");
    }
    return new ReadableStreamBYOBReader(acquireByobReader(this.#core));
  }

  pipeThrough(transform, options = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    requireArguments(arguments.length, 1, "'pipeThrough' on 'ReadableStream'", "Transform");
    const { readable } = toDictionary(transform, "Transform", "'pipeThrough' on 'ReadableStream'", 1);
    if (readableCoreOf(readable) === undefined) {
      throw new TypeError("Incorrect type for the 'readable' field on 'Transform': the provided value is not of type 'ReadableStream'.");
    }
    const sink = writableCoreOf(transform.writable);
    if (sink === undefined) {
      throw new TypeError("Incorrect type for the 'writable' field on 'Transform': the provided value is not of type 'WritableStream'.");
    }
    const pipeOptions = toPipeOptions(options);
    if (this.#core.locked) throw new TypeError(LOCKED);
    if (sink.locked) throw new TypeError("This WritableStream is currently locked to a writer.");
    markHandled(pipe(this.#core, sink, pipeOptions));
    return readable;
  }

  pipeTo(destination, options = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    try {
      requireArguments(arguments.length, 1, "'pipeTo' on 'ReadableStream'", "WritableStream");
      const sink = writableCoreOf(destination);
      if (sink === undefined) {
        throw new TypeError("Failed to execute 'pipeTo' on 'ReadableStream': parameter 1 is not of type 'WritableStream'.");
      }
      const pipeOptions = toPipeOptions(options);
      if (this.#core.locked) throw new TypeError(LOCKED);
      if (sink.locked) throw new TypeError("This WritableStream is currently locked to a writer.");
      return pipe(this.#core, sink, pipeOptions);
    } catch (error) {
      return rejectedWith(error);
    }
  }

  tee() {
    if (this === undefined || !(#core in this)) throw illegal();
    return tee(this.#core, undefined).map((core) => new ReadableStream(core));
  }

  values(options = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    const preventCancel =
      options !== undefined && Boolean(toDictionary(options, "ReadableStreamIteratorOptions").preventCancel);
    return iterate(new ReaderCore(this.#core, false), preventCancel);
  }

  static {
    readableCoreOf = (value) => (typeof value === "object" && value !== null && #core in value ? value.#core : undefined);
  }
}
defineInterface(ReadableStream);
Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
  value: ReadableStream.prototype.values,
  writable: true,
  enumerable: false,
  configurable: true,
});

setReadableCoreOf(readableCoreOf);
{
  const example = new ReadableStream();
  const core = readableCoreOf(example);
  for (const part of [core, core.controller, core.controller.queue]) keepShapes(part);
  keep(example, example.getReader());
}

/** @param {ReadableCore} core */
function startFromSource(core, source, strategy) {
  const chunkSize = source.autoAllocateChunkSize;
  const autoAllocateChunkSize = chunkSize === undefined ? undefined : toUnsignedLongLong(chunkSize, { enforceRange: true });
  const cancel = toCallback(source, "cancel", "UnderlyingSource");
  const pull = toCallback(source, "pull", "UnderlyingSource");
  const start = toCallback(source, "start", "UnderlyingSource");
  const { type } = source;
  if (type !== undefined && toDOMString(type) !== "bytes") {
    throw new TypeError(`"${type}" is not a valid type of ReadableStream.`);
  }
  let controller;
  let handle;
  if (type === undefined) {
    const size = sizeAlgorithmOf(strategy);
    controller = new DefaultControllerCore(core, highWaterMarkOf(strategy, 1), size);
    handle = new ReadableStreamDefaultController(controller);
  } else {
    if (strategy.size !== undefined) {
      throw new RangeError("The strategy of a byte stream must not have a size function.");
    }
    if (autoAllocateChunkSize === 0) throw new TypeError("autoAllocateChunkSize must be greater than 0.");
    controller = new ByteControllerCore(core, highWaterMarkOf(strategy, 0), autoAllocateChunkSize);
    handle = new ReadableByteStreamController(controller);
  }
  const started = start === undefined ? undefined : start(handle);
  controller.setUp(pull === undefined ? undefined : () => pull(handle), cancel, started);
}
