// Values from RFC 1321, FIPS 180-4, FIPS 202, RFC 4231 and the RIPEMD-160 page.

import {
  createHash,
  createHmac,
  createSecretKey,
  getHashes,
  hkdfSync,
  pbkdf2,
  pbkdf2Sync,
  randomBytes,
  randomFillSync,
  randomInt,
  scrypt,
  scryptSync,
  timingSafeEqual,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { assert, equal, test, throws } from "atoll:test";

const ABC = {
  md5: "900150983cd24fb0d6963f7d28e17f72",
  ripemd160: "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha224: "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  "sha512-256": "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
  "sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
};
for (const [name, expected] of Object.entries(ABC)) {
  test(`createHash("${name}")`, () => {
    equal(createHash(name).update("a").update(Buffer.from("b")).update("63", "hex").digest("hex"), expected);
    equal(createHash(name.toUpperCase()).update("abc").digest().toString("hex"), expected);
    assert(getHashes().includes(name));
  });
}

test("a hash speaks Node's encodings", () => {
  const hash = () => createHash("sha1").update("abc");
  equal(hash().digest("base64"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  equal(hash().digest("base64url"), "qZk-NkcGgWq6PiVxeFDCbJzQ2J0");
  assert(Buffer.isBuffer(hash().digest()));
  equal(createHash("sha256").update("é", "latin1").digest("hex"), createHash("sha256").update("e9", "hex").digest("hex"));
});

test("a hash is copied with what it has seen", () => {
  const first = createHash("sha1").update("a");
  const second = first.copy();
  equal(second.update("bc").digest("hex"), ABC.sha1);
  equal(first.update("bc").digest("hex"), ABC.sha1);
});

test("a hash gives its digest once", () => {
  const hash = createHash("sha1");
  hash.digest();
  for (const again of [() => hash.digest(), () => hash.update("x"), () => hash.copy()]) {
    equal(throws(again).code, "ERR_CRYPTO_HASH_FINALIZED");
  }
});

test("unknown hashes and data of the wrong type are refused", () => {
  throws(() => createHash("nope"), /Digest method not supported/);
  equal(throws(() => createHmac("nope", "key"), TypeError).code, "ERR_CRYPTO_INVALID_DIGEST");
  equal(throws(() => createHash("sha1").update(5), TypeError).code, "ERR_INVALID_ARG_TYPE");
  equal(throws(() => createHmac("sha1"), TypeError).code, "ERR_INVALID_ARG_TYPE");
});

test("createHmac takes strings, bytes and key objects", () => {
  const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  const data = "what do ya want for nothing?";
  for (const key of ["Jefe", Buffer.from("Jefe"), createSecretKey("Jefe", "utf8")]) {
    equal(createHmac("sha256", key).update(data).digest("hex"), expected);
  }
  equal(createHmac("sha3-256", "Jefe").update(data).digest("hex").slice(0, 16), "c7d4072e788877ae");
});

test("keys are derived from passwords, at once or later", async () => {
  const derived = "0c60c80f961f0e71f3a9b524af6012062fe037a6";
  equal(pbkdf2Sync("password", "salt", 1, 20, "sha1").toString("hex"), derived);
  const later = await new Promise((resolve, reject) => {
    pbkdf2("password", "salt", 1, 20, "sha1", (error, key) => (error ? reject(error) : resolve(key)));
  });
  equal(later.toString("hex"), derived);
  equal(
    scryptSync("password", "NaCl", 64, { N: 1024, r: 8, p: 16 }).toString("hex"),
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830da" +
      "c727afb94a83ee6d8360cbdfa2cc0640",
  );
  const key = await new Promise((resolve) => scrypt("a", "b", 8, (_error, value) => resolve(value)));
  equal(key.length, 8);
  const info = Buffer.from("f0f1f2f3f4f5f6f7f8f9", "hex");
  const salt = Buffer.from("000102030405060708090a0b0c", "hex");
  equal(
    Buffer.from(hkdfSync("sha256", Buffer.alloc(22, 11), salt, info, 42)).toString("hex"),
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  );
  equal(throws(() => scryptSync("", "", 8, { N: 1000 })).code, "ERR_CRYPTO_INVALID_SCRYPT_PARAMS");
  equal(throws(() => scryptSync("", "", 8, { N: 2 ** 20 })).code, "ERR_CRYPTO_INVALID_SCRYPT_PARAMS");
});

test("random values stay in their bounds", () => {
  equal(randomBytes(12).length, 12);
  throws(() => randomBytes(-1), RangeError);
  const buffer = randomFillSync(Buffer.alloc(32), 16);
  equal(buffer.subarray(0, 16).toString("hex"), "00".repeat(16));
  assert(buffer.subarray(16).some((byte) => byte !== 0));
  for (let count = 0; count < 200; count++) {
    const number = randomInt(5, 8);
    assert(number >= 5 && number < 8);
  }
  throws(() => randomInt(8, 8), RangeError);
});

test("timingSafeEqual needs buffers of one length", () => {
  assert(timingSafeEqual(Buffer.from("a"), Buffer.from("a")));
  assert(!timingSafeEqual(Buffer.from("a"), Buffer.from("b")));
  throws(() => timingSafeEqual(Buffer.from("a"), Buffer.from("ab")), RangeError);
  throws(() => timingSafeEqual("a", "a"), TypeError);
});
