/** `node:stream/web`: the global classes. */
import { CompressionStream, DecompressionStream } from "../../compression.js";
import { TextDecoderStream, TextEncoderStream } from "../../encoding.js";
import * as streams from "../../streams/index.js";

export {
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, TransformStream,
  TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
} from "../../streams/index.js";
export { CompressionStream, DecompressionStream, TextDecoderStream, TextEncoderStream };
export default { ...streams, CompressionStream, DecompressionStream, TextDecoderStream, TextEncoderStream };
