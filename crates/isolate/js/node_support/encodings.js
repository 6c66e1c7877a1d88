/** Node's eight text encodings over the native conversions. */
import { decode, encode, utf8Length, write } from "atoll:native/buffer";

/**
 * @param {unknown} name as a program spells it
 * @returns {string | undefined} the canonical name, or undefined for what is no encoding
 */
export function canonicalEncoding(name) {
  switch (name) {
    case undefined:
    case null:
    case "":
    case "utf8":
    case "utf-8":
    case "UTF-8":
      return "utf8";
    case "hex":
    case "base64":
    case "base64url":
    case "latin1":
    case "ascii":
    case "utf16le":
      return name;
  }
  switch (String(name).toLowerCase()) {
    case "utf8":
    case "utf-8":
      return "utf8";
    case "ucs2":
    case "ucs-2":
    case "utf16le":
    case "utf-16le":
      return "utf16le";
    case "latin1":
    case "binary":
      return "latin1";
    case "base64":
      return "base64";
    case "base64url":
      return "base64url";
    case "hex":
      return "hex";
    case "ascii":
      return "ascii";
  }
  return undefined;
}

const CODE_UNITS_PER_CALL = 4096;

function decodeUtf16(bytes, start, end) {
  const count = (end - start) >> 1;
  let text = "";
  for (let done = 0; done < count; done += CODE_UNITS_PER_CALL) {
    const size = Math.min(CODE_UNITS_PER_CALL, count - done);
    const units = new Uint16Array(size);
    const base = start + done * 2;
    for (let index = 0; index < size; index++) {
      units[index] = bytes[base + index * 2] | (bytes[base + index * 2 + 1] << 8);
    }
    text += String.fromCharCode.apply(undefined, units);
  }
  return text;
}

function writeUtf16(bytes, text, offset, length) {
  const count = Math.min(text.length, length >> 1);
  for (let index = 0; index < count; index++) {
    const unit = text.charCodeAt(index);
    bytes[offset + index * 2] = unit & 0xff;
    bytes[offset + index * 2 + 1] = unit >> 8;
  }
  return count * 2;
}

/** The text of `bytes[start..end]` in a canonical encoding. */
export function bytesToString(bytes, encoding, start = 0, end = bytes.length) {
  if (end <= start) return "";
  return encoding === "utf16le" ? decodeUtf16(bytes, start, end) : decode(bytes, encoding, start, end);
}

/** @returns {ArrayBuffer} the bytes of a text in a canonical encoding */
export function stringToBytes(text, encoding) {
  if (encoding !== "utf16le") return encode(text, encoding);
  const bytes = new Uint8Array(text.length * 2);
  writeUtf16(bytes, text, 0, bytes.length);
  return bytes.buffer;
}

/** Writes as many whole characters as fit in `length` bytes at `offset`, and answers how many bytes that took. */
export function writeString(bytes, text, encoding, offset, length) {
  if (length <= 0) return 0;
  return encoding === "utf16le"
    ? writeUtf16(bytes, text, offset, length)
    : write(bytes, text, encoding, offset, length);
}

function base64Length(text) {
  let count = text.length;
  if (count > 0 && text[count - 1] === "=") count--;
  if (count > 1 && text[count - 1] === "=") count--;
  return (count * 3) >>> 2;
}

/** How many bytes a text takes; for hex and base64 from its length alone, as Node does. */
export function stringByteLength(text, encoding) {
  switch (encoding) {
    case "utf16le":
      return text.length * 2;
    case "hex":
      return text.length >>> 1;
    case "base64":
    case "base64url":
      return base64Length(text);
    case "latin1":
    case "ascii":
      return text.length;
    default:
      return utf8Length(text);
  }
}
