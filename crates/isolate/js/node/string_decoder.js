/** `node:string_decoder`: text out of chunks that may end in the middle of a character. */
import { invalidArgType, unknownEncoding } from "../node_support/errors.js";
import { bytesToString, canonicalEncoding } from "../node_support/encodings.js";
import { Buffer } from "./buffer.js";

/** How many bytes at the end belong to a UTF-8 character that is not complete yet. */
function unfinishedUtf8(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const size = byte >= 0xf8 ? 0 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
    if (size <= back) return 0;
    // A second byte that cannot follow this lead shows that the sequence is already broken.
    const second = back > 1 ? bytes[bytes.length - back + 1] : undefined;
    const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    if (byte > 0xf4 || (second !== undefined && (second < low || second > high))) return 0;
    return back;
  }
  return 0;
}

function unfinishedUtf16(bytes) {
  const odd = bytes.length % 2;
  const last = bytes[bytes.length - odd - 1];
  return last >= 0xd8 && last <= 0xdb ? odd + 2 : odd;
}

function unfinished(bytes, encoding) {
  switch (encoding) {
    case "utf8":
      return unfinishedUtf8(bytes);
    case "utf16le":
      return unfinishedUtf16(bytes);
    case "base64":
    case "base64url":
      return bytes.length % 3;
    default:
      return 0;
  }
}

export function StringDecoder(encoding) {
  const canonical = canonicalEncoding(encoding);
  if (canonical === undefined) throw unknownEncoding(encoding);
  this.encoding = canonical;
  Object.defineProperty(this, "kept", { value: new Uint8Array(0), writable: true, configurable: true });
}

StringDecoder.prototype.write = function (chunk) {
  if (typeof chunk === "string") return chunk;
  if (!ArrayBuffer.isView(chunk)) throw invalidArgType("buf", ["Buffer", "TypedArray", "DataView"], chunk);
  let bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (this.kept.length > 0) {
    const joined = new Uint8Array(this.kept.length + bytes.length);
    joined.set(this.kept);
    joined.set(bytes, this.kept.length);
    bytes = joined;
  }
  const rest = unfinished(bytes, this.encoding);
  this.kept = bytes.slice(bytes.length - rest);
  return bytesToString(bytes, this.encoding, 0, bytes.length - rest);
};

StringDecoder.prototype.end = function (chunk) {
  const text = chunk === undefined ? "" : this.write(chunk);
  const { kept } = this;
  this.kept = new Uint8Array(0);
  return text + bytesToString(kept, this.encoding);
};

StringDecoder.prototype.text = function (chunk, offset) {
  this.kept = new Uint8Array(0);
  return this.write(chunk.subarray(offset));
};

Object.defineProperties(StringDecoder.prototype, {
  lastChar: {
    configurable: true,
    enumerable: true,
    get() {
      return Buffer.from(this.kept);
    },
  },
  lastNeed: {
    configurable: true,
    enumerable: true,
    get() {
      const [lead] = this.kept;
      if (this.kept.length === 0) return 0;
      const size = this.encoding === "utf16le" ? (this.kept.length > 1 ? 4 : 2) : this.encoding !== "utf8" ? 3 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
      return size - this.kept.length;
    },
  },
  lastTotal: {
    configurable: true,
    enumerable: true,
    get() {
      return this.kept.length === 0 ? 0 : this.kept.length + this.lastNeed;
    },
  },
});

export default { StringDecoder };
