import {
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  diffieHellman,
  generateKeyPair,
  generateKeyPairSync,
  KeyObject,
  privateDecrypt,
  publicEncrypt,
  sign,
  subtle,
  verify,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { assert, equal, test, throws } from "atoll:test";

const CIPHERS = [
  ["aes-128-cbc", 16, 16],
  ["aes-192-cbc", 24, 16],
  ["aes-256-cbc", 32, 16],
  ["aes-256-ctr", 32, 16],
  ["aes-128-ecb", 16, 0],
  ["aes-256-gcm", 32, 12],
  ["aes-128-gcm", 16, 7],
];
for (const [name, keyBytes, ivBytes] of CIPHERS) {
  test(`${name} with an iv of ${ivBytes} bytes works in pieces`, () => {
    const key = Buffer.alloc(keyBytes, 7);
    const iv = ivBytes === 0 ? null : Buffer.alloc(ivBytes, 9);
    const gcm = name.endsWith("gcm");
    const cipher = createCipheriv(name, key, iv);
    const decipher = createDecipheriv(name, key, iv);
    if (gcm) cipher.setAAD(Buffer.from("beside"));
    const text = "longer than one block, and not a whole number of them";
    let sealed = "";
    for (const piece of [text.slice(0, 3), text.slice(3, 20), text.slice(20)]) sealed += cipher.update(piece, "utf8", "hex");
    sealed += cipher.final("hex");
    if (gcm) {
      decipher.setAAD(Buffer.from("beside"));
      decipher.setAuthTag(cipher.getAuthTag());
    }
    let opened = decipher.update(sealed.slice(0, 34), "hex", "utf8");
    opened += decipher.update(sealed.slice(34), "hex", "utf8");
    equal(opened + decipher.final("utf8"), text);
  });
}

test("a cipher refuses what was tampered with, and wrong parameters", () => {
  const key = Buffer.alloc(16);
  const decipher = createDecipheriv("aes-128-gcm", key, Buffer.alloc(12));
  decipher.setAuthTag(Buffer.alloc(16));
  decipher.update(Buffer.alloc(4));
  throws(() => decipher.final(), /unable to authenticate/);
  const untagged = createDecipheriv("aes-128-gcm", key, Buffer.alloc(12));
  throws(() => untagged.final(), /unable to authenticate/);
  const padded = createDecipheriv("aes-128-cbc", key, Buffer.alloc(16));
  padded.update(Buffer.alloc(16));
  equal(throws(() => padded.final()).code, "ERR_OSSL_BAD_DECRYPT");
  equal(throws(() => createCipheriv("aes-128-cbc", Buffer.alloc(15), key), RangeError).code, "ERR_CRYPTO_INVALID_KEYLEN");
  equal(throws(() => createCipheriv("aes-128-cbc", key, Buffer.alloc(15)), TypeError).code, "ERR_CRYPTO_INVALID_IV");
  equal(throws(() => createCipheriv("none", key, key)).code, "ERR_CRYPTO_UNKNOWN_CIPHER");
});

const KINDS = [
  ["rsa", { modulusLength: 2048 }, "pkcs1", "sha256"],
  ["ec", { namedCurve: "prime256v1" }, "sec1", "sha256"],
  ["ec", { namedCurve: "P-384" }, "sec1", "sha512"],
  ["ec", { namedCurve: "P-521" }, "sec1", "sha1"],
  ["ed25519", {}, undefined, null],
];
for (const [type, options, oldFormat, hash] of KINDS) {
  test(`${type} ${options.namedCurve ?? ""} keys survive every encoding and sign`.replace("  ", " "), () => {
    const { publicKey, privateKey } = generateKeyPairSync(type, options);
    equal(privateKey.asymmetricKeyType, type);
    for (const format of ["pem", "der"]) {
      for (const kind of ["pkcs8", oldFormat]) {
        if (kind === undefined) continue;
        const key = privateKey.export({ format, type: kind });
        assert(createPrivateKey({ key, format, type: kind }).equals(privateKey), `${format} ${kind}`);
      }
      const key = publicKey.export({ format, type: "spki" });
      assert(createPublicKey({ key, format, type: "spki" }).equals(publicKey));
    }
    assert(createPrivateKey({ key: privateKey.export({ format: "jwk" }), format: "jwk" }).equals(privateKey));
    assert(createPublicKey({ key: publicKey.export({ format: "jwk" }), format: "jwk" }).equals(publicKey));
    assert(createPublicKey(privateKey).equals(publicKey));
    const data = Buffer.from("data");
    const signature = sign(hash, data, privateKey);
    assert(verify(hash, data, publicKey, signature));
    assert(!verify(hash, Buffer.from("date"), publicKey, signature));
    if (hash !== null) {
      const pem = privateKey.export({ format: "pem", type: "pkcs8" });
      const other = createSign(hash).update("da").update("ta").sign(pem, "base64");
      assert(createVerify(hash).update(data).verify(publicKey, other, "base64"));
    }
  });
}

test("PSS, OAEP and the short form of ECDSA are options of the key", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const data = Buffer.from("data");
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  for (const saltLength of [undefined, 20, constants.RSA_PSS_SALTLEN_DIGEST]) {
    const signature = sign("sha256", data, { key: rsa.privateKey, padding, saltLength });
    assert(verify("sha256", data, { key: rsa.publicKey, padding }, signature));
    assert(!verify("sha256", data, rsa.publicKey, signature));
  }
  const sealed = publicEncrypt({ key: rsa.publicKey, oaepHash: "sha256" }, data);
  equal(privateDecrypt({ key: rsa.privateKey, oaepHash: "sha256" }, sealed).toString(), "data");
  throws(() => privateDecrypt(rsa.privateKey, sealed));
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  equal(sign("sha256", data, { key: ec.privateKey, dsaEncoding: "ieee-p1363" }).length, 64);
});

test("two sides agree on a secret", () => {
  const [a, b] = [generateKeyPairSync("x25519"), generateKeyPairSync("x25519")];
  const secret = diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey });
  assert(secret.equals(diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey })));
  const [c, d] = [createECDH("prime256v1"), createECDH("prime256v1")];
  c.generateKeys();
  const compressed = d.generateKeys("hex", "compressed");
  equal(c.computeSecret(compressed, "hex", "hex"), d.computeSecret(c.getPublicKey(), null, "hex"));
});

test("generateKeyPair calls back with encoded keys", async () => {
  const [publicKey, privateKey] = await new Promise((resolve, reject) => {
    generateKeyPair(
      "ed25519",
      { publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "der" } },
      (error, ...keys) => (error ? reject(error) : resolve(keys)),
    );
  });
  assert(publicKey.startsWith("-----BEGIN PUBLIC KEY-----\n"));
  equal(privateKey.length, 48);
});

test("a CryptoKey becomes a KeyObject", async () => {
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  const object = KeyObject.from(key);
  equal(object.type, "secret");
  equal(object.symmetricKeySize, 64);
  assert(object.export().equals(Buffer.from(await subtle.exportKey("raw", key))));
});

test("what is no key is refused", () => {
  throws(() => createPublicKey("nothing"));
  throws(() => createPrivateKey("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  throws(() => createPrivateKey(5), TypeError);
  throws(() => generateKeyPairSync("nothing"), TypeError);
  equal(throws(() => generateKeyPairSync("ec", { namedCurve: "nothing" }), TypeError).code, "ERR_CRYPTO_INVALID_CURVE");
});
