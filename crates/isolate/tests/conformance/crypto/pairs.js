// Values from RFC 8032, RFC 7748, RFC 6979 and NIST's ECC CDH test vectors.

import { assert, deepEqual, equal, rejects, test } from "atoll:test";

const { subtle } = crypto;
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const base64Url = (text) =>
  btoa(String.fromCharCode(...bytes(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const ED25519_PKCS8 = "302e020100300506032b657004220420";
const X25519_PKCS8 = "302e020100300506032b656e04220420";

// Seed, public key, message, signature.
const SIGNATURES = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
];
for (const [seed, point, message, expected] of SIGNATURES) {
  test(`Ed25519 of ${message.length / 2} bytes`, async () => {
    const privateKey = await subtle.importKey("pkcs8", bytes(ED25519_PKCS8 + seed), "Ed25519", true, ["sign"]);
    const publicKey = await subtle.importKey("raw", bytes(point), "Ed25519", true, ["verify"]);
    const signature = await subtle.sign("Ed25519", privateKey, bytes(message));
    equal(hex(signature), expected);
    equal(await subtle.verify("Ed25519", publicKey, signature, bytes(message)), true);
    equal(await subtle.verify("Ed25519", publicKey, signature, bytes("ff")), false);
    equal(await subtle.verify("Ed25519", publicKey, signature.slice(1), bytes(message)), false);
    const jwk = await subtle.exportKey("jwk", privateKey);
    equal(jwk.x, base64Url(point));
    equal(jwk.d, base64Url(seed));
    equal(jwk.crv, "Ed25519");
    equal(hex(await subtle.exportKey("pkcs8", privateKey)), ED25519_PKCS8 + seed);
  });
}

test("NODE-ED25519 signs as Ed25519 does", async () => {
  const algorithm = { name: "NODE-ED25519", namedCurve: "NODE-ED25519" };
  const [[seed, , message, expected]] = SIGNATURES;
  const key = await subtle.importKey("pkcs8", bytes(ED25519_PKCS8 + seed), algorithm, false, ["sign"]);
  equal(hex(await subtle.sign(algorithm, key, bytes(message))), expected);
  equal(key.algorithm.namedCurve, "NODE-ED25519");
});

test("X25519 agrees on a secret", async () => {
  const seed = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
  const peer = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
  const privateKey = await subtle.importKey("pkcs8", bytes(X25519_PKCS8 + seed), "X25519", false, ["deriveBits"]);
  const publicKey = await subtle.importKey("raw", bytes(peer), "X25519", false, []);
  const algorithm = { name: "X25519", public: publicKey };
  const secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  equal(hex(await subtle.deriveBits(algorithm, privateKey, 256)), secret);
  equal(hex(await subtle.deriveBits(algorithm, privateKey, null)), secret);
  equal(hex(await subtle.deriveBits(algorithm, privateKey, 64)), secret.slice(0, 16));
  await rejects(subtle.deriveBits(algorithm, privateKey, 264), "OperationError");
});

test("X25519 refuses a public key that shares its secret with everyone", async () => {
  const { privateKey } = await subtle.generateKey("X25519", false, ["deriveBits"]);
  const publicKey = await subtle.importKey("raw", new Uint8Array(32), "X25519", false, []);
  await rejects(subtle.deriveBits({ name: "X25519", public: publicKey }, privateKey, 256), "OperationError");
});

test("ECDSA verifies a signature of another implementation", async () => {
  const jwk = {
    kty: "EC",
    crv: "P-256",
    x: base64Url("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
    y: base64Url("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
  };
  const key = await subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  const signature = bytes(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
  );
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const sample = Uint8Array.from("sample", (character) => character.charCodeAt(0));
  equal(await subtle.verify(algorithm, key, signature, sample), true);
  equal(await subtle.verify({ ...algorithm, hash: "SHA-1" }, key, signature, sample), false);
  await rejects(subtle.verify({ name: "ECDSA" }, key, signature, sample), TypeError);
});

test("ECDH agrees on a secret", async () => {
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const own = {
    kty: "EC",
    crv: "P-256",
    d: base64Url("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"),
    x: base64Url("ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230"),
    y: base64Url("28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141"),
  };
  const privateKey = await subtle.importKey("jwk", own, algorithm, false, ["deriveBits", "deriveKey"]);
  const peer = bytes(
    "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287" +
      "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
  );
  const publicKey = await subtle.importKey("raw", peer, algorithm, true, []);
  const secret = "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b";
  const agreement = { name: "ECDH", public: publicKey };
  equal(hex(await subtle.deriveBits(agreement, privateKey, 256)), secret);
  const aes = await subtle.deriveKey(agreement, privateKey, { name: "AES-GCM", length: 128 }, true, ["encrypt"]);
  equal(hex(await subtle.exportKey("raw", aes)), secret.slice(0, 32));
  await rejects(subtle.deriveBits({ name: "ECDH", public: privateKey }, privateKey, 256), "InvalidAccessError");
  const other = await subtle.generateKey({ name: "ECDH", namedCurve: "P-384" }, false, ["deriveBits"]);
  await rejects(subtle.deriveBits({ name: "ECDH", public: other.publicKey }, privateKey, 256), "InvalidAccessError");
});

const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
// Algorithm, and what is given beside its name when it is used.
const SIGNING = [
  [{ name: "Ed25519" }, {}],
  ...["P-256", "P-384", "P-521"].flatMap((namedCurve) =>
    ["SHA-1", "SHA-256", "SHA-512"].map((hash) => [{ name: "ECDSA", namedCurve }, { hash }]),
  ),
  ...["SHA-1", "SHA-256", "SHA-384", "SHA-512"].flatMap((hash) => [
    [{ name: "RSASSA-PKCS1-v1_5", ...RSA, hash }, {}],
    [{ name: "RSA-PSS", ...RSA, hash }, { saltLength: 20 }],
  ]),
];
for (const [algorithm, parameters] of SIGNING) {
  const { name, namedCurve = "", hash = parameters.hash ?? "" } = algorithm;
  test(`${name} ${namedCurve} ${hash} keys survive every format`.replaceAll("  ", " "), async () => {
    const data = new Uint8Array([1, 2, 3]);
    const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
    deepEqual([publicKey.type, publicKey.usages, privateKey.type, privateKey.usages], [
      "public",
      ["verify"],
      "private",
      ["sign"],
    ]);
    const use = { name, ...parameters };
    const signature = await subtle.sign(use, privateKey, data);
    for (const format of ["spki", "jwk"]) {
      const exported = await subtle.exportKey(format, publicKey);
      const imported = await subtle.importKey(format, exported, algorithm, true, ["verify"]);
      assert(await subtle.verify(use, imported, signature, data), format);
      assert(!(await subtle.verify(use, imported, signature, new Uint8Array(3))), format);
    }
    for (const format of ["pkcs8", "jwk"]) {
      const exported = await subtle.exportKey(format, privateKey);
      const imported = await subtle.importKey(format, exported, algorithm, false, ["sign"]);
      assert(await subtle.verify(use, publicKey, await subtle.sign(use, imported, data), data), format);
      await rejects(subtle.exportKey(format, imported), "InvalidAccessError");
    }
    await rejects(subtle.sign(use, publicKey, data), "InvalidAccessError");
    await rejects(subtle.exportKey("spki", privateKey), "InvalidAccessError");
    await rejects(subtle.exportKey("pkcs8", publicKey), "InvalidAccessError");
  });
}

for (const hash of ["SHA-1", "SHA-256", "SHA-512"]) {
  test(`RSA-OAEP with ${hash} opens what it sealed, and nothing else`, async () => {
    const usages = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
    const pair = await subtle.generateKey({ name: "RSA-OAEP", ...RSA, hash }, false, usages);
    const algorithm = { name: "RSA-OAEP", label: new Uint8Array([1]) };
    const data = new Uint8Array([9, 8, 7]);
    const sealed = await subtle.encrypt(algorithm, pair.publicKey, data);
    equal(sealed.byteLength, 256);
    equal(hex(await subtle.decrypt(algorithm, pair.privateKey, sealed)), "090807");
    await rejects(subtle.decrypt({ name: "RSA-OAEP" }, pair.privateKey, sealed), "OperationError");
    await rejects(subtle.encrypt(algorithm, pair.publicKey, new Uint8Array(256)), "OperationError");
    await rejects(subtle.encrypt(algorithm, pair.privateKey, data), "InvalidAccessError");
  });
}

test("generateKey refuses what would be of no use", async () => {
  const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
  await rejects(subtle.generateKey(ecdsa, true, []), "SyntaxError");
  await rejects(subtle.generateKey(ecdsa, true, ["verify"]), "SyntaxError");
  await rejects(subtle.generateKey(ecdsa, true, ["sign", "encrypt"]), "SyntaxError");
  await rejects(subtle.generateKey({ ...ecdsa, namedCurve: "P-192" }, true, ["sign"]), "NotSupportedError");
  await rejects(subtle.generateKey({ name: "ECDSA" }, true, ["sign"]), TypeError);
  await rejects(subtle.generateKey("HKDF", true, ["deriveBits"]), "NotSupportedError");
  const rsa = { name: "RSA-PSS", ...RSA, hash: "SHA-256" };
  for (const publicExponent of [[], [1], [2], [1, 0, 0, 0, 0, 0, 1]]) {
    const algorithm = { ...rsa, publicExponent: new Uint8Array(publicExponent) };
    await rejects(subtle.generateKey(algorithm, true, ["sign"]), "OperationError");
  }
  await rejects(subtle.generateKey({ ...rsa, publicExponent: [1, 0, 1] }, true, ["sign"]), TypeError);
});

const IMPORTERS = [
  { name: "RSA-PSS", hash: "SHA-256" },
  { name: "ECDSA", namedCurve: "P-256" },
  { name: "Ed25519" },
];
for (const algorithm of IMPORTERS) {
  test(`${algorithm.name} does not import what is no key of its kind`, async () => {
    const { name } = algorithm;
    for (const data of [new Uint8Array(), new Uint8Array(48), bytes(ED25519_PKCS8), bytes(`${X25519_PKCS8}${"00".repeat(32)}`)]) {
      await rejects(subtle.importKey("pkcs8", data, algorithm, true, ["sign"]), "DataError");
      await rejects(subtle.importKey("spki", data, algorithm, true, ["verify"]), "DataError");
    }
    for (const jwk of [{ kty: "oct", k: "AA" }, { kty: name === "RSA-PSS" ? "EC" : "RSA" }, {}]) {
      await rejects(subtle.importKey("jwk", jwk, algorithm, true, ["verify"]), "DataError");
    }
    await rejects(subtle.importKey("jwk", new Uint8Array(1), algorithm, true, ["verify"]), TypeError);
    await rejects(subtle.importKey("spki", {}, algorithm, true, ["verify"]), TypeError);
    await rejects(subtle.importKey("nothing", new Uint8Array(1), algorithm, true, ["verify"]), "NotSupportedError");
  });
}

test("a JSON Web Key must allow what it is imported for", async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { publicKey } = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const jwk = await subtle.exportKey("jwk", publicKey);
  const wrong = [{ use: "enc" }, { key_ops: [] }, { key_ops: ["verify", "verify"] }, { ext: false }, { alg: "ES384" }, { crv: "P-384" }, { x: jwk.y }, { y: "AA" }];
  for (const change of wrong) {
    await rejects(subtle.importKey("jwk", { ...jwk, ...change }, algorithm, true, ["verify"]), "DataError");
  }
  for (const change of [{ use: "sig" }, { alg: "ES256" }, { key_ops: undefined }, { ext: undefined }, { other: 1 }]) {
    await subtle.importKey("jwk", { ...jwk, ...change }, algorithm, true, ["verify"]);
  }
});
