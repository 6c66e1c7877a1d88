// HKDF and PBKDF2, https://w3c.github.io/webcrypto/#hkdf and #pbkdf2
//
// Workers cap PBKDF2 at 100,000 iterations in production and nowhere else; here the processor time an event may use is
// the cap.

import { hkdf, pbkdf2 } from "atoll:native/crypto";
import { makeKey } from "./key.js";
import { Members, checkUsages, failure, unsupportedFormat } from "./params.js";

const USAGES = ["deriveKey", "deriveBits"];

const none = () => ({});

function hkdfParams(algorithm) {
  const members = new Members(algorithm);
  return { hash: members.hash(), info: members.bytes("info"), salt: members.bytes("salt") };
}

function pbkdf2Params(algorithm) {
  const members = new Members(algorithm);
  const hash = members.hash();
  return { hash, iterations: members.integer("iterations", 32), salt: members.bytes("salt") };
}

function checkLength(name, length) {
  if (length === null || length === undefined) {
    throw failure("OperationError", `${name} cannot derive a key with null length.`);
  }
  if (length % 8 !== 0) {
    throw failure(
      "OperationError",
      `${name} requires a derived key length that is a multiple of eight (requested ${length}).`,
    );
  }
}

function hkdfBits({ hash, info, salt }, key, length) {
  checkLength("HKDF", length);
  const derived = hkdf(hash, key.material, salt, info, length / 8);
  if (derived === undefined) throw failure("OperationError", "HKDF deriveBits failed.");
  return derived;
}

function pbkdf2Bits({ hash, iterations, salt }, key, length) {
  checkLength("PBKDF2", length);
  if (iterations === 0) {
    throw failure("OperationError", "PBKDF2 requires a positive iteration count (requested 0).");
  }
  return pbkdf2(hash, key.material, salt, iterations, length / 8);
}

const importKey = (name) =>
  function (format, data, _params, extractable, usages) {
    checkUsages(usages, USAGES, "import secret", name);
    if (extractable) throw failure("SyntaxError", `${name} key cannot be extractable.`);
    if (format !== "raw") throw unsupportedFormat(format);
    return makeKey({ type: "secret", extractable: false, algorithm: { name }, usages, material: data.slice() });
  };

const keyOperations = (name) => ({
  importKey: [none, importKey(name)],
  getKeyLength: [none, () => null],
});

export const kdf = {
  HKDF: { ...keyOperations("HKDF"), deriveBits: [hkdfParams, hkdfBits] },
  PBKDF2: { ...keyOperations("PBKDF2"), deriveBits: [pbkdf2Params, pbkdf2Bits] },
};
