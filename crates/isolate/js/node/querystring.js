/** `node:querystring`. */
import { NodeError } from "../node_support/errors.js";
import { Buffer } from "./buffer.js";

const UNRESERVED = /^[A-Za-z0-9\-_.!~*'()]*$/;

export function escape(text) {
  if (typeof text !== "string") text = typeof text === "object" ? String(text) : `${text}`;
  if (UNRESERVED.test(text)) return text;
  try {
    return encodeURIComponent(text);
  } catch {
    throw new NodeError("ERR_INVALID_URI", "URI malformed");
  }
}

const hexDigit = (code) => {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
};

/** The percent-decoded bytes; what is no valid escape stays as it is. */
export function unescapeBuffer(text, decodeSpaces = false) {
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 37 && index + 2 < text.length) {
      const high = hexDigit(text.charCodeAt(index + 1));
      const low = hexDigit(text.charCodeAt(index + 2));
      if (high >= 0 && low >= 0) {
        bytes[length++] = high * 16 + low;
        index += 2;
        continue;
      }
    }
    bytes[length++] = code === 43 && decodeSpaces ? 32 : code;
  }
  return bytes.subarray(0, length);
}

export function unescape(text, decodeSpaces) {
  try {
    return decodeURIComponent(text);
  } catch {
    return unescapeBuffer(text, decodeSpaces).toString();
  }
}

const primitiveText = (value) => {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return `${value}`;
  if (typeof value === "bigint" || typeof value === "boolean") return `${value}`;
  return "";
};

export function stringify(object, separator, equals, options) {
  const between = separator || "&";
  const assign = equals || "=";
  const encodeText = typeof options?.encodeURIComponent === "function" ? options.encodeURIComponent : module.escape;
  if (object === null || typeof object !== "object") return "";
  const fields = [];
  for (const key of Object.keys(object)) {
    const prefix = encodeText(primitiveText(key)) + assign;
    const value = object[key];
    for (const each of Array.isArray(value) ? value : [value]) fields.push(prefix + encodeText(primitiveText(each)));
  }
  return fields.join(between);
}

function decodeWith(decoder, text) {
  try {
    return decoder(text);
  } catch {
    return unescape(text, true);
  }
}

export function parse(text, separator, equals, options) {
  const result = { __proto__: null };
  if (typeof text !== "string" || text.length === 0) return result;
  const between = separator ? `${separator}` : "&";
  const assign = equals ? `${equals}` : "=";
  const decoder = typeof options?.decodeURIComponent === "function" ? options.decodeURIComponent : module.unescape;
  const limit = typeof options?.maxKeys === "number" ? options.maxKeys : 1000;
  let count = 0;
  for (const field of text.split(between)) {
    if (field === "") continue;
    if (limit > 0 && ++count > limit) break;
    const position = field.indexOf(assign);
    const plusToSpace = (part) => part.replaceAll("+", " ");
    const key = decodeWith(decoder, plusToSpace(position < 0 ? field : field.slice(0, position)));
    const value = position < 0 ? "" : decodeWith(decoder, plusToSpace(field.slice(position + assign.length)));
    if (!(key in result)) result[key] = value;
    else if (Array.isArray(result[key])) result[key].push(value);
    else result[key] = [result[key], value];
  }
  return result;
}

export { parse as decode, stringify as encode };

const module = { decode: parse, encode: stringify, escape, parse, stringify, unescape, unescapeBuffer };
export default module;
