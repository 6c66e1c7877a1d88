// Ed25519 and X25519, https://w3c.github.io/webcrypto/#ed25519 and #x25519; NODE-ED25519 is what Workers called the
// former before it had a name.

import {
  ed25519Sign,
  ed25519Verify,
  keyExport,
  keyGenerate,
  keyImport,
  keyIsPrivate,
  keyKind,
  keyPublic,
} from "atoll:native/crypto";
import { checkJwk, encodeJwkBytes, jwkBytes, jwkUse } from "./jwk.js";
import { makeKey } from "./key.js";
import { agreeBits, agreeParams, checkExportType, keyPair } from "./pairs.js";
import { Members, checkUsages, failure, unsupportedFormat } from "./params.js";

const none = () => ({});

function nodeParams(algorithm) {
  const namedCurve = new Members(algorithm).string("namedCurve");
  if (namedCurve !== "NODE-ED25519") {
    throw failure("NotSupportedError", `EDDSA curve "${namedCurve}" isn't supported.`);
  }
  return {};
}

const equalBytes = (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]);

function fromJwk(jwk, curve) {
  if (jwk.crv !== curve) {
    throw failure(
      "DataError",
      `JSON Web Key Curve parameter "crv" ("${jwk.crv}") does not match requested curve "${curve}".`,
    );
  }
  const x = jwkBytes(jwk, "x", "OKP");
  if (jwk.d === undefined) return keyImport("raw-public", x, curve);
  const key = keyImport("raw-private", jwkBytes(jwk, "d", "OKP"), curve);
  if (key === undefined) return undefined;
  return equalBytes(new Uint8Array(keyExport(keyPublic(key), "raw")), x) ? key : undefined;
}

function keyOperations(name, curve, params, privateUsages, publicUsages) {
  const algorithm = name === curve ? { name } : { name, namedCurve: name };
  const use = curve === "Ed25519" ? "sig" : "enc";

  function generateKey(_params, extractable, usages) {
    checkUsages(usages, [...privateUsages, ...publicUsages], "generate", name);
    return keyPair(keyGenerate(curve), algorithm, extractable, usages, privateUsages, publicUsages);
  }

  function importKey(format, data, _params, extractable, usages) {
    const isPrivate = format === "pkcs8" || (format === "jwk" && data.d !== undefined);
    checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${isPrivate ? "private" : "public"}`, name);
    let material;
    if (format === "jwk") {
      checkJwk(data, { kty: "OKP", use, usages, extractable, name });
      if (name === "Ed25519" && ![undefined, "EdDSA", "Ed25519"].includes(data.alg)) {
        throw failure(
          "DataError",
          `JSON Web Key Algorithm parameter "alg" ("${data.alg}") does not match requested Ed25519 curve.`,
        );
      }
      material = fromJwk(data, curve);
    } else if (format === "raw") {
      material = keyImport("raw-public", data, curve);
    } else if (format === "pkcs8" || format === "spki") {
      material = keyImport(format, data, "");
    } else {
      throw unsupportedFormat(format);
    }
    if (material === undefined || keyKind(material) !== curve) {
      throw failure("DataError", `Input was not a valid ${curve} key.`);
    }
    const type = keyIsPrivate(material) ? "private" : "public";
    return makeKey({ type, extractable, algorithm, usages, material });
  }

  function exportKey(format, key) {
    const { material, type } = key;
    if (format === "raw") {
      if (type !== "public") {
        throw failure("InvalidAccessError", `Raw export of ${name} keys is only allowed for public keys.`);
      }
      return keyExport(material, "raw");
    }
    if (format === "jwk") {
      return {
        kty: "OKP",
        ...jwkUse(key, name === "Ed25519" ? "EdDSA" : undefined),
        crv: curve,
        x: encodeJwkBytes(keyExport(keyPublic(material), "raw")),
        ...(type === "private" ? { d: encodeJwkBytes(keyExport(material, "raw")) } : undefined),
      };
    }
    checkExportType(format, key);
    return keyExport(material, format);
  }

  return { generateKey: [params, generateKey], importKey: [params, importKey], exportKey };
}

function sign(_params, key, data) {
  if (key.type !== "private") throw failure("InvalidAccessError", "Asymmetric signing requires a private key.");
  return ed25519Sign(key.material, data);
}

function verify(_params, key, signature, data) {
  if (key.type !== "public") throw failure("InvalidAccessError", "Asymmetric verification requires a public key.");
  return ed25519Verify(key.material, signature, data);
}

const signing = { sign: [none, sign], verify: [none, verify] };

export const curve25519 = {
  Ed25519: { ...keyOperations("Ed25519", "Ed25519", none, ["sign"], ["verify"]), ...signing },
  "NODE-ED25519": { ...keyOperations("NODE-ED25519", "Ed25519", nodeParams, ["sign"], ["verify"]), ...signing },
  X25519: {
    ...keyOperations("X25519", "X25519", none, ["deriveKey", "deriveBits"], []),
    deriveBits: [agreeParams, agreeBits],
  },
};
