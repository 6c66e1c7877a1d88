// Values from FIPS 180-4 examples, RFC 1321, RFC 4231, RFC 2202, RFC 5869, RFC 6070 and RFC 7914.

import { equal, rejects, test } from "atoll:test";

const { subtle } = crypto;
const utf8 = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const DIGESTS = [
  ["MD5", "", "d41d8cd98f00b204e9800998ecf8427e"],
  ["MD5", "abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["SHA-1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["SHA-1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["SHA-1", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
  ["SHA-256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["SHA-256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "SHA-256",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  [
    "SHA-384",
    "abc",
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  ],
  [
    "SHA-512",
    "abc",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  ],
];
for (const [name, text, expected] of DIGESTS) {
  test(`${name} of ${JSON.stringify(text)}`, async () => {
    equal(hex(await subtle.digest(name, utf8(text))), expected);
    equal(hex(await subtle.digest({ name: name.toLowerCase() }, utf8(text).buffer)), expected);
  });
}

test("SHA-256 of a million times the letter a", async () => {
  const digest = await subtle.digest("SHA-256", new Uint8Array(1_000_000).fill(97));
  equal(hex(digest), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
});

for (const name of ["SHA-224", "SHA1", "SHA3-256", "AES-GCM", ""]) {
  test(`there is no digest ${JSON.stringify(name)}`, async () => {
    await rejects(subtle.digest(name, new Uint8Array()), "NotSupportedError");
  });
}

test("an algorithm without a name is none", async () => {
  await rejects(subtle.digest({}, new Uint8Array()), TypeError);
});

// Hash, key, data, and the value of HMAC.
const MACS = [
  ["SHA-1", "0b".repeat(20), "4869205468657265", "b617318655057264e28bc0b6fb378c8ef146be00"],
  ["SHA-256", "0b".repeat(20), "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    "SHA-256",
    "aa".repeat(131),
    "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    "SHA-384",
    "4a656665",
    "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
  ],
  [
    "SHA-512",
    "4a656665",
    "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd" +
      "caeab1a34d4a6b4b636e070a38bce737",
  ],
];
for (const [hash, key, data, expected] of MACS) {
  test(`HMAC with ${hash} and a key of ${key.length / 2} bytes`, async () => {
    const imported = await subtle.importKey("raw", bytes(key), { name: "HMAC", hash }, false, ["sign", "verify"]);
    const signature = await subtle.sign("HMAC", imported, bytes(data));
    equal(hex(signature), expected);
    equal(await subtle.verify("HMAC", imported, signature, bytes(data)), true);
    equal(await subtle.verify("HMAC", imported, signature, bytes(`${data}00`)), false);
    equal(await subtle.verify("HMAC", imported, signature.slice(1), bytes(data)), false);
  });
}

const HKDFS = [
  [
    "SHA-256",
    "0b".repeat(22),
    "000102030405060708090a0b0c",
    "f0f1f2f3f4f5f6f7f8f9",
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  ],
  [
    "SHA-256",
    "0b".repeat(22),
    "",
    "",
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  ],
  [
    "SHA-1",
    "0b".repeat(11),
    "000102030405060708090a0b0c",
    "f0f1f2f3f4f5f6f7f8f9",
    "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
  ],
];
for (const [hash, key, salt, info, expected] of HKDFS) {
  test(`HKDF with ${hash} and ${salt.length / 2} bytes of salt`, async () => {
    const base = await subtle.importKey("raw", bytes(key), "HKDF", false, ["deriveBits"]);
    const algorithm = { name: "HKDF", hash, salt: bytes(salt), info: bytes(info) };
    equal(hex(await subtle.deriveBits(algorithm, base, expected.length * 4)), expected);
  });
}

const PBKDF2S = [
  ["SHA-1", "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"],
  ["SHA-1", "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"],
  [
    "SHA-256",
    "passwd",
    "salt",
    1,
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" +
      "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
  ],
];
for (const [hash, password, salt, iterations, expected] of PBKDF2S) {
  test(`PBKDF2 with ${hash} and ${iterations} iterations`, async () => {
    const base = await subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash, salt: utf8(salt), iterations };
    equal(hex(await subtle.deriveBits(algorithm, base, expected.length * 4)), expected);
  });
}

test("derivations reject lengths that they cannot give", async () => {
  const hkdf = await subtle.importKey("raw", new Uint8Array(4), "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: new Uint8Array() };
  for (const length of [null, 7, 255 * 256 + 8]) {
    await rejects(subtle.deriveBits(algorithm, hkdf, length), "OperationError");
  }
  equal((await subtle.deriveBits(algorithm, hkdf, 255 * 256)).byteLength, 255 * 32);
  const pbkdf2 = await subtle.importKey("raw", new Uint8Array(4), "PBKDF2", false, ["deriveBits"]);
  const slow = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(), iterations: 0 };
  await rejects(subtle.deriveBits(slow, pbkdf2, 128), "OperationError");
  await rejects(subtle.deriveBits({ ...slow, iterations: 1 }, pbkdf2, null), "OperationError");
});

test("a derived key is the derived bits", async () => {
  const base = await subtle.importKey("raw", new Uint8Array(4), "HKDF", false, ["deriveBits", "deriveKey"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(1), info: new Uint8Array(2) };
  const aes = await subtle.deriveKey(algorithm, base, { name: "AES-CBC", length: 192 }, true, ["encrypt"]);
  equal(hex(await subtle.exportKey("raw", aes)), hex(await subtle.deriveBits(algorithm, base, 192)));
  const hmac = await subtle.deriveKey(algorithm, base, { name: "HMAC", hash: "SHA-384" }, true, ["sign"]);
  equal(hmac.algorithm.length, 1024);
});
