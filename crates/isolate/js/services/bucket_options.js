// The options of a bucket's methods, as its object is told of them.

import { isHeaders } from "../headers.js";
import { bufferSource, toDictionary } from "../webidl.js";

const HEADERS = {
  contentType: "content-type",
  contentLanguage: "content-language",
  contentDisposition: "content-disposition",
  contentEncoding: "content-encoding",
  cacheControl: "cache-control",
};

const given = (value) => value !== undefined && value !== null;

function toMs(value) {
  const ms = value instanceof Date ? value.getTime() : new Date(value).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

/** Etags out of a header that lists some. */
function parseEtags(header, name) {
  const etags = [];
  let rest = header;
  let needsComma = false;
  for (;;) {
    rest = rest.replace(/^[ \t]+/, "");
    if (rest.startsWith(",")) {
      rest = rest.slice(1);
      needsComma = false;
      continue;
    }
    if (!/^[*W"]/.test(rest)) break;
    if (needsComma) {
      throw new Error(
        "Comma was expected to separate etags. " +
          {
            "*": "Encountered a wildcard character '*' instead.",
            W:
              "Encountered a weak quotation character 'W' instead. This would otherwise indicate the start of a new weak etag.",
            '"':
              "Encountered a double quote character '\"' instead. This would otherwise indicate the start of a new strong etag.",
          }[rest[0]],
      );
    }
    if (rest.startsWith("*")) return [{ kind: "any" }];
    const weak = rest.startsWith("W");
    if (weak && !rest.startsWith('W/"')) throw new Error("Weak etags must start with W/ and their value must be quoted");
    const start = weak ? 3 : 1;
    const end = rest.indexOf('"', start);
    if (end < 0) throw new Error("Unclosed double quote for Etag");
    etags.push({ kind: weak ? "weak" : "strong", value: rest.slice(start, end) });
    rest = rest.slice(end + 1);
    needsComma = true;
  }
  if (etags.length === 0) throw new Error(`Invalid ETag in ${name} header`);
  return etags;
}

function oneEtag(etag) {
  if (/^(W\/)?".*"$/s.test(etag)) throw new TypeError(`Conditional ETag should not be wrapped in quotes (${etag}).`);
  return [etag === "*" ? { kind: "any" } : { kind: "strong", value: etag }];
}

/** `onlyIf` */
export function toCondition(onlyIf) {
  if (!given(onlyIf)) return undefined;
  if (isHeaders(onlyIf)) {
    const etags = (name) => (onlyIf.has(name) ? parseEtags(onlyIf.get(name), name) : undefined);
    const date = (name) => (onlyIf.has(name) ? toMs(onlyIf.get(name)) : undefined);
    return {
      matches: etags("if-match"),
      differs: etags("if-none-match"),
      after: date("if-modified-since"),
      before: date("if-unmodified-since"),
      inSeconds: true,
    };
  }
  const { etagMatches, etagDoesNotMatch, uploadedAfter, uploadedBefore, secondsGranularity } = onlyIf;
  return {
    matches: given(etagMatches) ? oneEtag(String(etagMatches)) : undefined,
    differs: given(etagDoesNotMatch) ? oneEtag(String(etagDoesNotMatch)) : undefined,
    after: given(uploadedAfter) ? toMs(uploadedAfter) : undefined,
    before: given(uploadedBefore) ? toMs(uploadedBefore) : undefined,
    inSeconds: Boolean(secondsGranularity),
  };
}

function whole(value, what, name) {
  if (!given(value)) return undefined;
  const number = Number(value);
  if (!(number >= 0)) throw new RangeError(`${what} (${number}) must be greater than or equal to 0.`);
  if (!Number.isInteger(number)) {
    throw new RangeError(`Invalid range. ${name} (${number}) must be an integer, not floating point.`);
  }
  return number;
}

/** `range` */
export function toRange(range) {
  if (!given(range)) return undefined;
  if (isHeaders(range)) return range.has("range") ? { header: range.get("range") } : undefined;
  const offset = whole(range.offset, "Invalid range. Starting offset", "Starting offset");
  const length = whole(range.length, "Invalid range. Length", "Length");
  const suffix = whole(range.suffix, "Invalid suffix. Suffix", "Suffix");
  if (suffix !== undefined) {
    if (offset !== undefined) throw new TypeError("Suffix is incompatible with offset.");
    if (length !== undefined) throw new TypeError("Suffix is incompatible with length.");
  }
  return offset === undefined && length === undefined && suffix === undefined ? undefined : { offset, length, suffix };
}

/** `httpMetadata`, `customMetadata` and `storageClass` */
export function toMetadata({ httpMetadata, customMetadata, storageClass }) {
  const http = {};
  if (given(httpMetadata)) {
    const fromHeaders = isHeaders(httpMetadata);
    for (const [name, header] of Object.entries(HEADERS)) {
      const value = fromHeaders ? httpMetadata.get(header) : httpMetadata[name];
      if (given(value)) http[name] = String(value);
    }
    const expiry = fromHeaders ? httpMetadata.get("expires") : httpMetadata.cacheExpiry;
    if (given(expiry)) http.cacheExpiry = toMs(expiry);
  }
  const custom = {};
  if (given(customMetadata)) for (const [name, value] of Object.entries(customMetadata)) custom[name] = String(value);
  return { http, custom, storageClass: given(storageClass) ? String(storageClass) : undefined };
}

const DIGESTS = [
  ["md5", "MD5", 16],
  ["sha1", "SHA-1", 20],
  ["sha256", "SHA-256", 32],
  ["sha384", "SHA-384", 48],
  ["sha512", "SHA-512", 64],
];

/** The checksum that a value has to have, in hexadecimal. */
export function toChecksums(options) {
  const checksums = {};
  for (const [field, name, size] of DIGESTS) {
    const value = options[field];
    if (!given(value)) continue;
    if (Object.keys(checksums).length > 0) throw new TypeError("You cannot specify multiple hashing algorithms.");
    const bytes = bufferSource(value);
    if (bytes !== undefined) {
      if (bytes.byteLength !== size) throw new TypeError(`${name} is ${size} bytes, not ${bytes.byteLength}`);
      checksums[field] = toHex(bytes);
      continue;
    }
    const hex = String(value);
    if (hex.length !== size * 2) throw new TypeError(`${name} is ${size * 2} hex characters, not ${hex.length}`);
    if (!/^[0-9a-f]*$/i.test(hex)) throw new TypeError(`Provided ${name} wasn't a valid hex string`);
    checksums[field] = hex.toLowerCase();
  }
  return checksums;
}

const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Options of a method, without what there is not. */
export function toOptions(options, what, method, position) {
  const dictionary = toDictionary(options, what, `'${method}' on 'R2Bucket'`, position);
  if (given(dictionary.ssecKey)) {
    throw new Error(`${method}: SSE-C (\`ssecKey\`) is not supported: Atoll keeps objects as they are.`);
  }
  return dictionary;
}

/** Writes what HTTP says of an object to headers. */
export function writeHttp(http, headers) {
  for (const [name, header] of Object.entries(HEADERS)) if (http[name] !== undefined) headers.set(header, http[name]);
  if (http.cacheExpiry !== undefined) headers.set("expires", http.cacheExpiry.toUTCString());
}
