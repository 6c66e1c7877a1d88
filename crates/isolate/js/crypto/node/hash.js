// createHash and createHmac, https://nodejs.org/api/crypto.html#class-hash and #class-hmac

import { digest, hashCopy, hashFinish, hashStart, hashUpdate, hmacFinish, hmacStart, hmacUpdate } from "atoll:native/crypto";
import { invalidArgType, NodeError } from "../../node_support/errors.js";
import { validateString } from "../../node_support/validators.js";
import { secretBytes } from "./keys.js";
import { addTransform, START } from "./lazy_transform.js";
import { callable, HASHES, nativeHash, output, requiredHash, viewBytes } from "./support.js";

const COPY = Symbol("copy");
const finalized = () => new NodeError("ERR_CRYPTO_HASH_FINALIZED", "Digest already called");

/** How both of them are streams: the digest comes out at the end. */
function transformInto(state, finish, options) {
  return {
    options,
    transform(chunk, encoding, callback) {
      state.update(chunk, encoding);
      callback();
    },
    flush(callback) {
      this.push(output(finish()));
      callback();
    },
  };
}

class HashState {
  #state;
  #options;
  #done = false;

  constructor(algorithm, options) {
    this.#options = options;
    if (typeof algorithm === "object" && algorithm !== null && algorithm[COPY] !== undefined) {
      this.#state = algorithm[COPY];
      return;
    }
    validateString(algorithm, "algorithm");
    const hash = nativeHash(algorithm);
    if (hash === undefined) throw new Error("Digest method not supported");
    this.#state = hashStart(hash);
  }

  copy(options) {
    if (this.#done) throw finalized();
    return new Hash({ [COPY]: hashCopy(this.#state) }, options);
  }

  update(data, encoding) {
    if (this.#done) throw finalized();
    hashUpdate(this.#state, viewBytes(data, "data", encoding));
    return this;
  }

  digest(encoding) {
    if (this.#done) throw finalized();
    this.#done = true;
    return output(hashFinish(this.#state), encoding);
  }

  [START]() {
    return transformInto(this, () => hashFinish(this.#state), this.#options);
  }
}
addTransform(HashState);

class HmacState {
  #state;
  #options;
  #done = false;

  constructor(algorithm, key, options) {
    this.#options = options;
    validateString(algorithm, "hmac");
    const bytes = secretBytes(key, "key", options?.encoding);
    this.#state = hmacStart(requiredHash(algorithm), bytes);
  }

  update(data, encoding) {
    if (this.#done) throw finalized();
    hmacUpdate(this.#state, viewBytes(data, "data", encoding));
    return this;
  }

  digest(encoding) {
    // Unlike a hash, it answers again, with nothing.
    const result = this.#done ? new ArrayBuffer() : hmacFinish(this.#state);
    this.#done = true;
    return output(result, encoding);
  }

  [START]() {
    return transformInto(this, () => hmacFinish(this.#state), this.#options);
  }
}
addTransform(HmacState);

export const Hash = callable(HashState, "Hash");
export const Hmac = callable(HmacState, "Hmac");
export const createHash = (algorithm, options) => new Hash(algorithm, options);
export const createHmac = (algorithm, key, options) => new Hmac(algorithm, key, options);
export const getHashes = () => [...HASHES.keys()];

/** The hash of one piece of data. */
export function hash(algorithm, data, encoding = "hex") {
  validateString(algorithm, "algorithm");
  validateString(encoding, "outputEncoding");
  if (typeof data !== "string" && !ArrayBuffer.isView(data)) {
    throw invalidArgType("data", ["string", "Buffer", "TypedArray", "DataView"], data);
  }
  const native = nativeHash(algorithm);
  if (native === undefined) throw new Error("Digest method not supported");
  return output(digest(native, viewBytes(data, "data")), encoding);
}
