/** TransformStream and its controller. https://streams.spec.whatwg.org/#ts-class */

import { defineInterface, illegal, illegalConstructor } from "../webidl.js";
import { highWaterMarkOf, sizeAlgorithmOf, toCallback, toOptionalObject, toStrategy } from "./conversions.js";
import { deferred } from "./promises.js";
import { ReadableStream } from "./readable.js";
import { TransformCore } from "./transform_core.js";
import { WritableStream } from "./writable.js";

const EMPTY = Object.create(null);

/** What a subclass inside the runtime hands to TransformStream: two sides that are joined already. */
export class StreamPair {
  constructor({ readable, writable }) {
    this.readable = readable;
    this.writable = writable;
  }
}

export class TransformStream {
  #readable;
  #writable;

  constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
    if (transformer instanceof StreamPair) {
      this.#readable = transformer.readable;
      this.#writable = transformer.writable;
      return;
    }
    const object = toOptionalObject(transformer, "TransformStream", "Transformer") ?? EMPTY;
    const writableGiven = toStrategy(writableStrategy);
    const readableGiven = toStrategy(readableStrategy);
    const cancel = toCallback(object, "cancel", "Transformer");
    const flush = toCallback(object, "flush", "Transformer");
    const { readableType } = object;
    const start = toCallback(object, "start", "Transformer");
    const transform = toCallback(object, "transform", "Transformer");
    const { writableType } = object;
    if (readableType !== undefined) throw new RangeError("transformer.readableType must be undefined.");
    if (writableType !== undefined) throw new RangeError("transformer.writableType must be undefined.");
    const readableMark = highWaterMarkOf(readableGiven, 0);
    const readableSize = sizeAlgorithmOf(readableGiven);
    const writableMark = highWaterMarkOf(writableGiven, 1);
    const core = new TransformCore(writableMark, sizeAlgorithmOf(writableGiven), readableMark, readableSize);
    this.#readable = new ReadableStream(core.readable);
    this.#writable = new WritableStream(core.writable);
    const handle = new TransformStreamDefaultController(core);
    const started = deferred();
    core.setUp(
      transform === undefined ? undefined : (chunk) => transform(chunk, handle),
      flush === undefined ? undefined : () => flush(handle),
      cancel,
      started.promise,
    );
    started.resolve(start === undefined ? undefined : start(handle));
  }

  get readable() {
    if (this === undefined || !(#readable in this)) throw illegal();
    return this.#readable;
  }

  get writable() {
    if (this === undefined || !(#writable in this)) throw illegal();
    return this.#writable;
  }
}
defineInterface(TransformStream);

export class TransformStreamDefaultController {
  /** @type {TransformCore} */
  #core;

  constructor(core = undefined) {
    if (!(core instanceof TransformCore)) throw illegalConstructor();
    this.#core = core;
  }

  get desiredSize() {
    if (this === undefined || !(#core in this)) throw illegal();
    return this.#core.source.desiredSize;
  }

  enqueue(chunk = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.enqueue(chunk);
  }

  error(reason = undefined) {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.error(reason);
  }

  terminate() {
    if (this === undefined || !(#core in this)) throw illegal();
    this.#core.terminate();
  }
}
defineInterface(TransformStreamDefaultController);
