/** `node:zlib` over the same codecs as CompressionStream: at once, with a callback, and as streams. */
import {
  brotliStep, crc32 as checksum, deflateStep, inflateStep, newBrotli, newDeflate, newInflate, newUnbrotli, unbrotliStep,
} from "atoll:native/zlib";
import { invalidArgType, NodeError, NodeRangeError, outOfRange } from "../node_support/errors.js";
import { refusal } from "../node_support/unavailable.js";
import { validateFunction, validateUint32 } from "../node_support/validators.js";
import { codes, constants } from "../node_support/zlib_constants.js";
import { Buffer, kMaxLength } from "./buffer.js";
import { Transform } from "./stream.js";
import { nextTick } from "../node_support/stream/destroy.js";

const EMPTY = new Uint8Array(0);

/** The engine's words for broken data, as zlib's error numbers. */
function zlibError(message, code = "Z_DATA_ERROR") {
  const error = new Error(message);
  error.errno = constants[code];
  error.code = code;
  return error;
}

function toBytes(input, name = "buffer") {
  if (typeof input === "string") return Buffer.from(input);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  throw invalidArgType(name, ["string", "Buffer", "TypedArray", "DataView", "ArrayBuffer"], input);
}

function checkNumber(options, name, low, high, fallback) {
  const value = options?.[name];
  if (value === undefined || Number.isNaN(value)) return fallback;
  if (typeof value !== "number") throw invalidArgType(`options.${name}`, "number", value);
  if (!(value >= low && value <= high)) throw outOfRange(`options.${name}`, `>= ${low} and <= ${high}`, value);
  return value;
}

/** Checks what constructors and one-shot functions take alike. */
function readOptions(options, inflating) {
  if (options?.dictionary !== undefined) throw refusal("zlib", "dictionary", "preset dictionaries are not supported");
  checkNumber(options, "chunkSize", constants.Z_MIN_CHUNK, Infinity, constants.Z_DEFAULT_CHUNK);
  checkNumber(options, "memLevel", 1, 9, 8);
  checkNumber(options, "strategy", 0, 4, 0);
  const windowBits = checkNumber(options, "windowBits", inflating ? 0 : 8, 15, 15);
  return {
    level: checkNumber(options, "level", -1, 9, -1),
    // zlib itself takes 8 for 9, and 0 for what the stream's header says.
    windowBits: windowBits === 0 ? 15 : Math.max(windowBits, 9),
    flush: checkNumber(options, "flush", 0, 5, constants.Z_NO_FLUSH),
    finishFlush: checkNumber(options, "finishFlush", 0, 5, constants.Z_FINISH),
    maxOutputLength: checkNumber(options, "maxOutputLength", 1, kMaxLength, kMaxLength),
  };
}

class Deflater {
  #handle;

  constructor(format, settings) {
    this.#handle = newDeflate(format, settings.level, settings.windowBits);
  }

  /** Feeds bytes and hands out what they become. */
  run(input, flush, emit) {
    let start = 0;
    for (;;) {
      const [output, consumed, ended] = deflateStep(this.#handle, input, start, flush);
      start += consumed;
      if (output.length > 0) emit(output);
      if (ended || (output.length === 0 && start >= input.length)) return input.length;
      if (start >= input.length && flush !== constants.Z_FINISH && output.length < 65536) return input.length;
    }
  }
}

class Inflater {
  #handle;

  constructor(format, settings) {
    this.format = format;
    this.settings = settings;
    this.ended = false;
    this.started = false;
    if (format !== "unzip") this.open();
    else this.head = EMPTY;
  }

  open() {
    this.#handle = newInflate(this.format, this.settings.windowBits);
  }

  /** A stream of either wrapping tells by its first two bytes. */
  detect(input) {
    const head = new Uint8Array(this.head.length + input.length);
    head.set(this.head);
    head.set(input, this.head.length);
    if (head.length < 2) {
      this.head = head;
      return undefined;
    }
    this.format = head[0] === 0x1f && head[1] === 0x8b ? "gzip" : "deflate";
    this.open();
    return head;
  }

  run(input, flush, emit) {
    if (this.format === "unzip") {
      if (input.length === 0) return 0;
      input = this.detect(input);
      if (input === undefined) return 0;
    }
    let start = 0;
    while (true) {
      if (this.ended) {
        // Further members follow one another in a gzip file; anything else is left alone.
        if (this.format !== "gzip" || start >= input.length || input[start] !== 0x1f) return start;
        this.open();
        this.ended = false;
      }
      if (start < input.length) this.started = true;
      let step;
      try {
        step = inflateStep(this.#handle, input, start);
      } catch (error) {
        throw zlibError(error.message);
      }
      const [output, consumed, ended] = step;
      start += consumed;
      this.ended = ended;
      if (output.length > 0) emit(output);
      if (!ended && output.length === 0 && (start >= input.length || consumed === 0)) return start;
    }
  }

  finish(flush) {
    if (!this.ended && flush === constants.Z_FINISH) throw zlibError("unexpected end of file", "Z_BUF_ERROR");
  }
}

/** Checks what Brotli's constructors and one-shot functions take alike. */
function readBrotliOptions(options) {
  const params = options?.params ?? {};
  for (const [key, value] of Object.entries(params)) {
    const number = Number(key);
    if (!Number.isInteger(number) || number < 0 || number > constants.BROTLI_PARAM_NDIRECT) {
      throw new NodeRangeError("ERR_BROTLI_INVALID_PARAM", `${key} is not a valid Brotli parameter`);
    }
    if (typeof value !== "number" && typeof value !== "boolean") throw invalidArgType("options.params[key]", "number", value);
  }
  const param = (name, fallback) => Number(params[constants[name]] ?? fallback);
  checkNumber(options, "chunkSize", constants.Z_MIN_CHUNK, Infinity, constants.Z_DEFAULT_CHUNK);
  return {
    quality: param("BROTLI_PARAM_QUALITY", constants.BROTLI_DEFAULT_QUALITY),
    window: param("BROTLI_PARAM_LGWIN", constants.BROTLI_DEFAULT_WINDOW),
    mode: param("BROTLI_PARAM_MODE", constants.BROTLI_MODE_GENERIC),
    sizeHint: param("BROTLI_PARAM_SIZE_HINT", 0),
    flush: checkNumber(options, "flush", 0, 3, constants.BROTLI_OPERATION_PROCESS),
    finishFlush: checkNumber(options, "finishFlush", 0, 3, constants.BROTLI_OPERATION_FINISH),
    maxOutputLength: checkNumber(options, "maxOutputLength", 1, kMaxLength, kMaxLength),
  };
}

class BrotliEncoder {
  #handle;

  constructor(format, { quality, window, mode, sizeHint }) {
    this.#handle = newBrotli(quality, window, mode, sizeHint);
  }

  run(input, operation, emit) {
    let start = 0;
    for (;;) {
      const [output, consumed, ended] = brotliStep(this.#handle, input, start, operation);
      start += consumed;
      if (output.length > 0) emit(output);
      if (ended || (output.length === 0 && consumed === 0)) return input.length;
    }
  }
}

class BrotliDecoder {
  #handle = newUnbrotli();
  ended = false;
  started = false;

  run(input, operation, emit) {
    let start = 0;
    while (!this.ended) {
      if (start < input.length) this.started = true;
      let step;
      try {
        step = unbrotliStep(this.#handle, input, start);
      } catch (error) {
        throw brotliError(error.message);
      }
      const [output, consumed, ended] = step;
      start += consumed;
      this.ended = ended;
      if (output.length > 0) emit(output);
      if (output.length === 0 && consumed === 0) break;
    }
    return start;
  }

  finish(operation) {
    if (!this.ended && operation === constants.BROTLI_OPERATION_FINISH) {
      throw zlibError("unexpected end of file", "Z_BUF_ERROR");
    }
  }
}

/** As Node.js names what the decoder says. */
function brotliError(name) {
  const error = new Error("Decompression failed");
  error.errno = constants[name];
  error.code = `ERR_${name.slice("BROTLI_DECODER".length)}`;
  return error;
}

const FORMATS = {
  Deflate: [Deflater, "deflate"], DeflateRaw: [Deflater, "deflate-raw"], Gzip: [Deflater, "gzip"],
  Inflate: [Inflater, "deflate"], InflateRaw: [Inflater, "deflate-raw"], Gunzip: [Inflater, "gzip"], Unzip: [Inflater, "unzip"],
  BrotliCompress: [BrotliEncoder, "brotli"], BrotliDecompress: [BrotliDecoder, "brotli"],
};

/** The settings of a codec. */
function readSettings(Codec, options) {
  const isBrotli = Codec === BrotliEncoder || Codec === BrotliDecoder;
  return isBrotli ? readBrotliOptions(options) : readOptions(options, Codec === Inflater);
}

function tooLarge(limit) {
  const error = new RangeError(`Cannot create a Buffer larger than ${limit} bytes`);
  error.code = "ERR_BUFFER_TOO_LARGE";
  return error;
}

function convertAtOnce(name, input, options) {
  const [Codec, format] = FORMATS[name];
  const bytes = toBytes(input);
  const settings = readSettings(Codec, options);
  const codec = new Codec(format, settings);
  const chunks = [];
  let length = 0;
  codec.run(bytes, settings.finishFlush, (chunk) => {
    length += chunk.length;
    if (length > settings.maxOutputLength) throw tooLarge(settings.maxOutputLength);
    chunks.push(chunk);
  });
  codec.finish?.(settings.finishFlush);
  const buffer = Buffer.concat(chunks, length);
  return options?.info ? { buffer, engine: new made[name](options) } : buffer;
}

const kFlush = Symbol("flush");

/** The base of the stream classes. */
class ZlibStream extends Transform {
  #codec;
  #open;
  #settings;
  #fullFlush;
  #written = 0;

  constructor(name, options) {
    super({ autoDestroy: true, ...options });
    const [Codec, format] = FORMATS[name];
    this.#settings = readSettings(Codec, options);
    this.#fullFlush = Codec === BrotliEncoder ? constants.BROTLI_OPERATION_FLUSH : constants.Z_FULL_FLUSH;
    this.#open = () => new Codec(format, this.#settings);
    this.#codec = this.#open();
  }

  get bytesWritten() {
    return this.#written;
  }

  get bytesRead() {
    return this.#written;
  }

  #run(bytes, flush) {
    let emitted = 0;
    this.#codec.run(bytes, flush, (chunk) => {
      emitted += chunk.length;
      if (emitted > this.#settings.maxOutputLength) throw tooLarge(this.#settings.maxOutputLength);
      this.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    });
  }

  _transform(chunk, encoding, callback) {
    try {
      if (chunk[kFlush] !== undefined) {
        this.#run(EMPTY, chunk[kFlush]);
      } else {
        const bytes = toBytes(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk, "chunk");
        this.#written += bytes.length;
        this.#run(bytes, this.#settings.flush);
      }
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  _flush(callback) {
    try {
      this.#run(EMPTY, this.#settings.finishFlush);
      if (this.#written > 0 || this.#codec.started === false) this.#codec.finish?.(this.#settings.finishFlush);
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  /** Brings out what is pending, and calls back when it was. */
  flush(kind, callback) {
    if (typeof kind === "function") {
      callback = kind;
      kind = undefined;
    }
    kind ??= this.#fullFlush;
    if (this.writableFinished) {
      if (callback) nextTick(callback);
    } else if (this.writableEnded) {
      if (callback) this.once("end", callback);
    } else {
      const marker = Buffer.alloc(0);
      marker[kFlush] = kind;
      this.write(marker, "", callback);
    }
  }

  params(level, strategy, callback) {
    nextTick(callback, refusal("zlib", "params", "a stream keeps the level that it began with"));
  }

  reset() {
    if (this.destroyed) throw new NodeError("ERR_STREAM_DESTROYED", "Cannot call reset after a stream was destroyed");
    this.#codec = this.#open();
  }

  close(callback) {
    if (callback) {
      if (this.closed) nextTick(callback);
      else this.once("close", callback);
    }
    this.destroy();
  }
}

/** The class under a name; like Node's, it can be called without `new`. */
function streamClass(name) {
  function Class(options) {
    return Reflect.construct(ZlibStream, [name, options], new.target ?? Class);
  }
  Object.setPrototypeOf(Class, ZlibStream);
  Class.prototype = Object.create(ZlibStream.prototype, {
    constructor: { value: Class, writable: true, configurable: true },
  });
  Object.defineProperty(Class, "name", { value: name });
  return Class;
}

function withCallback(convert) {
  return (input, options, callback) => {
    if (typeof options === "function") {
      callback = options;
      options = {};
    }
    validateFunction(callback, "callback");
    toBytes(input);
    let result;
    let failure = null;
    try {
      result = convert(input, options);
    } catch (error) {
      // A wrong option is the caller's mistake, and thrown at once.
      if (error.code?.startsWith("ERR_") && error.code !== "ERR_BUFFER_TOO_LARGE") throw error;
      failure = error;
    }
    nextTick(() => (failure ? callback(failure) : callback(null, result)));
  };
}

const made = {};
for (const name of Object.keys(FORMATS)) {
  const Class = streamClass(name);
  const method = name[0].toLowerCase() + name.slice(1);
  const convert = (input, options) => convertAtOnce(name, input, options);
  made[name] = Class;
  made[`create${name}`] = (options) => new Class(options);
  made[`${method}Sync`] = convert;
  made[method] = withCallback(convert);
}
for (const name of ["ZstdCompress", "ZstdDecompress"]) {
  const method = name[0].toLowerCase() + name.slice(1);
  for (const each of [name, `create${name}`, method, `${method}Sync`]) {
    made[each] = function () {
      throw refusal("zlib", each, "there is no zstd here");
    };
    Object.defineProperty(made[each], "name", { value: each });
  }
}

/** The checksum of gzip over bytes or text, going on from an earlier sum. */
export function crc32(data, value = 0) {
  if (typeof data !== "string" && !ArrayBuffer.isView(data)) {
    throw invalidArgType("data", ["Buffer", "TypedArray", "DataView", "string"], data);
  }
  validateUint32(value, "value");
  return checksum(toBytes(data), value) >>> 0;
}

const module = { ...constants, ...made, codes, constants, crc32 };

export const {
  BROTLI_DECODE, BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES, BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MAP,
  BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES, BROTLI_DECODER_ERROR_ALLOC_RING_BUFFER_1,
  BROTLI_DECODER_ERROR_ALLOC_RING_BUFFER_2, BROTLI_DECODER_ERROR_ALLOC_TREE_GROUPS,
  BROTLI_DECODER_ERROR_DICTIONARY_NOT_SET, BROTLI_DECODER_ERROR_FORMAT_BLOCK_LENGTH_1,
  BROTLI_DECODER_ERROR_FORMAT_BLOCK_LENGTH_2, BROTLI_DECODER_ERROR_FORMAT_CL_SPACE,
  BROTLI_DECODER_ERROR_FORMAT_CONTEXT_MAP_REPEAT, BROTLI_DECODER_ERROR_FORMAT_DICTIONARY,
  BROTLI_DECODER_ERROR_FORMAT_DISTANCE, BROTLI_DECODER_ERROR_FORMAT_EXUBERANT_META_NIBBLE,
  BROTLI_DECODER_ERROR_FORMAT_EXUBERANT_NIBBLE, BROTLI_DECODER_ERROR_FORMAT_HUFFMAN_SPACE,
  BROTLI_DECODER_ERROR_FORMAT_PADDING_1, BROTLI_DECODER_ERROR_FORMAT_PADDING_2, BROTLI_DECODER_ERROR_FORMAT_RESERVED,
  BROTLI_DECODER_ERROR_FORMAT_SIMPLE_HUFFMAN_ALPHABET, BROTLI_DECODER_ERROR_FORMAT_SIMPLE_HUFFMAN_SAME,
  BROTLI_DECODER_ERROR_FORMAT_TRANSFORM, BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS,
  BROTLI_DECODER_ERROR_INVALID_ARGUMENTS, BROTLI_DECODER_ERROR_UNREACHABLE, BROTLI_DECODER_NEEDS_MORE_INPUT,
  BROTLI_DECODER_NEEDS_MORE_OUTPUT, BROTLI_DECODER_NO_ERROR, BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION,
  BROTLI_DECODER_PARAM_LARGE_WINDOW, BROTLI_DECODER_RESULT_ERROR, BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT,
  BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT, BROTLI_DECODER_RESULT_SUCCESS, BROTLI_DECODER_SUCCESS,
  BROTLI_DEFAULT_MODE, BROTLI_DEFAULT_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_ENCODE, BROTLI_LARGE_MAX_WINDOW_BITS,
  BROTLI_MAX_INPUT_BLOCK_BITS, BROTLI_MAX_QUALITY, BROTLI_MAX_WINDOW_BITS, BROTLI_MIN_INPUT_BLOCK_BITS,
  BROTLI_MIN_QUALITY, BROTLI_MIN_WINDOW_BITS, BROTLI_MODE_FONT, BROTLI_MODE_GENERIC, BROTLI_MODE_TEXT,
  BROTLI_OPERATION_EMIT_METADATA, BROTLI_OPERATION_FINISH, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_PROCESS,
  BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING, BROTLI_PARAM_LARGE_WINDOW, BROTLI_PARAM_LGBLOCK, BROTLI_PARAM_LGWIN,
  BROTLI_PARAM_MODE, BROTLI_PARAM_NDIRECT, BROTLI_PARAM_NPOSTFIX, BROTLI_PARAM_QUALITY, BrotliCompress,
  BrotliDecompress, DEFLATE, DEFLATERAW, Deflate, DeflateRaw, GUNZIP, GZIP, Gunzip, Gzip, INFLATE, INFLATERAW,
  Inflate, InflateRaw, UNZIP, Unzip, ZLIB_VERNUM, ZSTD_COMPRESS, ZSTD_DECODE, ZSTD_DECOMPRESS, ZSTD_ENCODE,
  ZSTD_error_GENERIC, ZSTD_error_checksum_wrong, ZSTD_error_corruption_detected,
  ZSTD_error_dictionaryCreation_failed, ZSTD_error_dictionary_corrupted, ZSTD_error_dictionary_wrong,
  ZSTD_error_dstBuffer_null, ZSTD_error_dstSize_tooSmall, ZSTD_error_frameParameter_unsupported,
  ZSTD_error_frameParameter_windowTooLarge, ZSTD_error_init_missing, ZSTD_error_literals_headerWrong,
  ZSTD_error_maxSymbolValue_tooLarge, ZSTD_error_maxSymbolValue_tooSmall, ZSTD_error_memory_allocation,
  ZSTD_error_noForwardProgress_destFull, ZSTD_error_noForwardProgress_inputEmpty, ZSTD_error_no_error,
  ZSTD_error_parameter_combination_unsupported, ZSTD_error_parameter_outOfBound, ZSTD_error_parameter_unsupported,
  ZSTD_error_prefix_unknown, ZSTD_error_srcSize_wrong, ZSTD_error_stabilityCondition_notRespected,
  ZSTD_error_stage_wrong, ZSTD_error_tableLog_tooLarge, ZSTD_error_version_unsupported,
  ZSTD_error_workSpace_tooSmall, Z_BEST_COMPRESSION, Z_BEST_SPEED, Z_BLOCK, Z_BUF_ERROR, Z_DATA_ERROR,
  Z_DEFAULT_CHUNK, Z_DEFAULT_COMPRESSION, Z_DEFAULT_LEVEL, Z_DEFAULT_MEMLEVEL, Z_DEFAULT_STRATEGY,
  Z_DEFAULT_WINDOWBITS, Z_ERRNO, Z_FILTERED, Z_FINISH, Z_FIXED, Z_FULL_FLUSH, Z_HUFFMAN_ONLY, Z_MAX_CHUNK,
  Z_MAX_LEVEL, Z_MAX_MEMLEVEL, Z_MAX_WINDOWBITS, Z_MEM_ERROR, Z_MIN_CHUNK, Z_MIN_LEVEL, Z_MIN_MEMLEVEL,
  Z_MIN_WINDOWBITS, Z_NEED_DICT, Z_NO_COMPRESSION, Z_NO_FLUSH, Z_OK, Z_PARTIAL_FLUSH, Z_RLE, Z_STREAM_END,
  Z_STREAM_ERROR, Z_SYNC_FLUSH, Z_VERSION_ERROR, ZstdCompress, ZstdDecompress, brotliCompress, brotliCompressSync,
  brotliDecompress, brotliDecompressSync, createBrotliCompress, createBrotliDecompress, createDeflate,
  createDeflateRaw, createGunzip, createGzip, createInflate, createInflateRaw, createUnzip, createZstdCompress,
  createZstdDecompress, deflate, deflateRaw, deflateRawSync, deflateSync, gunzip, gunzipSync, gzip, gzipSync,
  inflate, inflateRaw, inflateRawSync, inflateSync, unzip, unzipSync, zstdCompress, zstdCompressSync, zstdDecompress,
  zstdDecompressSync,
} = module;
export { codes, constants };
export default module;
