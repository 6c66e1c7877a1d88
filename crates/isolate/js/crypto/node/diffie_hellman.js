// Diffie-Hellman over whole numbers, https://nodejs.org/api/crypto.html#class-diffiehellman

import { power } from "atoll:native/crypto";
import { Buffer } from "../../node/buffer.js";
import { invalidArgType, NodeError, NodeRangeError } from "../../node_support/errors.js";
import { validateInt32, validateString } from "../../node_support/validators.js";
import { bitLength, checkPrimality, makePrime, randomBits, toBytes, toNumber } from "./numbers.js";
import { bytesOf, callable, output } from "./support.js";

const FAILED = "DiffieHellman computeSecret() failed:";

/** What `verifyError` is a sum of. */
const NOT_PRIME = 1;
const NOT_SAFE = 2;
const UNKNOWN_GENERATOR = 4;
const UNSUITABLE_GENERATOR = 8;

/** Whether a generator of a group of this prime makes all of it: 2 and 5 alone are known to, or not to. */
function isSuitable(generator, prime) {
  if (generator === 2n) return prime % 24n === 11n;
  if (generator === 5n) return prime % 10n === 3n || prime % 10n === 7n;
  return undefined;
}

function verify(prime, generator) {
  const suitable = isSuitable(generator, prime);
  let error = suitable ? 0 : suitable === undefined ? UNKNOWN_GENERATOR : UNSUITABLE_GENERATOR;
  if (!checkPrimality(prime)) error |= NOT_PRIME;
  else if (!checkPrimality(prime >> 1n)) error |= NOT_SAFE;
  return error;
}

function safePrime(bits, generator) {
  for (;;) {
    const prime = makePrime(bits, true);
    if (isSuitable(generator, prime) !== false) return prime;
  }
}

class Exchange {
  #prime;
  #generator;
  #privateKey;
  #publicKey;
  #verifyError;

  constructor(prime, generator) {
    this.#prime = prime;
    this.#generator = generator;
  }

  get verifyError() {
    this.#verifyError ??= verify(this.#prime, this.#generator);
    return this.#verifyError;
  }

  #power(base, exponent) {
    const result = power(toBytes(base), toBytes(exponent), toBytes(this.#prime));
    if (result === undefined) throw new NodeError("ERR_CRYPTO_OPERATION_FAILED", "The prime is even or too large");
    return toNumber(new Uint8Array(result));
  }

  generateKeys(encoding) {
    if (this.#privateKey === undefined) {
      const bits = bitLength(this.#prime);
      do this.#privateKey = randomBits(bits);
      while (this.#privateKey < 2n || this.#privateKey > this.#prime - 2n);
    }
    this.#publicKey = this.#power(this.#generator, this.#privateKey);
    return this.getPublicKey(encoding);
  }

  computeSecret(otherPublicKey, inputEncoding, outputEncoding) {
    const other = toNumber(bytesOf(otherPublicKey, "otherPublicKey", inputEncoding));
    if (this.#privateKey === undefined) throw new Error(`${FAILED} error computing shared secret`);
    if (other <= 1n) throw new NodeRangeError("ERR_CRYPTO_INVALID_KEYLEN", `${FAILED} Supplied key is too small`);
    if (other >= this.#prime - 1n) {
      throw new NodeRangeError("ERR_CRYPTO_INVALID_KEYLEN", `${FAILED} Supplied key is too large`);
    }
    return output(toBytes(this.#power(other, this.#privateKey), toBytes(this.#prime).length), outputEncoding);
  }

  getPrime(encoding) {
    return output(toBytes(this.#prime), encoding);
  }

  getGenerator(encoding) {
    return output(toBytes(this.#generator), encoding);
  }

  getPublicKey(encoding) {
    if (this.#publicKey === undefined) throw new Error("No public key");
    return output(toBytes(this.#publicKey), encoding);
  }

  getPrivateKey(encoding) {
    if (this.#privateKey === undefined) throw new Error("No private key");
    return output(toBytes(this.#privateKey), encoding);
  }

  static setKeys(exchange, { publicKey = exchange.#publicKey, privateKey = exchange.#privateKey }) {
    exchange.#publicKey = publicKey;
    exchange.#privateKey = privateKey;
  }
}
const { setKeys } = Exchange;
delete Exchange.setKeys;

const isEncoding = (value) => typeof value === "string" && (value === "buffer" || Buffer.isEncoding(value));

class DiffieHellmanState extends Exchange {
  constructor(sizeOrKey, keyEncoding, generator, generatorEncoding) {
    if (keyEncoding && !isEncoding(keyEncoding)) {
      [keyEncoding, generator, generatorEncoding] = [undefined, keyEncoding, generator];
    }
    const base =
      generator === undefined || generator === null || typeof generator === "number"
        ? generator || 2
        : bytesOf(generator, "generator", generatorEncoding);
    if (typeof base === "number") validateInt32(base, "generator");
    const number = typeof base === "number" ? BigInt(base) : toNumber(base);
    if (number <= 1n) throw new NodeRangeError("ERR_OUT_OF_RANGE", "DiffieHellman init failed: bad generator");
    if (typeof sizeOrKey === "number") {
      validateInt32(sizeOrKey, "sizeOrKey");
      super(safePrime(sizeOrKey, number), number);
      return;
    }
    if (typeof sizeOrKey !== "string" && !ArrayBuffer.isView(sizeOrKey) && !(sizeOrKey instanceof ArrayBuffer)) {
      const types = ["number", "string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"];
      throw invalidArgType("sizeOrKey", types, sizeOrKey);
    }
    super(toNumber(bytesOf(sizeOrKey, "sizeOrKey", keyEncoding)), number);
  }

  setPublicKey(key, encoding) {
    setKeys(this, { publicKey: toNumber(bytesOf(key, "key", encoding)) });
  }

  setPrivateKey(key, encoding) {
    setKeys(this, { privateKey: toNumber(bytesOf(key, "key", encoding)) });
  }
}

/** RFC 3526: the size of each prime in bits, and what is added in the middle of it so that it is one. */
const GROUPS = new Map([
  ["modp14", [2048, 124476n]],
  ["modp15", [3072, 1690314n]],
  ["modp16", [4096, 240904n]],
  ["modp17", [6144, 929484n]],
  ["modp18", [8192, 4743158n]],
]);

/** π with so many bits behind the point, by Machin's formula. */
function pi(bits) {
  const guard = 64n;
  const one = 1n << (BigInt(bits) + guard);
  const arctangent = (inverse) => {
    let term = one / inverse;
    let sum = term;
    for (let divisor = 3n; term !== 0n; divisor += 2n) {
      term /= -(inverse * inverse);
      sum += term / divisor;
    }
    return sum;
  };
  return (4n * (4n * arctangent(5n) - arctangent(239n))) >> guard;
}

const primes = new Map();

function primeOf(name) {
  const [size, added] = GROUPS.get(name);
  const bits = BigInt(size);
  return (1n << bits) - (1n << (bits - 64n)) - 1n + ((pi(size - 130) + added) << 64n);
}

class DiffieHellmanGroupState extends Exchange {
  constructor(name) {
    validateString(name, "name");
    const known = name.toLowerCase();
    if (!GROUPS.has(known)) {
      const groups = [...GROUPS.keys()].join(", ");
      throw new NodeError(
        "ERR_CRYPTO_UNKNOWN_DH_GROUP",
        `Failed to init DiffieHellmanGroup: invalid group. Only groups {${groups}} are supported.`,
      );
    }
    if (!primes.has(known)) primes.set(known, primeOf(known));
    super(primes.get(known), 2n);
  }
}

export const DiffieHellman = callable(DiffieHellmanState, "DiffieHellman");
export const DiffieHellmanGroup = callable(DiffieHellmanGroupState, "DiffieHellmanGroup");
export const createDiffieHellman = (...args) => new DiffieHellman(...args);
export const getDiffieHellman = (name) => new DiffieHellmanGroup(name);
