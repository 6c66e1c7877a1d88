// What a bucket says of its objects: `R2Object` and `R2ObjectBody` in the documentation.

import { Blob, makeBlob } from "../blob.js";
import { isHeaders } from "../headers.js";
import { defineInterface, illegalConstructor, wrongArgument } from "../webidl.js";
import { writeHttp } from "./bucket_options.js";

const token = Symbol("R2Object");

/** Checksums as bytes. */
export class Checksums {
  #hex;

  constructor(key, hex) {
    if (key !== token) throw illegalConstructor();
    this.#hex = hex;
    for (const name of ["md5", "sha1", "sha256", "sha384", "sha512"]) {
      const bytes = hex[name]?.match(/../g)?.map((pair) => Number.parseInt(pair, 16));
      Object.defineProperty(this, name, { value: bytes && new Uint8Array(bytes).buffer, enumerable: true });
    }
  }

  toJSON() {
    return { ...this.#hex };
  }
}
defineInterface(Checksums);

/** What is known of an object without its value. */
export class HeadResult {
  constructor(key, described) {
    if (key !== token) throw illegalConstructor();
    const { key: name, version, size, etag, uploaded, checksums, http, custom, range, storageClass } = described;
    const httpMetadata = http && { ...http };
    if (httpMetadata?.cacheExpiry !== undefined) httpMetadata.cacheExpiry = new Date(httpMetadata.cacheExpiry);
    const properties = {
      key: name, version, size, etag,
      httpEtag: `"${etag}"`,
      checksums: new Checksums(token, checksums),
      uploaded: new Date(uploaded),
      httpMetadata,
      customMetadata: custom,
      range, storageClass,
      ssecKeyMd5: undefined,
    };
    for (const [property, value] of Object.entries(properties)) {
      Object.defineProperty(this, property, { value, enumerable: true });
    }
  }

  writeHttpMetadata(headers) {
    if (!isHeaders(headers)) throw wrongArgument("'writeHttpMetadata' on 'HeadResult'", 1, "Headers");
    if (this.httpMetadata === undefined) {
      throw new TypeError(
        `HTTP metadata unknown for key \`${this.key}\`. Did you forget to add 'httpMetadata' to \`include\` when listing?`,
      );
    }
    writeHttp(this.httpMetadata, headers);
  }
}
defineInterface(HeadResult, { receiver: true });

/** An object with its value. */
export class GetResult extends HeadResult {
  #response;
  #empty = undefined;

  constructor(key, described, response) {
    super(key, described);
    this.#response = response;
  }

  get body() {
    return (this.#empty ?? this.#response.body) ?? (this.#empty = new Blob([]).stream());
  }

  get bodyUsed() {
    return this.#response.bodyUsed;
  }

  arrayBuffer() {
    return this.#response.arrayBuffer();
  }

  bytes() {
    return this.#response.bytes();
  }

  text() {
    return this.#response.text();
  }

  json() {
    return this.#response.json();
  }

  blob() {
    return this.#response.bytes().then((bytes) => makeBlob(bytes, this.httpMetadata.contentType ?? ""));
  }
}
defineInterface(GetResult, { receiver: true });

export const makeHeadResult = (described) => new HeadResult(token, described);
export const makeGetResult = (described, response) => new GetResult(token, described, response);
