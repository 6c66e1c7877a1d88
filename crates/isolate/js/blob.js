/** Blob and File (https://w3c.github.io/FileAPI/). Their bytes never change, so slices share them. */
import { now } from "atoll:native/io";
import { registerCloneable } from "./structured_clone.js";
import { decodeUtf8, encodeUtf8 } from "./encoding.js";
import { bufferSource, defineInterface, toDictionary, toDOMString, toInteger, toUSVString, wrongArgument } from "./webidl.js";

const EMPTY = new Uint8Array(0);
const CHUNK = 64 * 1024;

let internals;

const isSequence = (value) =>
  ((typeof value === "object" && value !== null) || typeof value === "function") &&
  typeof value[Symbol.iterator] === "function";

export class Blob {
  #bytes;
  #type;

  constructor(parts = undefined, options = undefined) {
    let pieces = [];
    if (parts !== undefined && !isSequence(parts)) throw wrongArgument("constructor of 'Blob'", 1, "Array");
    if (parts !== undefined) pieces = Array.from(parts, piece);
    toDictionary(options, "Options", "constructor of 'Blob'", 2);
    if (options?.endings !== undefined && options.endings !== "transparent") {
      throw new Error("The 'endings' field on 'Options' is not implemented.");
    }
    const type = options?.type;
    this.#bytes = join(pieces);
    this.#type = type === undefined ? "" : normalizeType(type);
  }

  get size() { return this.#bytes.byteLength; }
  get type() { return this.#type; }

  slice(start = 0, end = undefined, type = undefined) {
    const size = this.#bytes.byteLength;
    const from = relative(start, size);
    const to = end === undefined ? size : relative(end, size);
    return internals.make(this.#bytes.subarray(from, Math.max(from, to)), type === undefined ? "" : normalizeType(type));
  }

  async arrayBuffer() { return this.#bytes.slice().buffer; }
  async bytes() { return this.#bytes.slice(); }
  async text() { return decodeUtf8(this.#bytes); }

  stream() {
    const bytes = this.#bytes;
    let position = 0;
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (position < bytes.byteLength) {
          const chunk = bytes.slice(position, position + CHUNK);
          position += chunk.byteLength;
          controller.enqueue(chunk);
        }
        if (position >= bytes.byteLength) {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      },
    }, { highWaterMark: 0 });
  }

  static {
    internals = {
      isBlob: (value) => typeof value === "object" && value !== null && #bytes in value,
      bytes: (blob) => blob.#bytes,
      make(bytes, type) {
        const blob = new Blob();
        blob.#bytes = bytes;
        blob.#type = type;
        return blob;
      },
      become(blob, bytes, type) {
        blob.#bytes = bytes;
        blob.#type = type;
      },
    };
  }
}
defineInterface(Blob, { receiver: internals.isBlob });

export class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = undefined) {
    if (parts !== undefined && !isSequence(parts)) throw wrongArgument("constructor of 'File'", 1, "Array");
    if (arguments.length < 2) throw wrongArgument("constructor of 'File'", 2, "string");
    super(parts, options);
    this.#name = toUSVString(name);
    const modified = options?.lastModified;
    this.#lastModified = modified === undefined ? now() : toInteger(modified, 64, { signed: true });
  }

  get name() { return this.#name; }
  get lastModified() { return this.#lastModified; }
}
defineInterface(File, { receiver: true });

function relative(position, size) {
  const whole = toInteger(position, 64, { signed: true, clamp: true });
  return whole < 0 ? Math.max(size + whole, 0) : Math.min(whole, size);
}

function normalizeType(type) {
  const text = toDOMString(type);
  return /[^\x20-\x7e]/.test(text) ? "" : text.toLowerCase();
}

/** The bytes of one part, not copied. */
function piece(part) {
  if (internals.isBlob(part)) return internals.bytes(part);
  const bytes = bufferSource(part);
  if (bytes === undefined) return encodeUtf8(toUSVString(part));
  if (bytes.buffer.resizable) throw new TypeError("Cannot create a Blob with a resizable ArrayBuffer");
  return bytes;
}

function join(pieces) {
  let size = 0;
  for (const bytes of pieces) size += bytes.byteLength;
  if (size === 0) return EMPTY;
  const joined = new Uint8Array(size);
  let position = 0;
  for (const bytes of pieces) {
    joined.set(bytes, position);
    position += bytes.byteLength;
  }
  return joined;
}

/** Whether `value` is a Blob (or File) made here. */
export const isBlob = internals.isBlob;
/** The bytes of a blob, shared: never change them. */
export const getBlobBytes = internals.bytes;
/** A blob over bytes that nobody changes any more. */
export const makeBlob = internals.make;

/** A file over bytes that nobody changes any more. */
export function makeFile(bytes, name, type, lastModified = now()) {
  const file = new File([], name, { lastModified });
  internals.become(file, bytes, type);
  return file;
}

registerCloneable(Blob, {
  name: "Blob",
  write: (blob) => ({ bytes: getBlobBytes(blob), type: blob.type }),
  read: ({ bytes, type }) => makeBlob(bytes, type),
});
registerCloneable(File, {
  name: "File",
  write: (file) => ({ bytes: getBlobBytes(file), name: file.name, type: file.type, lastModified: file.lastModified }),
  read: ({ bytes, name, type, lastModified }) => makeFile(bytes, name, type, lastModified),
});
