// AES-CTR, AES-CBC, AES-GCM and AES-KW, https://w3c.github.io/webcrypto/#aes-ctr and what follows it

import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  aesCtr,
  aesGcmDecrypt,
  aesGcmEncrypt,
  aesKwUnwrap,
  aesKwWrap,
} from "atoll:native/crypto";
import { fill } from "atoll:native/random";
import { checkJwk, checkJwkAlgorithm, encodeJwkBytes, jwkBytes, jwkUse } from "./jwk.js";
import { makeKey } from "./key.js";
import { Members, checkUsages, failure, undecryptable, unsupportedFormat } from "./params.js";

const BLOCK_BYTES = 16;
const KEY_BITS = [128, 192, 256];
const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];
const CIPHER_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const WRAP_USAGES = ["wrapKey", "unwrapKey"];
const NO_BYTES = new Uint8Array();

const none = () => ({});
const lengthParams = (algorithm) => ({ length: new Members(algorithm).integer("length", 16) });

function cbcParams(algorithm) {
  return { iv: new Members(algorithm).bytes("iv") };
}

function ctrParams(algorithm) {
  const members = new Members(algorithm);
  return { counter: members.bytes("counter"), length: members.integer("length", 8) };
}

function gcmParams(algorithm) {
  const members = new Members(algorithm);
  const additionalData = members.optionalBytes("additionalData") ?? NO_BYTES;
  return { additionalData, iv: members.bytes("iv"), tagLength: members.optionalInteger("tagLength", 8) ?? 128 };
}

function checkIv(iv) {
  if (iv.length !== BLOCK_BYTES) {
    throw failure("OperationError", `AES-CBC IV must be 16 bytes long (provided ${iv.length} bytes).`);
  }
}

function cbcEncrypt({ iv }, key, data) {
  checkIv(iv);
  return aesCbcEncrypt(key.material, iv, data);
}

function cbcDecrypt({ iv }, key, data) {
  checkIv(iv);
  const opened = aesCbcDecrypt(key.material, iv, data);
  if (opened === undefined) throw undecryptable("AES-CBC", data.length, 0);
  return opened;
}

function ctrCrypt({ counter, length }, key, data) {
  if (counter.length !== BLOCK_BYTES) {
    throw failure("OperationError", `Counter must have length of 16 bytes (provided ${counter.length}).`);
  }
  if (length === 0 || length > 128) {
    throw failure("OperationError", `Invalid counter of ${length} bits length provided.`);
  }
  const output = aesCtr(key.material, counter, length, data);
  if (output === undefined) throw failure("OperationError", "Counter block values will repeat.");
  return output;
}

function checkGcm({ iv, tagLength }) {
  if (iv.length === 0) throw failure("OperationError", "AES-GCM IV must not be empty.");
  if (!TAG_BITS.includes(tagLength)) throw failure("OperationError", `Invalid AES-GCM tag length ${tagLength}.`);
}

function gcmEncrypt(params, key, data) {
  checkGcm(params);
  return aesGcmEncrypt(key.material, params.iv, params.additionalData, params.tagLength / 8, data);
}

function gcmDecrypt(params, key, data) {
  checkGcm(params);
  const { iv, additionalData, tagLength } = params;
  const sealedBytes = data.length - tagLength / 8;
  if (sealedBytes < 0) {
    throw failure(
      "OperationError",
      `Ciphertext length of ${data.length * 8} bits must be greater than or equal to the size of the AES-GCM tag ` +
        `length of ${tagLength} bits.`,
    );
  }
  const opened = aesGcmDecrypt(key.material, iv, additionalData, tagLength / 8, data);
  if (opened === undefined) throw undecryptable("AES-GCM", sealedBytes, sealedBytes);
  return opened;
}

function kwWrap(_params, key, data) {
  const wrapped = aesKwWrap(key.material, data);
  if (wrapped === undefined) throw failure("OperationError", "AES-KW key wrapping failed.");
  return wrapped;
}

function kwUnwrap(_params, key, data) {
  const unwrapped = aesKwUnwrap(key.material, data);
  if (unwrapped === undefined) throw failure("OperationError", "AES-KW key unwrapping failed.");
  return unwrapped;
}

function keyLength({ length }) {
  if (!KEY_BITS.includes(length)) {
    throw failure(
      "OperationError",
      `Derived AES key must be 128, 192, or 256 bits in length but provided ${length}.`,
    );
  }
  return length;
}

/** The operations on keys, which differ by name and usages alone. */
function keyOperations(name, allowed) {
  const secret = (material, extractable, usages) =>
    makeKey({
      type: "secret",
      extractable,
      algorithm: { name, length: material.length * 8 },
      usages,
      material,
    });
  // "A128GCM" and the like.
  const jwkAlgorithm = (material) => `A${material.length * 8}${name.slice(4)}`;

  function generateKey({ length }, extractable, usages) {
    checkUsages(usages, allowed, "generate", name);
    if (!KEY_BITS.includes(length)) {
      throw failure(
        "OperationError",
        `Generated AES key length must be 128, 192, or 256 bits but requested ${length}.`,
      );
    }
    const material = new Uint8Array(length / 8);
    fill(material);
    return secret(material, extractable, usages);
  }

  function importKey(format, data, _params, extractable, usages) {
    checkUsages(usages, allowed, "import secret", name);
    let material;
    if (format === "raw") {
      material = data.slice();
    } else if (format === "jwk") {
      checkJwk(data, { kty: "oct", use: "enc", usages, extractable, name });
      material = jwkBytes(data, "k", name);
    } else {
      throw unsupportedFormat(format);
    }
    if (!KEY_BITS.includes(material.length * 8)) {
      throw failure(
        "DataError",
        `Imported AES key length must be 128, 192, or 256 bits but provided ${material.length * 8}.`,
      );
    }
    if (format === "jwk") checkJwkAlgorithm(data, jwkAlgorithm(material), name);
    return secret(material, extractable, usages);
  }

  function exportKey(format, key) {
    if (format === "raw") return key.material.slice().buffer;
    if (format === "jwk") {
      return { kty: "oct", ...jwkUse(key, jwkAlgorithm(key.material)), k: encodeJwkBytes(key.material) };
    }
    throw failure("NotSupportedError", `${name} key only supports exporting "raw" & "jwk", not "${format}".`);
  }

  return {
    generateKey: [lengthParams, generateKey],
    importKey: [none, importKey],
    exportKey,
    getKeyLength: [lengthParams, keyLength],
  };
}

export const aes = {
  "AES-CTR": {
    ...keyOperations("AES-CTR", CIPHER_USAGES),
    encrypt: [ctrParams, ctrCrypt],
    decrypt: [ctrParams, ctrCrypt],
  },
  "AES-CBC": {
    ...keyOperations("AES-CBC", CIPHER_USAGES),
    encrypt: [cbcParams, cbcEncrypt],
    decrypt: [cbcParams, cbcDecrypt],
  },
  "AES-GCM": {
    ...keyOperations("AES-GCM", CIPHER_USAGES),
    encrypt: [gcmParams, gcmEncrypt],
    decrypt: [gcmParams, gcmDecrypt],
  },
  "AES-KW": {
    ...keyOperations("AES-KW", WRAP_USAGES),
    wrapKey: [none, kwWrap],
    unwrapKey: [none, kwUnwrap],
  },
};
