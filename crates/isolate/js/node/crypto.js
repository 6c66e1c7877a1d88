// node:crypto, https://nodejs.org/api/crypto.html

import { timingSafeEqual as nativeTimingSafeEqual } from "atoll:native/crypto";
import { crypto as webcrypto } from "../crypto/crypto.js";
import { CryptoKey } from "../crypto/key.js";
import { Cipheriv, createCipheriv, createDecipheriv, Decipheriv, getCipherInfo, getCiphers } from "../crypto/node/cipher.js";
import { createDiffieHellman, DiffieHellman, DiffieHellmanGroup, getDiffieHellman } from "../crypto/node/diffie_hellman.js";
import { createHash, createHmac, getHashes, Hash, hash, Hmac } from "../crypto/node/hash.js";
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from "../crypto/node/kdf.js";
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  getCurves,
  KeyObject,
} from "../crypto/node/keys.js";
import { checkPrime, checkPrimeSync, generatePrime, generatePrimeSync } from "../crypto/node/numbers.js";
import { randomBytes, randomFill, randomFillSync, randomInt, randomUUID } from "../crypto/node/random.js";
import {
  createECDH,
  createSign,
  createVerify,
  diffieHellman,
  ECDH,
  PADDING,
  privateDecrypt,
  publicEncrypt,
  SALT,
  Sign,
  sign,
  Verify,
  verify,
} from "../crypto/node/sign.js";
import { subtle } from "../crypto/subtle.js";
import { invalidArgType, NodeRangeError, notImplemented } from "../node_support/errors.js";
import { bufferSource } from "../webidl.js";

const constants = Object.freeze({
  ...PADDING,
  ...SALT,
  POINT_CONVERSION_COMPRESSED: 2,
  POINT_CONVERSION_UNCOMPRESSED: 4,
  POINT_CONVERSION_HYBRID: 6,
});

function timingSafeEqual(a, b) {
  const [first, second] = [a, b].map((value, index) => {
    const bytes = bufferSource(value);
    if (bytes === undefined) {
      throw invalidArgType(`buf${index + 1}`, ["ArrayBuffer", "Buffer", "TypedArray", "DataView"], value);
    }
    return bytes;
  });
  if (first.length !== second.length) {
    throw new NodeRangeError(
      "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH",
      "Input buffers must have the same byte length",
    );
  }
  return nativeTimingSafeEqual(first, second);
}

const getRandomValues = (array) => webcrypto.getRandomValues(array);
const pseudoRandomBytes = randomBytes;
const getFips = () => 0;
const secureHeapUsed = () => ({ total: 0, used: 0, utilization: 0, min: 0 });

function setFips(enabled) {
  if (enabled) throw notImplemented("crypto.setFips");
}

/** A function or class of Node's that is not here; it says so when it is used. */
function missing(name) {
  const function_ = function () {
    throw notImplemented(`crypto.${name}`);
  };
  Object.defineProperty(function_, "name", { value: name });
  return function_;
}

const Certificate = missing("Certificate");
const createDiffieHellmanGroup = getDiffieHellman;
const privateEncrypt = missing("privateEncrypt");
const publicDecrypt = missing("publicDecrypt");
const setEngine = missing("setEngine");
const X509Certificate = missing("X509Certificate");

export {
  Certificate,
  checkPrime,
  checkPrimeSync,
  Cipheriv,
  constants,
  createCipheriv,
  createDecipheriv,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  CryptoKey,
  Decipheriv,
  DiffieHellman,
  diffieHellman,
  DiffieHellmanGroup,
  ECDH,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  generatePrime,
  generatePrimeSync,
  getCipherInfo,
  getCiphers,
  getCurves,
  getDiffieHellman,
  getFips,
  getHashes,
  getRandomValues,
  Hash,
  hash,
  hkdf,
  hkdfSync,
  Hmac,
  KeyObject,
  pbkdf2,
  pbkdf2Sync,
  privateDecrypt,
  privateEncrypt,
  pseudoRandomBytes,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  scrypt,
  scryptSync,
  secureHeapUsed,
  setEngine,
  setFips,
  Sign,
  sign,
  subtle,
  timingSafeEqual,
  Verify,
  verify,
  webcrypto,
  X509Certificate,
};

export default {
  Certificate,
  checkPrime,
  checkPrimeSync,
  Cipheriv,
  constants,
  createCipheriv,
  createDecipheriv,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  CryptoKey,
  Decipheriv,
  DiffieHellman,
  diffieHellman,
  DiffieHellmanGroup,
  ECDH,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  generatePrime,
  generatePrimeSync,
  getCipherInfo,
  getCiphers,
  getCurves,
  getDiffieHellman,
  getFips,
  getHashes,
  getRandomValues,
  Hash,
  hash,
  hkdf,
  hkdfSync,
  Hmac,
  KeyObject,
  pbkdf2,
  pbkdf2Sync,
  privateDecrypt,
  privateEncrypt,
  pseudoRandomBytes,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  scrypt,
  scryptSync,
  secureHeapUsed,
  setEngine,
  setFips,
  Sign,
  sign,
  subtle,
  timingSafeEqual,
  Verify,
  verify,
  webcrypto,
  X509Certificate,
  fips: false,
};
