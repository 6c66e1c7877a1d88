// What all kinds of key pairs have in common.

import { agree, keyPublic } from "atoll:native/crypto";
import { makeKey } from "./key.js";
import { Members, failure, firstBits } from "./params.js";

/** The two halves of a new private key. A public key can always be exported. */
export function keyPair(material, algorithm, extractable, usages, privateUsages, publicUsages) {
  const only = (allowed) => usages.filter((usage) => allowed.includes(usage));
  return {
    publicKey: makeKey({
      type: "public",
      extractable: true,
      algorithm,
      usages: only(publicUsages),
      material: keyPublic(material),
    }),
    privateKey: makeKey({ type: "private", extractable, algorithm, usages: only(privateUsages), material }),
  };
}

/** Throws unless a key of that type has that binary form. */
export function checkExportType(format, { type, algorithm }) {
  if (format === "pkcs8") {
    if (type !== "private") {
      throw failure("InvalidAccessError", `Asymmetric pkcs8 export requires private key (not "${type}").`);
    }
  } else if (format === "spki") {
    if (type !== "public") {
      throw failure("InvalidAccessError", `Asymmetric spki export requires public key (not "${type}").`);
    }
  } else {
    throw failure("NotSupportedError", `Cannot export "${algorithm.name}" in "${format}" format.`);
  }
}

/** EcdhKeyDeriveParams. */
export const agreeParams = (algorithm) => ({ public: new Members(algorithm, "derivedKeyParams").key("public") });

/** The secret that two keys share: ECDH and X25519. */
export function agreeBits({ public: peer }, key, length) {
  const { name, namedCurve } = key.algorithm;
  if (key.type !== "private") {
    throw failure(
      "InvalidAccessError",
      `The deriveBits operation is only valid for a private key, not "${key.type}".`,
    );
  }
  if (peer.type !== "public") {
    throw failure("InvalidAccessError", `The provided key has type "${peer.type}", not "public"`);
  }
  if (peer.algorithm.name !== name) {
    throw failure(
      "InvalidAccessError",
      `Base ${name} private key cannot be used to derive a key from a peer ${peer.algorithm.name} public key`,
    );
  }
  if (peer.algorithm.namedCurve !== namedCurve) {
    throw failure(
      "InvalidAccessError",
      `Private key for derivation is using curve "${namedCurve}" while public key is using ` +
        `"${peer.algorithm.namedCurve}".`,
    );
  }
  const secret = agree(key.material, peer.material);
  if (secret === undefined) throw failure("OperationError", `Failed to generate shared ${name} secret`);
  const bits = secret.byteLength * 8;
  if (length === null || length === undefined) return secret;
  if (length > bits) {
    throw failure(
      "OperationError",
      `Derived key length (${length} bits) is too long (should be at most ${bits} bits).`,
    );
  }
  return firstBits(secret, length);
}
