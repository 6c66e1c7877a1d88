/** The Streams standard (https://streams.spec.whatwg.org/) with the additions of Workers. */

export { ReadableByteStreamController, ReadableStreamBYOBRequest, ReadableStreamDefaultController } from "./controllers.js";
export { FixedLengthStream, IdentityTransformStream } from "./identity.js";
export { ByteLengthQueuingStrategy, CountQueuingStrategy } from "./queuing.js";
export { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from "./readers.js";
export { ReadableStream } from "./readable.js";
export { TransformStream, TransformStreamDefaultController } from "./transform.js";
export { WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter } from "./writable.js";
