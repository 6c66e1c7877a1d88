/** WritableStream, its writer and its controller. https://streams.spec.whatwg.org/#ws-class */

import { defineInterface, illegal, illegalConstructor, requireArguments } from "../webidl.js";
import { highWaterMarkOf, sizeAlgorithmOf, toCallback, toOptionalObject, toStrategy } from "./conversions.js";
import { deferred, isObject, rejectedWith } from "./promises.js";
import { WRITABLE, WritableControllerCore, WritableCore, WriterCore } from "./writable_core.js";

/** The core of a WritableStream, undefined for anything else. @type {(value: any) => WritableCore | undefined} */
export let writableCoreOf;

const EMPTY = Object.create(null);
const LOCKED = "This WritableStream is currently locked to a writer.";
const RELEASED = "This WritableStream writer has been released.";
const CLOSED = "This WritableStream has been closed.";

export class WritableStream {
  /** @type {WritableCore} */
  #core;

  constructor(underlyingSink = undefined, strategy = undefined) {
    if (underlyingSink instanceof WritableCore) {
      this.#core = underlyingSink;
      return;
    }
    const sink = toOptionalObject(underlyingSink, "WritableStream", "UnderlyingSink");
    const given = toStrategy(strategy);
    this.#core = new WritableCore();
    startFromSink(this.#core, sink ?? EMPTY, given);
  }

  get locked() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.locked;
  }

  abort(reason = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    return core.locked ? rejectedWith(new TypeError(LOCKED)) : core.abort(reason);
  }

  close() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    if (core.locked) return rejectedWith(new TypeError(LOCKED));
    return core.closeQueuedOrInFlight ? rejectedWith(new TypeError(CLOSED)) : core.close();
  }

  getWriter() {
    if (this === undefined || !(#core in this)) throw illegal();
    return new WritableStreamDefaultWriter(new WriterCore(this.#core));
  }

  static {
    writableCoreOf = (value) => (typeof value === "object" && value !== null && #core in value ? value.#core : undefined);
  }
}
defineInterface(WritableStream);

export class WritableStreamDefaultWriter {
  /** @type {WriterCore} */
  #core;

  constructor(stream) {
    if (stream instanceof WriterCore) {
      this.#core = stream;
      return;
    }
    requireArguments(arguments.length, 1, "constructor of 'WritableStreamDefaultWriter'", "WritableStream");
    const core = writableCoreOf(stream);
    if (core === undefined) {
      throw new TypeError("Failed to construct 'WritableStreamDefaultWriter': constructor parameter 1 is not of type 'WritableStream'.");
    }
    this.#core = new WriterCore(core);
  }

  get closed() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    return this.#core.closedPromise;
  }

  get desiredSize() {
    if (this === undefined || !(#core in this)) throw illegal();
    if (this.#core.stream === undefined) throw new TypeError(RELEASED);
    return this.#core.desiredSize;
  }

  get ready() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    return this.#core.readyPromise;
  }

  abort(reason = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    return stream === undefined ? rejectedWith(new TypeError(RELEASED)) : stream.abort(reason);
  }

  close() {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const { stream } = this.#core;
    if (stream === undefined) return rejectedWith(new TypeError(RELEASED));
    return stream.closeQueuedOrInFlight ? rejectedWith(new TypeError(CLOSED)) : stream.close();
  }

  releaseLock() {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.release();
  }

  write(chunk = undefined) {
    if (!isObject(this) || !(#core in this)) return rejectedWith(illegal());
    const core = this.#core;
    if (core.stream === undefined) return rejectedWith(new TypeError(RELEASED));
    const request = deferred();
    core.write(chunk, request);
    return request.promise;
  }
}
defineInterface(WritableStreamDefaultWriter);

export class WritableStreamDefaultController {
  /** @type {WritableControllerCore} */
  #core;

  constructor(core = undefined) {
    if (!(core instanceof WritableControllerCore)) throw illegalConstructor();
    this.#core = core;
  }

  get signal() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.signalForUser();
  }

  error(reason = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    const core = this.#core;
    if (core.stream.state === WRITABLE) core.error(reason);
  }
}
defineInterface(WritableStreamDefaultController);

/** @param {WritableCore} core */
function startFromSink(core, sink, strategy) {
  const abort = toCallback(sink, "abort", "UnderlyingSink");
  const close = toCallback(sink, "close", "UnderlyingSink");
  const start = toCallback(sink, "start", "UnderlyingSink");
  const { type } = sink;
  const write = toCallback(sink, "write", "UnderlyingSink");
  if (type !== undefined) throw new RangeError("The type of an underlying sink must be undefined.");
  const size = sizeAlgorithmOf(strategy);
  const controller = new WritableControllerCore(core, highWaterMarkOf(strategy, 1), size);
  const handle = new WritableStreamDefaultController(controller);
  const started = start === undefined ? undefined : start(handle);
  controller.setUp(
    write === undefined ? undefined : (chunk) => write(chunk, handle),
    close === undefined ? undefined : () => close(),
    abort,
    started,
  );
}
