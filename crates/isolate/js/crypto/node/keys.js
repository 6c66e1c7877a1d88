// KeyObject and what makes one, https://nodejs.org/api/crypto.html#class-keyobject

import {
  keyExport,
  keyGenerate,
  keyImport,
  keyIsPrivate,
  keyKind,
  keyPublic,
  rsaFromNumbers,
  rsaGenerate,
  rsaModulusBits,
  rsaNumbers,
  timingSafeEqual,
} from "atoll:native/crypto";
import { fill } from "atoll:native/random";
import { Buffer } from "../../node/buffer.js";
import { invalidArgType, invalidArgValue, NodeError, NodeTypeError, notImplemented } from "../../node_support/errors.js";
import { validateFunction, validateInteger, validateObject, validateString } from "../../node_support/validators.js";
import { bufferSource } from "../../webidl.js";
import { encodeJwkBytes, jwkBytes } from "../jwk.js";
import { keyState } from "../key.js";
import { fromUtf8 } from "../params.js";
import { bytesOf, later } from "./support.js";

const KINDS = { "P-256": "ec", "P-384": "ec", "P-521": "ec", RSA: "rsa", Ed25519: "ed25519", X25519: "x25519" };
const OPENSSL_CURVES = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" };
const CURVES = new Map(
  Object.entries({ ...OPENSSL_CURVES, secp256r1: "prime256v1" }).flatMap(([name, curve]) => {
    const standard = Object.keys(OPENSSL_CURVES).find((known) => OPENSSL_CURVES[known] === curve);
    return [
      [name, standard],
      [curve, standard],
    ];
  }),
);
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/;
/** What a PEM's label says about what is inside: format and type. */
const PEM_FORMATS = {
  "PRIVATE KEY": "pkcs8",
  "PUBLIC KEY": "spki",
  "RSA PRIVATE KEY": "pkcs1-private",
  "RSA PUBLIC KEY": "pkcs1-public",
  "EC PRIVATE KEY": "sec1",
};
const PRIVATE_NUMBERS = ["d", "p", "q", "dp", "dq", "qi"];
const MAKE = Symbol();

/** The standard name of a curve. */
export function curveName(name) {
  validateString(name, "namedCurve");
  const curve = CURVES.get(name);
  if (curve === undefined) throw new NodeTypeError("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name");
  return curve;
}

export const getCurves = () => Object.values(OPENSSL_CURVES);

let materialOf;

export class KeyObject {
  #type;
  /** The bytes of a secret key, or a native key. */
  #material;

  constructor(guard, type, material) {
    if (guard !== MAKE) throw new TypeError("Illegal constructor");
    this.#type = type;
    this.#material = material;
  }

  static {
    materialOf = (key) => key.#material;
  }

  /** @returns {KeyObject} */
  static from(key) {
    const state = keyState(key);
    if (state === undefined) throw invalidArgType("key", "CryptoKey", key);
    return makeKeyObject(state.type, state.material);
  }

  get type() {
    return this.#type;
  }

  get [Symbol.toStringTag]() {
    return "KeyObject";
  }

  get symmetricKeySize() {
    return this.#type === "secret" ? this.#material.length : undefined;
  }

  get asymmetricKeyType() {
    return this.#type === "secret" ? undefined : KINDS[keyKind(this.#material)];
  }

  get asymmetricKeyDetails() {
    if (this.#type === "secret") return undefined;
    const kind = keyKind(this.#material);
    if (kind === "RSA") {
      const exponent = new Uint8Array(rsaNumbers(this.#material)[1]);
      return {
        modulusLength: rsaModulusBits(this.#material),
        publicExponent: exponent.reduce((number, byte) => number * 256n + BigInt(byte), 0n),
      };
    }
    return OPENSSL_CURVES[kind] === undefined ? {} : { namedCurve: OPENSSL_CURVES[kind] };
  }

  equals(other) {
    if (!(other instanceof KeyObject)) throw invalidArgType("otherKeyObject", "KeyObject", other);
    if (other.#type !== this.#type) return false;
    const bytes = (key) =>
      key.#type === "secret"
        ? key.#material
        : new Uint8Array(keyExport(key.#material, key.#type === "private" ? "pkcs8" : "spki"));
    const [a, b] = [bytes(this), bytes(other)];
    return a.length === b.length && timingSafeEqual(a, b);
  }

  export(options = {}) {
    validateObject(options, "options");
    return this.#type === "secret" ? exportSecret(this.#material, options) : exportKey(this.#material, options);
  }
}

const makeKeyObject = (type, material) => new KeyObject(MAKE, type, material);

function exportSecret(material, { format }) {
  if (format === "jwk") return { kty: "oct", k: encodeJwkBytes(material) };
  if (format !== undefined && format !== "buffer") throw invalidArgValue("options.format", format);
  return Buffer.from(material);
}

function toJwk(material) {
  const kind = keyKind(material);
  const isPrivate = keyIsPrivate(material);
  if (kind === "RSA") {
    const [n, e, ...rest] = rsaNumbers(material).map(encodeJwkBytes);
    return { kty: "RSA", n, e, ...Object.fromEntries(rest.map((number, index) => [PRIVATE_NUMBERS[index], number])) };
  }
  const point = new Uint8Array(keyExport(keyPublic(material), "raw"));
  const d = isPrivate ? { d: encodeJwkBytes(keyExport(material, "raw")) } : undefined;
  if (KINDS[kind] !== "ec") return { crv: kind, ...d, x: encodeJwkBytes(point), kty: "OKP" };
  const size = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)].map(encodeJwkBytes);
  return { kty: "EC", x, y, crv: kind, ...d };
}

function toPem(label, der) {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** One half of a pair in an encoding that options name. */
function exportKey(material, { format, type, cipher }) {
  if (format === "jwk") return toJwk(material);
  if (format !== "pem" && format !== "der") throw invalidArgValue("options.format", format);
  if (cipher !== undefined) throw notImplemented("Encrypting an exported private key");
  const only = { pkcs1: "rsa", sec1: "ec" }[type];
  if (only !== undefined && only !== KINDS[keyKind(material)]) {
    throw new NodeError(
      "ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS",
      `The selected key encoding ${type} can only be used for ${only.toUpperCase()} keys.`,
    );
  }
  const allowed = keyIsPrivate(material) ? ["pkcs8", "pkcs1", "sec1"] : ["spki", "pkcs1"];
  const der = allowed.includes(type) ? keyExport(material, type) : undefined;
  if (der === undefined) throw invalidArgValue("options.type", type);
  if (format === "der") return Buffer.from(der);
  const wanted = type === "pkcs1" ? `pkcs1-${keyIsPrivate(material) ? "private" : "public"}` : type;
  return toPem(
    Object.keys(PEM_FORMATS).find((label) => PEM_FORMATS[label] === wanted),
    der,
  );
}

const unreadable = () => new NodeError("ERR_OSSL_UNSUPPORTED", "error:1E08010C:DECODER routines::unsupported");

function fromPem(text) {
  const [, label, body] = PEM.exec(text) ?? [];
  if (label === "CERTIFICATE") throw notImplemented("A public key out of a certificate");
  if (label === "ENCRYPTED PRIVATE KEY" || body?.includes("ENCRYPTED")) {
    throw notImplemented("Reading an encrypted private key");
  }
  const format = PEM_FORMATS[label];
  if (format === undefined) throw unreadable();
  return keyImport(format, new Uint8Array(Buffer.from(body, "base64")), "");
}

function fromJwk(jwk) {
  validateObject(jwk, "key.key");
  const bytes = (member) => jwkBytes(jwk, member, jwk.kty);
  if (jwk.kty === "RSA") {
    const members = jwk.d === undefined ? ["n", "e"] : ["n", "e", "d", "p", "q"];
    return rsaFromNumbers(members.map(bytes));
  }
  if (jwk.kty === "OKP") {
    if (jwk.crv !== "Ed25519" && jwk.crv !== "X25519") throw invalidArgValue("key.crv", jwk.crv, "must be supported");
    return jwk.d === undefined
      ? keyImport("raw-public", bytes("x"), jwk.crv)
      : keyImport("raw-private", bytes("d"), jwk.crv);
  }
  if (jwk.kty === "EC") {
    if (OPENSSL_CURVES[jwk.crv] === undefined) throw new NodeTypeError("ERR_CRYPTO_INVALID_CURVE", "Invalid EC curve name");
    return jwk.d === undefined
      ? keyImport("raw-public", new Uint8Array([4, ...bytes("x"), ...bytes("y")]), jwk.crv)
      : keyImport("raw-private", bytes("d"), jwk.crv);
  }
  throw invalidArgValue("key.kty", jwk.kty, "must be one of: 'RSA', 'EC', 'OKP'");
}

/** DER: of the type that was named, or of whichever it turns out to be. */
function fromDer(bytes, type, isPublic) {
  const formats = isPublic ? ["spki", "pkcs1-public"] : ["pkcs8", "pkcs1-private", "sec1"];
  const named = type === "pkcs1" ? (isPublic ? "pkcs1-public" : "pkcs1-private") : type;
  for (const format of formats) {
    if (named !== undefined && named !== format) continue;
    const key = keyImport(format, bytes, "");
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The native key in anything that Node takes for one. */
export function asymmetricKey(input, wanted) {
  const isPublic = wanted === "public";
  let material = readKey(input, isPublic);
  if (material === undefined) throw unreadable();
  if (keyIsPrivate(material)) return isPublic ? keyPublic(material) : material;
  if (isPublic) return material;
  throw new NodeTypeError("ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", "Invalid key object type public, expected private.");
}

function readKey(input, isPublic) {
  if (input instanceof KeyObject) return pairHalf(input.type, materialOf(input), isPublic);
  const state = keyState(input);
  if (state !== undefined) return pairHalf(state.type, state.material, isPublic);
  if (typeof input === "string") return fromPem(input);
  const bytes = bufferSource(input);
  if (bytes !== undefined) return fromPem(fromUtf8(bytes));
  if (typeof input !== "object" || input === null || input.key === undefined) {
    throw invalidArgType("key", ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView", "KeyObject", "CryptoKey"], input);
  }
  const { key, format, type } = input;
  if (format === "jwk") return fromJwk(key);
  if (format === "der") return fromDer(bytesOf(key, "key.key", input.encoding), type, isPublic);
  if (format !== undefined && format !== "pem") throw invalidArgValue("key.format", format);
  return readKey(key, isPublic);
}

function pairHalf(type, material, isPublic) {
  if (type === "secret") {
    throw new NodeTypeError(
      "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE",
      `Invalid key object type secret, expected ${isPublic ? "private or public" : "private"}.`,
    );
  }
  return material;
}

/** The bytes in anything that Node takes for a secret key. */
export function secretBytes(key, name, encoding) {
  const state = key instanceof KeyObject ? { type: key.type, material: materialOf(key) } : keyState(key);
  if (state === undefined) {
    if (typeof key !== "string" && bufferSource(key) === undefined) {
      throw invalidArgType(name, ["ArrayBuffer", "Buffer", "TypedArray", "DataView", "string", "KeyObject", "CryptoKey"], key);
    }
    return bytesOf(key, name, encoding);
  }
  if (state.type !== "secret") {
    throw new NodeTypeError(
      "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE",
      `Invalid key object type ${state.type}, expected secret.`,
    );
  }
  return state.material;
}

export const createSecretKey = (key, encoding) => makeKeyObject("secret", bytesOf(key, "key", encoding).slice());
export const createPublicKey = (key) => makeKeyObject("public", asymmetricKey(key, "public"));
export const createPrivateKey = (key) => makeKeyObject("private", asymmetricKey(key, "private"));

export function generateKeySync(type, { length } = {}) {
  validateString(type, "type");
  if (type === "hmac") validateInteger(length, "options.length", 8, 2 ** 31 - 1);
  else if (type !== "aes") throw invalidArgValue("type", type, "must be a supported key type");
  else if (![128, 192, 256].includes(length)) throw invalidArgValue("options.length", length);
  const bytes = new Uint8Array(Math.floor(length / 8));
  fill(bytes);
  return makeKeyObject("secret", bytes);
}

export function generateKey(type, options, callback) {
  validateFunction(callback, "callback");
  later(callback, () => generateKeySync(type, options));
}

function generateMaterial(type, options) {
  if (type === "rsa") {
    const { modulusLength, publicExponent = 65537 } = options;
    validateInteger(modulusLength, "options.modulusLength", 0, 2 ** 32 - 1);
    const exponent = Buffer.alloc(4);
    exponent.writeUInt32BE(publicExponent);
    const key = rsaGenerate(modulusLength, new Uint8Array(exponent));
    if (key === undefined) {
      throw new NodeError(
        "ERR_CRYPTO_OPERATION_FAILED",
        "RSA key generation failed: the modulus must have at least 1024 bits and the exponent must be odd",
      );
    }
    return key;
  }
  if (type === "ec") return keyGenerate(curveName(options.namedCurve));
  if (type === "ed25519") return keyGenerate("Ed25519");
  if (type === "x25519") return keyGenerate("X25519");
  if (["rsa-pss", "dsa", "dh", "ed448", "x448"].includes(type)) throw notImplemented(`Generating keys of type ${type}`);
  throw invalidArgValue("type", type, "must be a supported key type");
}

export function generateKeyPairSync(type, options = {}) {
  validateString(type, "type");
  validateObject(options, "options");
  const material = generateMaterial(type, options);
  const { publicKeyEncoding, privateKeyEncoding } = options;
  const shown = (kind, half, encoding) => (encoding === undefined ? makeKeyObject(kind, half) : exportKey(half, encoding));
  return {
    publicKey: shown("public", keyPublic(material), publicKeyEncoding),
    privateKey: shown("private", material, privateKeyEncoding),
  };
}

export function generateKeyPair(type, options, callback) {
  if (typeof options === "function") [options, callback] = [undefined, options];
  validateFunction(callback, "callback");
  later(
    (error, pair) => (error ? callback(error) : callback(null, pair.publicKey, pair.privateKey)),
    () => generateKeyPairSync(type, options),
  );
}
