// Signatures, RSA encryption and key agreement, https://nodejs.org/api/crypto.html#class-sign and what is near it

import {
  agree,
  ecdsaFromDer,
  ecdsaSign,
  ecdsaToDer,
  ecdsaVerify,
  ed25519Sign,
  ed25519Verify,
  keyExport,
  keyGenerate,
  keyImport,
  keyKind,
  keyPublic,
  rsaDecrypt,
  rsaEncrypt,
  rsaModulusBits,
  rsaSign,
  rsaVerify,
} from "atoll:native/crypto";
import { Buffer } from "../../node/buffer.js";
import { invalidArgValue, NodeError, notImplemented } from "../../node_support/errors.js";
import { validateFunction, validateObject, validateString } from "../../node_support/validators.js";
import { asymmetricKey, curveName, KeyObject } from "./keys.js";
import { bytesOf, later, output, requiredHash, viewBytes } from "./support.js";

export const PADDING = { RSA_PKCS1_PADDING: 1, RSA_NO_PADDING: 3, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6 };
export const SALT = { RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2 };

const HASH_BYTES = { MD5: 16, "SHA-1": 20, "SHA-224": 28, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 };
const NO_BYTES = new Uint8Array();

/** Beside the key itself, what the same argument says about how to use it. */
const optionsOf = (key) => (typeof key === "object" && key !== null && !(key instanceof KeyObject) ? key : {});

/** The hash to use; only Ed25519 has none to choose. */
function hashFor(kind, algorithm) {
  if (kind === "Ed25519") return undefined;
  return requiredHash(algorithm ?? "sha256");
}

/** Bytes of salt of PSS, less than zero for any, undefined for PKCS #1. */
function saltFor(key, hash, { padding = PADDING.RSA_PKCS1_PADDING, saltLength }, signing) {
  if (padding === PADDING.RSA_PKCS1_PADDING) return undefined;
  if (padding !== PADDING.RSA_PKCS1_PSS_PADDING) throw invalidArgValue("padding", padding);
  const salt = saltLength ?? SALT.RSA_PSS_SALTLEN_AUTO;
  if (salt === SALT.RSA_PSS_SALTLEN_DIGEST) return HASH_BYTES[hash];
  if (salt !== SALT.RSA_PSS_SALTLEN_AUTO) return salt;
  return signing ? Math.ceil((rsaModulusBits(key) - 1) / 8) - HASH_BYTES[hash] - 2 : -1;
}

function signBytes(algorithm, data, keyArgument) {
  const key = asymmetricKey(keyArgument, "private");
  const options = optionsOf(keyArgument);
  const kind = keyKind(key);
  const hash = hashFor(kind, algorithm);
  let signature;
  if (kind === "RSA") {
    const salt = saltFor(key, hash, options, true);
    signature = salt !== undefined && salt < 0 ? undefined : rsaSign(key, hash, salt, data);
  } else if (kind === "Ed25519") {
    signature = ed25519Sign(key, data);
  } else if (kind === "X25519") {
    throw new NodeError("ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE", "operation not supported for this keytype");
  } else {
    signature = ecdsaSign(key, hash, data);
    if (options.dsaEncoding !== "ieee-p1363") signature = ecdsaToDer(kind, new Uint8Array(signature));
  }
  if (signature === undefined) throw new NodeError("ERR_OSSL_RSA_DIGEST_TOO_BIG_FOR_RSA_KEY", "digest too big for rsa key");
  return signature;
}

function verifyBytes(algorithm, data, keyArgument, signature) {
  const key = asymmetricKey(keyArgument, "public");
  const options = optionsOf(keyArgument);
  const kind = keyKind(key);
  const hash = hashFor(kind, algorithm);
  if (kind === "RSA") return rsaVerify(key, hash, saltFor(key, hash, options, false), signature, data);
  if (kind === "Ed25519") return ed25519Verify(key, signature, data);
  if (options.dsaEncoding === "ieee-p1363") return ecdsaVerify(key, hash, signature, data);
  const raw = ecdsaFromDer(kind, signature);
  return raw !== undefined && ecdsaVerify(key, hash, new Uint8Array(raw), data);
}

export function sign(algorithm, data, key, callback) {
  if (algorithm !== null && algorithm !== undefined) validateString(algorithm, "algorithm");
  const bytes = bytesOf(data, "data");
  const work = () => output(signBytes(algorithm, bytes, key));
  if (callback === undefined) return work();
  validateFunction(callback, "callback");
  later(callback, work);
}

export function verify(algorithm, data, key, signature, callback) {
  if (algorithm !== null && algorithm !== undefined) validateString(algorithm, "algorithm");
  const bytes = bytesOf(data, "data");
  const signatureBytes = bytesOf(signature, "signature");
  const work = () => verifyBytes(algorithm, bytes, key, signatureBytes);
  if (callback === undefined) return work();
  validateFunction(callback, "callback");
  later(callback, work);
}

/** What Sign and Verify have in common: they gather data. */
class Gatherer {
  #algorithm;
  #pieces = [];

  constructor(algorithm) {
    validateString(algorithm, "algorithm");
    requiredHash(algorithm);
    this.#algorithm = algorithm;
  }

  update(data, encoding) {
    this.#pieces.push(viewBytes(data, "data", encoding).slice());
    return this;
  }

  /** So that it can stand where a writable stream is used by hand. */
  write(data, encoding) {
    this.update(data, encoding);
    return true;
  }

  end(data, encoding) {
    if (data !== undefined) this.update(data, encoding);
    return this;
  }

  take(work) {
    return work(this.#algorithm, new Uint8Array(Buffer.concat(this.#pieces)));
  }
}

export class Sign extends Gatherer {
  sign(key, encoding) {
    return this.take((algorithm, data) => output(signBytes(algorithm, data, key), encoding));
  }
}

export class Verify extends Gatherer {
  verify(key, signature, encoding) {
    const bytes = bytesOf(signature, "signature", encoding);
    return this.take((algorithm, data) => verifyBytes(algorithm, data, key, bytes));
  }
}

export const createSign = (algorithm) => new Sign(algorithm);
export const createVerify = (algorithm) => new Verify(algorithm);

/** The hash of OAEP, or undefined for PKCS #1. */
function encryptionHash({ padding = PADDING.RSA_PKCS1_OAEP_PADDING, oaepHash = "sha1" }) {
  if (padding === PADDING.RSA_PKCS1_OAEP_PADDING) return requiredHash(oaepHash);
  if (padding === PADDING.RSA_PKCS1_PADDING) return undefined;
  throw notImplemented("RSA encryption without padding");
}

function crypt(operation, keyArgument, wanted, data) {
  const key = asymmetricKey(keyArgument, wanted);
  const options = optionsOf(keyArgument);
  const label = options.oaepLabel === undefined ? NO_BYTES : bytesOf(options.oaepLabel, "key.oaepLabel");
  const result = operation(key, encryptionHash(options), label, bytesOf(data, "buffer", options.encoding));
  if (result === undefined) {
    throw wanted === "public"
      ? new NodeError("ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE", "data too large for key size")
      : new NodeError("ERR_OSSL_RSA_OAEP_DECODING_ERROR", "error:02000079:rsa routines::oaep decoding error");
  }
  return output(result);
}

export const publicEncrypt = (key, data) => crypt(rsaEncrypt, key, "public", data);
export const privateDecrypt = (key, data) => crypt(rsaDecrypt, key, "private", data);

export function diffieHellman(options) {
  validateObject(options, "options");
  const privateKey = asymmetricKey(options.privateKey, "private");
  const publicKey = asymmetricKey(options.publicKey, "public");
  const secret = agree(privateKey, publicKey);
  if (secret === undefined) throw new NodeError("ERR_CRYPTO_INCOMPATIBLE_KEY", "Incompatible key types for Diffie-Hellman");
  return output(secret);
}

export class ECDH {
  #curve;
  #key;

  constructor(curve) {
    this.#curve = curveName(curve);
  }

  #given() {
    if (this.#key === undefined) throw new NodeError("ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY", "Failed to get ECDH public key");
    return this.#key;
  }

  generateKeys(encoding, format) {
    this.#key = keyGenerate(this.#curve);
    return this.getPublicKey(encoding, format);
  }

  getPublicKey(encoding, format = "uncompressed") {
    const point = new Uint8Array(keyExport(keyPublic(this.#given()), "raw"));
    if (format === "uncompressed") return output(point, encoding);
    if (format !== "compressed") throw invalidArgValue("format", format);
    const compressed = point.slice(0, (point.length + 1) / 2);
    compressed[0] = 2 + (point.at(-1) & 1);
    return output(compressed, encoding);
  }

  getPrivateKey(encoding) {
    return output(keyExport(this.#given(), "raw"), encoding);
  }

  setPrivateKey(key, encoding) {
    const bytes = bytesOf(key, "key", encoding);
    const size = { "P-256": 32, "P-384": 48, "P-521": 66 }[this.#curve];
    const padded = new Uint8Array(size);
    if (bytes.length <= size) padded.set(bytes, size - bytes.length);
    const imported = keyImport("raw-private", padded, this.#curve);
    if (imported === undefined) {
      throw new NodeError("ERR_CRYPTO_INVALID_KEYTYPE", "Private key is not valid for specified curve.");
    }
    this.#key = imported;
    return this;
  }

  computeSecret(peer, inputEncoding, outputEncoding) {
    const key = keyImport("raw-public", bytesOf(peer, "otherPublicKey", inputEncoding), this.#curve);
    if (key === undefined) {
      throw new NodeError("ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY", "Public key is not valid for specified curve");
    }
    return output(agree(this.#given(), key), outputEncoding);
  }
}

export const createECDH = (curve) => new ECDH(curve);
