// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP, https://w3c.github.io/webcrypto/#rsassa-pkcs1 and what follows it

import {
  keyExport,
  keyImport,
  keyIsPrivate,
  keyKind,
  keyPublic,
  rsaDecrypt,
  rsaEncrypt,
  rsaFromNumbers,
  rsaGenerate,
  rsaModulusBits,
  rsaNumbers,
  rsaSign,
  rsaVerify,
} from "atoll:native/crypto";
import { checkJwk, checkJwkAlgorithm, encodeJwkBytes, jwkBytes, jwkUse } from "./jwk.js";
import { makeKey } from "./key.js";
import { checkExportType, keyPair } from "./pairs.js";
import { Members, checkUsages, failure, undecryptable, unsupportedFormat } from "./params.js";

const NO_BYTES = new Uint8Array();
const PRIVATE_NUMBERS = ["d", "p", "q", "dp", "dq", "qi"];

const none = () => ({});
const importParams = (algorithm) => ({ hash: new Members(algorithm).hash() });
const pssParams = (algorithm) => ({ saltLength: new Members(algorithm).integer("saltLength", 32) });
const oaepParams = (algorithm) => ({ label: new Members(algorithm).optionalBytes("label") ?? NO_BYTES });

function generateParams(algorithm) {
  const members = new Members(algorithm);
  const modulusLength = members.integer("modulusLength", 32);
  return { modulusLength, publicExponent: members.bigInteger("publicExponent"), hash: members.hash() };
}

function checkGenerate(modulusLength, publicExponent) {
  if (modulusLength % 8 !== 0 || modulusLength < 1024 || modulusLength > 16384) {
    throw failure(
      "OperationError",
      `The modulus length must be a multiple of 8 and between 1024 and 16k, but ${modulusLength} was requested.`,
    );
  }
  const exponent = publicExponent.reduce((number, byte) => number * 256 + byte, 0);
  if (exponent !== 3 && exponent !== 65537) {
    const given = exponent < 2 ** 32 ? `got ${exponent}` : "got a number larger than 2^32";
    throw failure("OperationError", `The "publicExponent" must be either 3 or 65537, but ${given}.`);
  }
}

/** @param {string} prefix what the hash's number follows in the `alg` of a JSON Web Key */
function keyOperations(name, use, privateUsages, publicUsages, jwkAlgorithm) {
  const keyAlgorithm = (material, hash) => ({
    name,
    modulusLength: rsaModulusBits(material),
    publicExponent: new Uint8Array(rsaNumbers(material)[1]),
    hash,
  });

  function generateKey({ modulusLength, publicExponent, hash }, extractable, usages) {
    checkUsages(usages, [...privateUsages, ...publicUsages], "generate", name);
    checkGenerate(modulusLength, publicExponent);
    const material = rsaGenerate(modulusLength, publicExponent);
    if (material === undefined) throw failure("OperationError", "RSA key generation failed.");
    return keyPair(material, keyAlgorithm(material, hash), extractable, usages, privateUsages, publicUsages);
  }

  function fromJwk(jwk, hash, extractable, usages) {
    const isPrivate = jwk.d !== undefined;
    checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${isPrivate ? "private" : "public"}`, name);
    checkJwk(jwk, { kty: "RSA", use, usages, extractable, name });
    checkJwkAlgorithm(jwk, jwkAlgorithm(hash), name);
    if (jwk.oth !== undefined) throw failure("NotSupportedError", "Multi-prime private keys not supported.");
    const numbers = [jwkBytes(jwk, "n", "RSA"), jwkBytes(jwk, "e", "RSA")];
    if (isPrivate) {
      numbers.push(jwkBytes(jwk, "d", "RSA"));
      const factors = PRIVATE_NUMBERS.slice(1);
      if (factors.some((member) => jwk[member] !== undefined)) {
        const [p, q] = factors.map((member) => jwkBytes(jwk, member, "RSA"));
        numbers.push(p, q);
      }
    }
    return rsaFromNumbers(numbers);
  }

  function importKey(format, data, { hash }, extractable, usages) {
    let material;
    if (format === "jwk") {
      material = fromJwk(data, hash, extractable, usages);
    } else if (format === "pkcs8" || format === "spki") {
      const isPrivate = format === "pkcs8";
      checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${isPrivate ? "private" : "public"}`, name);
      material = keyImport(format, data, "");
      if (material === undefined) throw failure("DataError", `Invalid ${format.toUpperCase()} input.`);
    } else {
      throw unsupportedFormat(format);
    }
    if (material === undefined || keyKind(material) !== "RSA") throw failure("DataError", "Input was not an RSA key");
    const type = keyIsPrivate(material) ? "private" : "public";
    return makeKey({ type, extractable, algorithm: keyAlgorithm(material, hash), usages, material });
  }

  function exportKey(format, key) {
    if (format === "jwk") {
      const jwk = { kty: "RSA", ...jwkUse(key, jwkAlgorithm(key.algorithm.hash)) };
      const [n, e, ...rest] = rsaNumbers(key.material).map(encodeJwkBytes);
      Object.assign(jwk, { n, e });
      rest.forEach((number, index) => (jwk[PRIVATE_NUMBERS[index]] = number));
      return jwk;
    }
    checkExportType(format, key);
    return keyExport(key.material, format);
  }

  return { generateKey: [generateParams, generateKey], importKey: [importParams, importKey], exportKey };
}

const hashSuffix = (hash) => {
  if (!hash.startsWith("SHA-")) {
    throw failure("NotSupportedError", `JWK export not supported for hash algorithm "${hash}".`);
  }
  return hash.slice(4);
};

function sign(key, saltLength, data) {
  if (key.type !== "private") throw failure("InvalidAccessError", "Asymmetric signing requires a private key.");
  const signature = rsaSign(key.material, key.algorithm.hash, saltLength, data);
  if (signature === undefined) {
    const salt = saltLength === undefined ? "" : " and salt length";
    throw failure("OperationError", `key too small for signing with given digest${salt}`);
  }
  return signature;
}

function verify(key, saltLength, signature, data) {
  if (key.type !== "public") throw failure("InvalidAccessError", "Asymmetric verification requires a public key.");
  return rsaVerify(key.material, key.algorithm.hash, saltLength, signature, data);
}

function oaepEncrypt({ label }, key, data) {
  if (key.type !== "public") {
    throw failure(
      "InvalidAccessError",
      `Encryption/key wrapping only works with public keys, not "${key.type}".`,
    );
  }
  const sealed = rsaEncrypt(key.material, key.algorithm.hash, label, data);
  if (sealed === undefined) throw failure("OperationError", "RSA-OAEP failed encrypt/decrypt");
  return sealed;
}

function oaepDecrypt({ label }, key, data) {
  if (key.type !== "private") {
    throw failure(
      "InvalidAccessError",
      `Decryption/key unwrapping only works with private keys, not "${key.type}".`,
    );
  }
  const opened = rsaDecrypt(key.material, key.algorithm.hash, label, data);
  if (opened === undefined) throw undecryptable("RSA-OAEP", data.length, 0);
  return opened;
}

export const rsa = {
  "RSASSA-PKCS1-v1_5": {
    ...keyOperations("RSASSA-PKCS1-v1_5", "sig", ["sign"], ["verify"], (hash) => `RS${hashSuffix(hash)}`),
    sign: [none, (_params, key, data) => sign(key, undefined, data)],
    verify: [none, (_params, key, signature, data) => verify(key, undefined, signature, data)],
  },
  "RSA-PSS": {
    ...keyOperations("RSA-PSS", "sig", ["sign"], ["verify"], (hash) => `PS${hashSuffix(hash)}`),
    sign: [pssParams, ({ saltLength }, key, data) => sign(key, saltLength, data)],
    verify: [pssParams, ({ saltLength }, key, signature, data) => verify(key, saltLength, signature, data)],
  },
  "RSA-OAEP": {
    ...keyOperations("RSA-OAEP", "enc", ["decrypt", "unwrapKey"], ["encrypt", "wrapKey"], (hash) =>
      hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${hashSuffix(hash)}`,
    ),
    encrypt: [oaepParams, oaepEncrypt],
    decrypt: [oaepParams, oaepDecrypt],
  },
};
