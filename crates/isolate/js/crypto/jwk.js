// JSON Web Keys, RFC 7517, as WebCrypto reads and writes them.

import { base64UrlDecode, base64UrlEncode } from "atoll:native/crypto";
import { failure } from "./params.js";

const STRINGS = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y"];

/** Reads a JsonWebKey dictionary out of whatever was given. */
export function toJsonWebKey(value) {
  const jwk = {};
  for (const member of STRINGS) {
    if (value[member] !== undefined) jwk[member] = String(value[member]);
  }
  if (value.ext !== undefined) jwk.ext = Boolean(value.ext);
  if (value.key_ops !== undefined) jwk.key_ops = Array.from(value.key_ops, String);
  if (value.oth !== undefined) jwk.oth = value.oth;
  return jwk;
}

/**
 * The checks that every kind of key has in common.
 * @param {{ kty: string, use: string, usages: string[], extractable: boolean, name: string }} expected
 */
export function checkJwk(jwk, { kty, use, usages, extractable, name }) {
  if (jwk.kty !== kty) {
    throw failure(
      "DataError",
      `${name} "jwk" key import requires a JSON Web Key with Key Type parameter "kty" ("${jwk.kty}") equal to "${kty}".`,
    );
  }
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw failure(
      "DataError",
      `${name} "jwk" key import with usages requires a JSON Web Key with Public Key Use parameter "use" ` +
        `("${jwk.use}") equal to "${use}".`,
    );
  }
  if (jwk.key_ops !== undefined) {
    if (new Set(jwk.key_ops).size !== jwk.key_ops.length) {
      throw failure(
        "DataError",
        'A JSON Web Key\'s Key Operations parameter ("key_ops") must not contain duplicates.',
      );
    }
    if (!usages.every((usage) => jwk.key_ops.includes(usage))) {
      throw failure(
        "DataError",
        'All specified key usages must be present in the JSON Web Key\'s Key Operations parameter ("key_ops").',
      );
    }
  }
  if (extractable && jwk.ext === false) {
    throw failure("DataError", "Cannot create an extractable CryptoKey from an unextractable JSON Web Key.");
  }
}

/** Throws unless the key says nothing about its algorithm, or the right thing. */
export function checkJwkAlgorithm(jwk, expected, name) {
  if (jwk.alg !== undefined && jwk.alg !== expected) {
    throw failure(
      "DataError",
      `${name} "jwk" key import requires a JSON Web Key with Algorithm parameter "alg" ("${jwk.alg}") equal to ` +
        `"${expected}".`,
    );
  }
}

/** The bytes of a member. */
export function jwkBytes(jwk, member, name) {
  const buffer = jwk[member] === undefined ? undefined : base64UrlDecode(jwk[member]);
  if (buffer === undefined) {
    throw failure("DataError", `Invalid ${name} key in JSON Web Key; missing or invalid parameter ("${member}").`);
  }
  return new Uint8Array(buffer);
}

export const encodeJwkBytes = (buffer) => base64UrlEncode(new Uint8Array(buffer));

/** The members that say what a key may do. */
export const jwkUse = ({ usages, extractable }, alg) => ({
  key_ops: [...usages],
  ...(alg === undefined ? undefined : { alg }),
  ext: extractable,
});
