// HMAC, https://w3c.github.io/webcrypto/#hmac

import { hmacSign, hmacVerify } from "atoll:native/crypto";
import { fill } from "atoll:native/random";
import { checkJwk, checkJwkAlgorithm, encodeJwkBytes, jwkBytes, jwkUse } from "./jwk.js";
import { makeKey } from "./key.js";
import { Members, checkUsages, failure, firstBits, unsupportedFormat } from "./params.js";

const USAGES = ["sign", "verify"];
const BLOCK_BITS = { MD5: 512, "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };

function keyParams(algorithm) {
  const members = new Members(algorithm);
  const hash = members.hash();
  return { hash, length: members.optionalInteger("length", 32) };
}

function generateKey({ hash, length = BLOCK_BITS[hash] }, extractable, usages) {
  checkUsages(usages, USAGES, "generate", "HMAC");
  if (length === 0) {
    throw failure("OperationError", "HMAC key length must be a non-zero unsigned long integer (requested 0).");
  }
  const bytes = new Uint8Array(Math.ceil(length / 8));
  fill(bytes);
  const material = new Uint8Array(firstBits(bytes.buffer, length));
  return makeKey({ type: "secret", extractable, algorithm: { name: "HMAC", hash, length }, usages, material });
}

/** The `alg` of a JSON Web Key: HS and the hash's bits, 1 for SHA-1. */
function jwkAlgorithm(hash) {
  if (!hash.startsWith("SHA-")) {
    throw failure("NotSupportedError", `Unimplemented JWK key export format for key algorithm "${hash}".`);
  }
  return `HS${hash.slice(4)}`;
}

function importKey(format, data, { hash, length }, extractable, usages) {
  checkUsages(usages, USAGES, "import secret", "HMAC");
  let material;
  if (format === "raw") {
    material = data.slice();
  } else if (format === "jwk") {
    checkJwk(data, { kty: "oct", use: "sig", usages, extractable, name: "HMAC" });
    material = jwkBytes(data, "k", "HMAC");
    if (data.alg !== undefined) checkJwkAlgorithm(data, jwkAlgorithm(hash), "HMAC");
  } else {
    throw unsupportedFormat(format);
  }
  const bits = material.length * 8;
  if (bits === 0 || (length !== undefined && (length > bits || length <= bits - 8))) {
    throw failure(
      "DataError",
      `Imported HMAC key length (${length ?? 0}) must be a non-zero value up to 7 bits less than, and no greater ` +
        `than, the bit length of the raw key data (${bits}).`,
    );
  }
  length ??= bits;
  material = new Uint8Array(firstBits(material.buffer, length));
  return makeKey({ type: "secret", extractable, algorithm: { name: "HMAC", hash, length }, usages, material });
}

function exportKey(format, key) {
  if (format === "raw") return key.material.slice().buffer;
  if (format === "jwk") {
    return {
      kty: "oct",
      ...jwkUse(key, jwkAlgorithm(key.algorithm.hash)),
      k: encodeJwkBytes(key.material),
    };
  }
  throw failure("NotSupportedError", `Unimplemented key export format "${format}".`);
}

function keyLength({ hash, length }) {
  if (length === undefined) return BLOCK_BITS[hash];
  if (length === 0) throw new TypeError("HMAC key length must be a non-zero unsigned long integer.");
  return length;
}

const none = () => ({});

export const hmac = {
  HMAC: {
    generateKey: [keyParams, generateKey],
    importKey: [keyParams, importKey],
    exportKey,
    getKeyLength: [keyParams, keyLength],
    sign: [none, (_params, key, data) => hmacSign(key.algorithm.hash, key.material, data)],
    verify: [
      none,
      (_params, key, signature, data) => hmacVerify(key.algorithm.hash, key.material, signature, data),
    ],
  },
};
