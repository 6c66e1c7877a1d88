// Bytes that come to models and go from them, in whatever form.

import { getBlobBytes, isBlob } from "../blob.js";
import { Response } from "../response.js";
import { ReadableStream } from "../streams/index.js";

export const encode = Function.prototype.call.bind(Uint8Array.prototype.toBase64);
const decode = Uint8Array.fromBase64.bind(Uint8Array);

export function fromBase64(text, what) {
  try {
    return decode(text);
  } catch {
    throw new TypeError(`env.AI.run() takes \`${what}\` as base64, and this is none.`);
  }
}

/** The bytes of whatever they came in. @returns {Uint8Array} */
export function toBytes(value, what) {
  if (typeof value === "string") return fromBase64(/^data:[^,]*;base64,/.test(value) ? value.slice(value.indexOf(",") + 1) : value, what);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isBlob(value)) return getBlobBytes(value);
  if (Array.isArray(value) && value.every((byte) => typeof byte === "number")) return Uint8Array.from(value);
  throw new TypeError(`env.AI.run() takes \`${what}\` as base64, an array of bytes or a buffer.`);
}

/** How the files begin that models are given and give: an offset, the bytes there, what they say. */
const BEGINNINGS = [
  [0, "\x89PNG", "image/png"],
  [0, "\xff\xd8\xff", "image/jpeg"],
  [8, "WEBP", "image/webp"],
  [0, "GIF8", "image/gif"],
  [8, "WAVE", "audio/wav"],
  [0, "ID3", "audio/mpeg"],
  [0, "OggS", "audio/ogg"],
  [0, "fLaC", "audio/flac"],
  [0, "\x1a\x45\xdf\xa3", "audio/webm"],
  [4, "ftyp", "audio/mp4"],
];

export function typeOf(bytes) {
  const found = BEGINNINGS.find(([at, begin]) => Array.from(begin).every((letter, index) => bytes[at + index] === letter.charCodeAt(0)));
  if (found !== undefined) return found[2];
  // A frame of MPEG audio has no name, but begins with eleven bits that are set.
  return bytes[0] === 0xff && (bytes[1] & 0xe0) === 0xe0 ? "audio/mpeg" : undefined;
}

/** As `toBytes()`, and all of a stream. @returns {Promise<Uint8Array>} */
export function read(value, what) {
  if (!(value instanceof ReadableStream || value instanceof Response)) return Promise.try(toBytes, value, what);
  const response = value instanceof Response ? value : new Response(value);
  return response.arrayBuffer().then((buffer) => new Uint8Array(buffer));
}
