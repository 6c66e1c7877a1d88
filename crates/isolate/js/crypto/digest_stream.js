// DigestStream: a WritableStream that hashes what is written to it.
// https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors

import { checksumFinish, checksumStart, checksumUpdate, hashFinish, hashStart, hashUpdate } from "atoll:native/crypto";
import { WritableStream } from "../streams/index.js";
import { bufferSource, defineInterface, illegal } from "../webidl.js";
import { hashName, identifierName, toUtf8 } from "./params.js";

const CHECKSUMS = ["crc32", "crc32c", "crc64nvme"];

/** What takes the bytes of one stream. */
function startDigest(algorithm) {
  const name = identifierName(algorithm);
  if (CHECKSUMS.includes(name)) {
    const state = checksumStart(name);
    return { update: (bytes) => checksumUpdate(state, bytes), finish: () => checksumFinish(state) };
  }
  const state = hashStart(hashName(algorithm));
  return { update: (bytes) => hashUpdate(state, bytes), finish: () => hashFinish(state) };
}

function toBytes(chunk) {
  const bytes = typeof chunk === "string" ? toUtf8(chunk) : bufferSource(chunk);
  if (bytes === undefined) {
    throw new TypeError(
      "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type on its " +
        "writable side.",
    );
  }
  return bytes;
}

export class DigestStream extends WritableStream {
  #digest;
  #reject;
  #bytesWritten = 0;

  /** @param {string | { name: string }} algorithm */
  constructor(algorithm) {
    const { promise, resolve, reject } = Promise.withResolvers();
    const state = startDigest(algorithm);
    super({
      write: (chunk) => {
        let bytes;
        try {
          bytes = toBytes(chunk);
        } catch (error) {
          reject(error);
          throw error;
        }
        state.update(bytes);
        this.#bytesWritten += bytes.length;
      },
      close: () => resolve(state.finish()),
      abort: reject,
    });
    // Nobody has to look at the digest of a stream that failed.
    promise.catch(() => {});
    this.#digest = promise;
    this.#reject = reject;
  }

  /** The hash of everything written, once the stream is closed. @type {Promise<ArrayBuffer>} */
  get digest() {
    if (this === undefined || !(#digest in this)) throw illegal();
    return this.#digest;
  }

  get bytesWritten() {
    if (this === undefined || !(#digest in this)) throw illegal();
    return BigInt(this.#bytesWritten);
  }

  [Symbol.dispose]() {
    if (this === undefined || !(#digest in this)) throw illegal();
    this.#reject(new TypeError("The DigestStream was disposed."));
  }
}

defineInterface(DigestStream);
