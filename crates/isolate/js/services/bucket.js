// R2 buckets (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/), kept by an object of Atoll's own.

import { getBlobBytes, isBlob } from "../blob.js";
import { URLSearchParams } from "../url.js";
import { defineInterface, illegalConstructor, toInteger, toUSVString, wrongArgument } from "../webidl.js";
import { GetResult, HeadResult, makeGetResult, makeHeadResult } from "./bucket_results.js";
import { toChecksums, toCondition, toMetadata, toOptions, toRange } from "./bucket_options.js";
import { standFor, storable } from "./stored.js";

export { GetResult, HeadResult };

const token = Symbol("R2Bucket");
const MAX_DELETED = 1000;
const MOST_PARTS = 10_000;
const NOT_FOUND = 404;
const NOT_SO = 412;

const pack = (value) => encodeURIComponent(JSON.stringify(value));
const unpack = (response) => JSON.parse(decodeURIComponent(response.headers.get("atoll-meta")));

const post = (value) => ({ method: "POST", body: JSON.stringify(value) });

/** A value to be stored: its bytes, or a stream whose length is known. */
function toValue(value, method) {
  if (value === null) return { body: new Uint8Array(0), size: 0 };
  if (isBlob(value)) value = getBlobBytes(value);
  const isObject = typeof value === "object";
  const stored = storable(isObject ? value : toUSVString(value));
  if (stored === undefined) {
    throw wrongArgument(
      `'${method}' on '${method === "put" ? "R2Bucket" : "R2MultipartUpload"}'`, 2,
      "ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob",
    );
  }
  if (stored.size === undefined) {
    throw new TypeError(
      "Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)",
    );
  }
  return stored;
}

// What follows a request is a reaction, not the rest of an async function: reactions run for the same event.

/** Asks the object. Statuses that are answers are named; others are errors. */
function ask(service, action, path, init, answers = []) {
  return service.fetch(`http://r2${path}`, init).then((response) => {
    if (response.ok || answers.includes(response.status)) return response;
    return response.text().then((text) => {
      const { message, code } = JSON.parse(text);
      throw new Error(`${action}: ${message} (${code})`);
    });
  });
}

const toUpload = (service, key, id) => new R2MultipartUpload(token, service, key, id);

/** `env.NAME` of an R2 bucket. */
export class R2Bucket {
  #service;

  constructor(key, held) {
    if (key !== token) throw illegalConstructor();
    this.#service = standFor(this, "r2", held);
  }

  head(key) {
    return Promise.try(() => {
      const params = new URLSearchParams({ key: toUSVString(key) });
      return ask(this.#service, "head", `/head?${params}`, undefined, [NOT_FOUND]).then((response) =>
        response.status === NOT_FOUND ? null : response.json().then(makeHeadResult),
      );
    });
  }

  get(key, options = undefined) {
    return Promise.try(() => {
      const { onlyIf, range } = toOptions(options, "R2GetOptions", "get", 2);
      const wanted = pack({ condition: toCondition(onlyIf), range: toRange(range) });
      const params = new URLSearchParams({ key: toUSVString(key) });
      const init = { headers: { "atoll-options": wanted } };
      return ask(this.#service, "get", `/object?${params}`, init, [NOT_FOUND, NOT_SO]).then((response) => {
        if (response.status === NOT_FOUND) return null;
        if (response.status === NOT_SO) return makeHeadResult(unpack(response));
        return makeGetResult(unpack(response), response);
      });
    });
  }

  put(key, value, options = undefined) {
    return Promise.try(() => {
      if (arguments.length < 2) throw wrongArgument("'put' on 'R2Bucket'", arguments.length + 1, "string");
      const given = toOptions(options, "R2PutOptions", "put", 3);
      const wanted = { condition: toCondition(given.onlyIf), checksums: toChecksums(given), ...toMetadata(given) };
      const { body, size } = toValue(value, "put");
      const params = new URLSearchParams({ key: toUSVString(key) });
      const headers = { "atoll-options": pack(wanted), "atoll-size": String(size) };
      return ask(this.#service, "put", `/object?${params}`, { method: "PUT", headers, body }, [NOT_SO]).then((response) =>
        response.status === NOT_SO ? null : response.json().then(makeHeadResult),
      );
    });
  }

  delete(keys) {
    return Promise.try(() => {
      const all = (Array.isArray(keys) ? keys : [keys]).map(toUSVString);
      if (all.length > MAX_DELETED) throw new Error(`delete: At most ${MAX_DELETED} keys can be deleted at a time.`);
      return ask(this.#service, "delete", "/delete", post(all)).then(() => undefined);
    });
  }

  list(options = undefined) {
    return Promise.try(() => {
      const { limit, prefix, cursor, delimiter, startAfter, include = [] } = toOptions(options, "R2ListOptions", "list", 1);
      for (const field of include) {
        if (field !== "httpMetadata" && field !== "customMetadata") {
          throw new RangeError(`Unsupported include value ${field}`);
        }
      }
      const wanted = {
        limit: limit === undefined ? undefined : toInteger(limit, 32, { signed: true }),
        prefix, cursor, delimiter, startAfter,
        http: include.includes("httpMetadata"),
        custom: include.includes("customMetadata"),
      };
      return ask(this.#service, "list", "/list", post(wanted))
        .then((response) => response.json())
        .then(({ objects, truncated, cursor, delimitedPrefixes }) => ({
          objects: objects.map(makeHeadResult),
          truncated,
          ...(cursor === undefined ? undefined : { cursor }),
          delimitedPrefixes,
        }));
    });
  }

  createMultipartUpload(key, options = undefined) {
    return Promise.try(() => {
      const given = toOptions(options, "R2MultipartOptions", "createMultipartUpload", 2);
      const name = toUSVString(key);
      const params = new URLSearchParams({ key: name });
      return ask(this.#service, "createMultipartUpload", `/uploads?${params}`, post(toMetadata(given)))
        .then((response) => response.json())
        .then(({ uploadId }) => toUpload(this.#service, name, uploadId));
    });
  }

  resumeMultipartUpload(key, uploadId) {
    return toUpload(this.#service, toUSVString(key), toUSVString(uploadId));
  }
}
defineInterface(R2Bucket, { receiver: true });

function toPartNumber(value) {
  const number = toInteger(value, 32, { signed: true });
  if (number >= 1 && number <= MOST_PARTS) return number;
  throw new TypeError(`Part number must be between 1 and 10000 (inclusive). Actual value was: ${number}`);
}

/** A file on its way, in parts. */
export class R2MultipartUpload {
  #service;

  constructor(given, service, key, uploadId) {
    if (given !== token) throw illegalConstructor();
    this.#service = service;
    Object.defineProperties(this, {
      key: { value: key, enumerable: true },
      uploadId: { value: uploadId, enumerable: true },
    });
  }

  #params(more = {}) {
    return new URLSearchParams({ key: this.key, upload: this.uploadId, ...more });
  }

  uploadPart(partNumber, value, options = undefined) {
    return Promise.try(() => {
      const number = toPartNumber(partNumber);
      toOptions(options, "R2UploadPartOptions", "uploadPart", 3);
      const { body, size } = toValue(value, "uploadPart");
      const init = { method: "PUT", headers: { "atoll-size": String(size) }, body };
      const path = `/part?${this.#params({ number: String(number) })}`;
      return ask(this.#service, "uploadPart", path, init).then((response) => response.json());
    });
  }

  abort() {
    const path = `/abort?${this.#params()}`;
    return Promise.try(() => ask(this.#service, "abortMultipartUpload", path, { method: "POST" }).then(() => undefined));
  }

  complete(parts) {
    return Promise.try(() => {
      const list = Array.from(parts, ({ partNumber, etag }) => ({
        partNumber: toPartNumber(partNumber),
        etag: toUSVString(etag),
      }));
      return ask(this.#service, "completeMultipartUpload", `/complete?${this.#params()}`, post(list))
        .then((response) => response.json())
        .then(makeHeadResult);
    });
  }
}
defineInterface(R2MultipartUpload, { receiver: true });

/** The value of an R2 binding. @param {{ capability: number }} held */
export const makeBucket = (held) => new R2Bucket(token, held);
