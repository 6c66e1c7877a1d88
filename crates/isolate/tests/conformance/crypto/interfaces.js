import { assert, equal, rejects, test, throws } from "atoll:test";

test("the three interfaces cannot be constructed", () => {
  for (const Interface of [Crypto, SubtleCrypto, CryptoKey]) throws(() => new Interface(), TypeError);
});

test("crypto and subtle are the same objects each time", () => {
  assert(crypto instanceof Crypto);
  assert(crypto.subtle instanceof SubtleCrypto);
  equal(crypto.subtle, crypto.subtle);
  equal(Object.prototype.toString.call(crypto), "[object Crypto]");
  equal(Object.prototype.toString.call(crypto.subtle), "[object SubtleCrypto]");
});

test("members are called on their own kind of object", async () => {
  throws(() => crypto.getRandomValues.call({}, new Uint8Array(1)), TypeError);
  throws(() => crypto.randomUUID.call(undefined), TypeError);
  throws(() => Object.getOwnPropertyDescriptor(CryptoKey.prototype, "type").get.call({}), TypeError);
  await rejects(crypto.subtle.digest.call({}, "SHA-1", new Uint8Array()), TypeError);
});

const METHODS = [
  ["encrypt", 3],
  ["decrypt", 3],
  ["sign", 3],
  ["verify", 4],
  ["digest", 2],
  ["generateKey", 3],
  ["deriveKey", 5],
  ["importKey", 5],
  ["exportKey", 2],
  ["wrapKey", 4],
  ["unwrapKey", 7],
];
for (const [name, length] of METHODS) {
  test(`${name} takes ${length} arguments and rejects without them`, async () => {
    equal(SubtleCrypto.prototype[name].length, length);
    const promise = crypto.subtle[name]();
    assert(promise instanceof Promise);
    await rejects(promise, TypeError);
  });
}

const importAes = (extractable = true) =>
  crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", extractable, ["decrypt", "encrypt", "encrypt"]);

test("a key shows what it is, always with the same objects", async () => {
  const key = await importAes();
  equal(String(key), "[object CryptoKey]");
  equal(key.type, "secret");
  equal(key.extractable, true);
  equal(key.algorithm, key.algorithm);
  equal(key.usages, key.usages);
  equal(key.algorithm.name, "AES-GCM");
  equal(key.algorithm.length, 128);
  equal(key.usages.join(), "encrypt,decrypt");
});

test("what a user writes to a key's objects changes nothing", async () => {
  const key = await importAes(false);
  key.algorithm.name = "AES-CBC";
  key.usages.push("wrapKey");
  await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(1));
  await rejects(crypto.subtle.exportKey("raw", key), "InvalidAccessError");
});

test("a key has no property of its own that could hold its bytes", async () => {
  equal(Reflect.ownKeys(await importAes()).length, 0);
});

test("timingSafeEqual compares bytes of the same length", () => {
  const { subtle } = crypto;
  assert(subtle.timingSafeEqual(new Uint8Array([1, 2]), new Uint8Array([1, 2]).buffer));
  assert(!subtle.timingSafeEqual(new Uint8Array([1, 2]), new Uint8Array([1, 3])));
  throws(() => subtle.timingSafeEqual(new Uint8Array(1), new Uint8Array(2)), TypeError);
  throws(() => subtle.timingSafeEqual("a", "a"), TypeError);
});

test("the algorithm's name is read before the data, which a getter may change", async () => {
  const data = new Uint8Array([1, 2, 3]);
  const algorithm = {
    get name() {
      data.fill(0);
      return "SHA-1";
    },
  };
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, data));
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array(3)));
  equal(digest.join(), expected.join());
});

test("data that changes after a call does not change its result", async () => {
  const data = new Uint8Array([1, 2, 3]);
  const promise = crypto.subtle.digest("SHA-1", data);
  data.fill(0);
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array([1, 2, 3])));
  equal(new Uint8Array(await promise).join(), expected.join());
});

test("names of algorithms are read without regard to case", async () => {
  const key = await crypto.subtle.generateKey({ name: "hMaC", hash: "sha-256" }, false, ["sign"]);
  equal(key.algorithm.name, "HMAC");
  equal(key.algorithm.hash.name, "SHA-256");
});
