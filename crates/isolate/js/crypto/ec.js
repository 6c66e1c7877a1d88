// ECDSA and ECDH on the NIST curves, https://w3c.github.io/webcrypto/#ecdsa and #ecdh

import {
  ecdsaSign,
  ecdsaVerify,
  keyExport,
  keyGenerate,
  keyImport,
  keyIsPrivate,
  keyKind,
  keyPublic,
} from "atoll:native/crypto";
import { checkJwk, checkJwkAlgorithm, encodeJwkBytes, jwkBytes, jwkUse } from "./jwk.js";
import { makeKey } from "./key.js";
import { agreeBits, agreeParams, checkExportType, keyPair } from "./pairs.js";
import { Members, checkUsages, failure, unsupportedFormat } from "./params.js";

const JWK_ALGORITHMS = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
const FIELD_BYTES = { "P-256": 32, "P-384": 48, "P-521": 66 };

function curveParams(algorithm) {
  return { namedCurve: new Members(algorithm).string("namedCurve") };
}

function checkCurve(namedCurve) {
  if (!Object.hasOwn(JWK_ALGORITHMS, namedCurve)) {
    throw failure("NotSupportedError", `Unrecognized or unimplemented EC curve "${namedCurve}" requested.`);
  }
}

function coordinate(jwk, member, curve) {
  const bytes = jwkBytes(jwk, member, "EC");
  if (bytes.length !== FIELD_BYTES[curve]) {
    throw failure("DataError", `Invalid EC key in JSON Web Key; parameter ("${member}") has the wrong length.`);
  }
  return bytes;
}

/** Uncompressed form of a point: 4, x, y. */
function point(jwk, curve) {
  const size = FIELD_BYTES[curve];
  const bytes = new Uint8Array(1 + 2 * size);
  bytes[0] = 4;
  bytes.set(coordinate(jwk, "x", curve), 1);
  bytes.set(coordinate(jwk, "y", curve), 1 + size);
  return bytes;
}

const equalBytes = (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]);

function fromJwk(jwk, curve) {
  if (jwk.crv !== curve) {
    throw failure(
      "DataError",
      `JSON Web Key Curve parameter "crv" ("${jwk.crv}") does not match requested curve "${curve}".`,
    );
  }
  const expected = point(jwk, curve);
  if (jwk.d === undefined) return keyImport("raw-public", expected, curve);
  const key = keyImport("raw-private", coordinate(jwk, "d", curve), curve);
  if (key === undefined) return undefined;
  return equalBytes(new Uint8Array(keyExport(keyPublic(key), "raw")), expected) ? key : undefined;
}

function keyOperations(name, privateUsages, publicUsages) {
  const use = name === "ECDSA" ? "sig" : "enc";

  function generateKey({ namedCurve }, extractable, usages) {
    checkCurve(namedCurve);
    checkUsages(usages, [...privateUsages, ...publicUsages], "generate", name);
    return keyPair(keyGenerate(namedCurve), { name, namedCurve }, extractable, usages, privateUsages, publicUsages);
  }

  function importKey(format, data, { namedCurve }, extractable, usages) {
    checkCurve(namedCurve);
    const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
    checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${isPrivate ? "private" : "public"}`, name);
    let material;
    if (format === "jwk") {
      checkJwk(data, { kty: "EC", use, usages, extractable, name });
      if (name === "ECDSA") checkJwkAlgorithm(data, JWK_ALGORITHMS[namedCurve], name);
      material = fromJwk(data, namedCurve);
    } else if (format === "raw") {
      material = keyImport("raw-public", data, namedCurve);
    } else if (format === "pkcs8" || format === "spki") {
      material = keyImport(format, data, "");
    } else {
      throw unsupportedFormat(format);
    }
    if (material === undefined || keyKind(material) !== namedCurve) {
      throw failure("DataError", `Input was not a valid key on the curve "${namedCurve}".`);
    }
    const type = keyIsPrivate(material) ? "private" : "public";
    return makeKey({ type, extractable, algorithm: { name, namedCurve }, usages, material });
  }

  function exportKey(format, key) {
    const { material, type } = key;
    const { namedCurve } = key.algorithm;
    if (format === "raw") {
      if (type !== "public") {
        throw failure("InvalidAccessError", "Raw export of elliptic curve keys is only allowed for public keys.");
      }
      return keyExport(material, "raw");
    }
    if (format === "jwk") {
      const bytes = new Uint8Array(keyExport(keyPublic(material), "raw"));
      const size = FIELD_BYTES[namedCurve];
      return {
        kty: "EC",
        ...jwkUse(key),
        crv: namedCurve,
        x: encodeJwkBytes(bytes.subarray(1, 1 + size)),
        y: encodeJwkBytes(bytes.subarray(1 + size)),
        ...(type === "private" ? { d: encodeJwkBytes(keyExport(material, "raw")) } : undefined),
      };
    }
    checkExportType(format, key);
    return keyExport(material, format);
  }

  return { generateKey: [curveParams, generateKey], importKey: [curveParams, importKey], exportKey };
}

function ecdsaParams(algorithm) {
  if (algorithm?.hash === undefined) {
    throw new TypeError(
      'Missing "hash" in AlgorithmIdentifier. (ECDSA requires that the hash algorithm be specified at call time ' +
        "rather than on the key. This differs from other WebCrypto algorithms for historical reasons.)",
    );
  }
  return { hash: new Members(algorithm).hash() };
}

function sign({ hash }, key, data) {
  if (key.type !== "private") throw failure("InvalidAccessError", "Asymmetric signing requires a private key.");
  return ecdsaSign(key.material, hash, data);
}

function verify({ hash }, key, signature, data) {
  if (key.type !== "public") throw failure("InvalidAccessError", "Asymmetric verification requires a public key.");
  return ecdsaVerify(key.material, hash, signature, data);
}

export const ec = {
  ECDSA: {
    ...keyOperations("ECDSA", ["sign"], ["verify"]),
    sign: [ecdsaParams, sign],
    verify: [ecdsaParams, verify],
  },
  ECDH: {
    ...keyOperations("ECDH", ["deriveKey", "deriveBits"], []),
    deriveBits: [agreeParams, agreeBits],
  },
};
