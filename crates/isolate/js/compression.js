/** CompressionStream and DecompressionStream. https://compression.spec.whatwg.org/ */

import * as native from "atoll:native/zlib";
import { encodeUtf8 } from "./encoding.js";
import { bytesOf, isSharedArrayBuffer } from "./streams/buffers.js";
import { createTransform } from "./streams/internal.js";
import { thenOf } from "./streams/promises.js";
import { StreamPair, TransformStream } from "./streams/transform.js";
import { defineInterface, toDOMString } from "./webidl.js";

const FORMATS = new Set(["gzip", "deflate", "deflate-raw"]);
const WINDOW_BITS = 15;
const NO_FLUSH = 0;
const FINISH = 4;
const NONE = new Uint8Array(0);
/** What a body is worth while somebody waits for it. */
const BROTLI_QUALITY = 5;
const BROTLI_WINDOW_BITS = 22;
const BROTLI_FINISH = 2;

/** As `MAX_STEP` of the native: an output of this size may not be all. */
const FULL_STEP = 64 * 1024;

const NOT_BYTES =
  "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.";

function toFormat(given, format, name) {
  if (given === 0) {
    throw new TypeError(`Failed to construct '${name}': constructor parameter 1 is not of type 'string'.`);
  }
  const text = toDOMString(format);
  if (!FORMATS.has(text)) {
    throw new TypeError("The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.");
  }
  return text;
}

function toBytes(chunk) {
  const bytes = typeof chunk === "string" ? encodeUtf8(chunk) : bytesOf(chunk);
  if (bytes === undefined || isSharedArrayBuffer(bytes.buffer)) throw new TypeError(NOT_BYTES);
  return bytes;
}

/**
 * Runs `step(start)`, which gives `[output, consumed, ended]`, until it has nothing left to give. Between steps it
 * waits for a reader, so that a small input that inflates to a great deal never lies in memory all at once.
 * @returns {Promise<void> | undefined}
 */
function drain(core, length, step) {
  let start = 0;
  const run = () => {
    while (core.source.canCloseOrEnqueue) {
      const [output, consumed, ended] = step(start);
      start += consumed;
      if (output.byteLength > 0) core.enqueue(output);
      const idle = consumed === 0 && output.byteLength === 0;
      if (ended || idle || (start >= length && output.byteLength < FULL_STEP)) return undefined;
      if (core.backpressure) return thenOf(core.backpressureChanged, run);
    }
    return undefined;
  };
  return run();
}

function compressionPair(format) {
  const deflate = native.newDeflate(format, -1, WINDOW_BITS);
  return createTransform({
    transform(chunk, core) {
      const bytes = toBytes(chunk);
      if (bytes.byteLength === 0) return undefined;
      return drain(core, bytes.byteLength, (start) => native.deflateStep(deflate, bytes, start, NO_FLUSH));
    },
    flush: (core) => drain(core, 0, () => native.deflateStep(deflate, NONE, 0, FINISH)),
  });
}

function decompressionPair(format) {
  const inflate = native.newInflate(format, WINDOW_BITS);
  let ended = false;
  let trailing = false;
  const step = (bytes, start) => {
    let result;
    try {
      result = native.inflateStep(inflate, bytes, start);
    } catch {
      throw new TypeError("Decompression failed.");
    }
    ended = result[2];
    if (ended && start + result[1] < bytes.byteLength) trailing = true;
    return result;
  };
  const checkTrailing = () => {
    if (trailing) throw new TypeError("Trailing bytes after end of compressed data");
  };
  return createTransform({
    transform(chunk, core) {
      const bytes = toBytes(chunk);
      if (bytes.byteLength === 0) return undefined;
      if (ended) trailing = true;
      checkTrailing();
      const drained = drain(core, bytes.byteLength, (start) => step(bytes, start));
      if (drained !== undefined) return thenOf(drained, checkTrailing);
      checkTrailing();
      return undefined;
    },
    flush() {
      if (!ended) throw new TypeError("Called close() on a decompression stream with incomplete data");
    },
  });
}

function brotliPair() {
  const brotli = native.newBrotli(BROTLI_QUALITY, BROTLI_WINDOW_BITS, 0, 0);
  return createTransform({
    transform(chunk, core) {
      const bytes = toBytes(chunk);
      if (bytes.byteLength === 0) return undefined;
      return drain(core, bytes.byteLength, (start) => native.brotliStep(brotli, bytes, start, NO_FLUSH));
    },
    flush: (core) => drain(core, 0, () => native.brotliStep(brotli, NONE, 0, BROTLI_FINISH)),
  });
}

function unbrotliPair() {
  const decoder = native.newUnbrotli();
  let ended = false;
  return createTransform({
    transform(chunk, core) {
      const bytes = toBytes(chunk);
      if (bytes.byteLength === 0) return undefined;
      return drain(core, bytes.byteLength, (start) => {
        if (ended) throw new TypeError("Trailing bytes after end of compressed data");
        let result;
        try {
          result = native.unbrotliStep(decoder, bytes, start);
        } catch {
          throw new TypeError("Decompression failed.");
        }
        ended = result[2];
        return result;
      });
    },
    flush() {
      if (!ended) throw new TypeError("Called close() on a decompression stream with incomplete data");
    },
  });
}

const CODINGS = {
  gzip: [() => compressionPair("gzip"), () => decompressionPair("gzip")],
  br: [brotliPair, unbrotliPair],
};

/** The content coding that a `content-encoding` header names: one that a body can be given here. */
export function codingOf(header) {
  const name = header?.trim().toLowerCase();
  return name !== undefined && Object.hasOwn(CODINGS, name) ? name : undefined;
}

/** A transform that gives a body its coding. */
export const encoder = (coding) => new TransformStream(new StreamPair(CODINGS[coding][0]()));

/** A transform that takes it off. */
export const decoder = (coding) => new TransformStream(new StreamPair(CODINGS[coding][1]()));

export class CompressionStream extends TransformStream {
  constructor(format) {
    super(new StreamPair(compressionPair(toFormat(arguments.length, format, "CompressionStream"))));
  }
}
defineInterface(CompressionStream);

export class DecompressionStream extends TransformStream {
  constructor(format) {
    super(new StreamPair(decompressionPair(toFormat(arguments.length, format, "DecompressionStream"))));
  }
}
defineInterface(DecompressionStream);
