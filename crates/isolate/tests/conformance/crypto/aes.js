// Values from NIST SP 800-38A, the GCM specification's test cases, and RFC 3394.

import { deepEqual, equal, rejects, test } from "atoll:test";

const { subtle } = crypto;
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const BLOCKS =
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
const KEYS = {
  128: "2b7e151628aed2a6abf7158809cf4f3c",
  192: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
  256: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
};
const importKey = (name, key, usages = ["encrypt", "decrypt"]) =>
  subtle.importKey("raw", bytes(key), name, true, usages);

const CBC = {
  128:
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2" +
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
  192:
    "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a" +
    "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
  256:
    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d" +
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
};
const CTR = {
  128:
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff" +
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
  192:
    "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94" +
    "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
  256:
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" +
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
};
for (const bits of [128, 192, 256]) {
  test(`AES-CBC with ${bits} bits`, async () => {
    const key = await importKey("AES-CBC", KEYS[bits]);
    const algorithm = { name: "AES-CBC", iv: bytes("000102030405060708090a0b0c0d0e0f") };
    const sealed = await subtle.encrypt(algorithm, key, bytes(BLOCKS));
    equal(hex(sealed.slice(0, 64)), CBC[bits]);
    equal(sealed.byteLength, 80);
    equal(hex(await subtle.decrypt(algorithm, key, sealed)), BLOCKS);
  });

  test(`AES-CTR with ${bits} bits`, async () => {
    const key = await importKey("AES-CTR", KEYS[bits]);
    const algorithm = { name: "AES-CTR", counter: bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), length: 128 };
    const sealed = await subtle.encrypt(algorithm, key, bytes(BLOCKS));
    equal(hex(sealed), CTR[bits]);
    equal(hex(await subtle.decrypt(algorithm, key, sealed)), BLOCKS);
  });
}

test("a counter wraps within its own bits", async () => {
  const key = await importKey("AES-CTR", KEYS[128]);
  const encrypt = (counter, length, data) =>
    subtle.encrypt({ name: "AES-CTR", counter: bytes(counter), length }, key, data);
  const wrapped = await encrypt("000102030405060708090a0b0c0d0eff", 8, new Uint8Array(32));
  const second = await encrypt("000102030405060708090a0b0c0d0e00", 8, new Uint8Array(16));
  equal(hex(wrapped.slice(16)), hex(second));
  await rejects(encrypt("00".repeat(16), 2, new Uint8Array(65)), "OperationError");
  equal((await encrypt("00".repeat(16), 2, new Uint8Array(64))).byteLength, 64);
  for (const length of [0, 129]) await rejects(encrypt("00".repeat(16), length, new Uint8Array(1)), "OperationError");
});

// Key, initialization vector, plaintext, additional data, ciphertext and tag.
const GCM_KEY = "feffe9928665731c6d6a8f9467308308";
const GCM_TEXT =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const GCM_DATA = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const GCM = [
  ["00".repeat(16), "00".repeat(12), "", "", "58e2fccefa7e3061367f1d57a4e7455a"],
  ["00".repeat(16), "00".repeat(12), "00".repeat(16), "", "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"],
  [
    GCM_KEY,
    "cafebabefacedbaddecaf888",
    GCM_TEXT,
    GCM_DATA,
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" +
      "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
  ],
  [
    GCM_KEY,
    "cafebabefacedbad",
    GCM_TEXT,
    GCM_DATA,
    "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423" +
      "73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb",
  ],
];
for (const [key, iv, text, additional, expected] of GCM) {
  test(`AES-GCM of ${text.length / 2} bytes with ${iv.length / 2} bytes of iv`, async () => {
    const imported = await importKey("AES-GCM", key);
    const algorithm = { name: "AES-GCM", iv: bytes(iv), additionalData: bytes(additional) };
    const sealed = await subtle.encrypt(algorithm, imported, bytes(text));
    equal(hex(sealed), expected);
    equal(hex(await subtle.decrypt(algorithm, imported, sealed)), text);
    for (const tagLength of [32, 64, 96, 104, 112, 120]) {
      const short = await subtle.encrypt({ ...algorithm, tagLength }, imported, bytes(text));
      equal(hex(short), expected.slice(0, expected.length - (128 - tagLength) / 4));
    }
  });
}

test("nothing that was tampered with is decrypted", async () => {
  const key = await importKey("AES-GCM", GCM_KEY);
  const algorithm = { name: "AES-GCM", iv: bytes("cafebabefacedbaddecaf888"), additionalData: bytes("00") };
  const sealed = new Uint8Array(await subtle.encrypt(algorithm, key, bytes(GCM_TEXT)));
  for (const position of [0, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[position] ^= 1;
    await rejects(subtle.decrypt(algorithm, key, changed), "OperationError");
  }
  await rejects(subtle.decrypt({ ...algorithm, additionalData: bytes("01") }, key, sealed), "OperationError");
  await rejects(subtle.decrypt(algorithm, key, sealed.slice(0, 15)), "OperationError");
  const cbc = await importKey("AES-CBC", KEYS[128]);
  const iv = new Uint8Array(16);
  for (const length of [0, 15, 32]) {
    await rejects(subtle.decrypt({ name: "AES-CBC", iv }, cbc, new Uint8Array(length)), "OperationError");
  }
});

const WRAPS = [
  ["000102030405060708090a0b0c0d0e0f", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"],
  ["000102030405060708090a0b0c0d0e0f1011121314151617", "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"],
  [
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7",
  ],
];
for (const [key, expected] of WRAPS) {
  test(`AES-KW with ${key.length * 4} bits`, async () => {
    const wrapping = await importKey("AES-KW", key, ["wrapKey", "unwrapKey"]);
    const inner = await importKey("AES-CBC", "00112233445566778899aabbccddeeff");
    const wrapped = await subtle.wrapKey("raw", inner, wrapping, "AES-KW");
    equal(hex(wrapped), expected);
    const unwrapped = await subtle.unwrapKey("raw", wrapped, wrapping, "AES-KW", "AES-GCM", true, ["encrypt"]);
    equal(hex(await subtle.exportKey("raw", unwrapped)), "00112233445566778899aabbccddeeff");
    const changed = new Uint8Array(wrapped);
    changed[0] ^= 1;
    await rejects(
      subtle.unwrapKey("raw", changed, wrapping, "AES-KW", "AES-GCM", true, ["encrypt"]),
      "OperationError",
    );
  });
}

test("a key travels as a wrapped JSON Web Key", async () => {
  const wrapping = await importKey("AES-GCM", GCM_KEY, ["wrapKey", "unwrapKey"]);
  const inner = await importKey("AES-CBC", KEYS[256]);
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
  const wrapped = await subtle.wrapKey("jwk", inner, wrapping, algorithm);
  const unwrapped = await subtle.unwrapKey("jwk", wrapped, wrapping, algorithm, "AES-CBC", true, ["decrypt"]);
  equal(hex(await subtle.exportKey("raw", unwrapped)), KEYS[256]);
  deepEqual(unwrapped.usages, ["decrypt"]);
});

test("keys and parameters have the lengths that AES has", async () => {
  for (const length of [0, 15, 33]) {
    await rejects(subtle.importKey("raw", new Uint8Array(length), "AES-CBC", true, ["encrypt"]), "DataError");
  }
  for (const length of [0, 64, 129]) {
    await rejects(subtle.generateKey({ name: "AES-CBC", length }, true, ["encrypt"]), "OperationError");
  }
  const gcm = await importKey("AES-GCM", GCM_KEY);
  const iv = new Uint8Array(12);
  for (const tagLength of [0, 31, 33, 95, 127, 255]) {
    await rejects(subtle.encrypt({ name: "AES-GCM", iv, tagLength }, gcm, iv), "OperationError");
  }
  await rejects(subtle.encrypt({ name: "AES-GCM" }, gcm, iv), TypeError);
  const cbc = await importKey("AES-CBC", KEYS[128]);
  await rejects(subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(15) }, cbc, iv), "OperationError");
});
