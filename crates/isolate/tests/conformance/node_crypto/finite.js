import {
  checkPrime,
  checkPrimeSync,
  createDiffieHellman,
  createHash,
  DiffieHellman,
  DiffieHellmanGroup,
  generatePrime,
  generatePrimeSync,
  getDiffieHellman,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { assert, equal, test, throws } from "atoll:test";

test("two sides of a small group agree", () => {
  const [alice, bob] = ["06", "0f"].map((key) => {
    const side = createDiffieHellman(Buffer.from([23]), 5);
    side.setPrivateKey(key, "hex");
    return side;
  });
  equal(alice.generateKeys("hex"), "08");
  equal(bob.generateKeys("hex"), "13");
  equal(alice.computeSecret("13", "hex", "hex"), "02");
  equal(bob.computeSecret(alice.getPublicKey(), null, "hex"), "02");
  equal(alice.verifyError, 0);
  equal(alice.getPrivateKey("hex"), "06");
  equal(createDiffieHellman("ff", "hex").verifyError, 9);
  equal(createDiffieHellman("17", "hex", "05", "hex").getGenerator("hex"), "05");
  equal(createDiffieHellman("17", "hex").getGenerator("hex"), "02");
});

/** Hashes of what RFC 3526 gives as primes. */
const GROUPS = [
  ["modp14", 256, "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e"],
  ["modp15", 384, "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c"],
  ["modp16", 512, "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33"],
  ["modp17", 768, "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd"],
  ["modp18", 1024, "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf"],
];
for (const [name, size, hash] of GROUPS) {
  test(`${name} is the group of RFC 3526`, () => {
    const prime = getDiffieHellman(name).getPrime();
    equal(prime.length, size);
    equal(createHash("sha256").update(prime).digest("hex"), hash);
  });
}

test("two sides of a known group agree", () => {
  const [alice, bob] = [getDiffieHellman("modp14"), new DiffieHellmanGroup("MODP14")];
  alice.generateKeys();
  bob.generateKeys();
  const secret = alice.computeSecret(bob.getPublicKey());
  equal(secret.length, 256);
  assert(secret.equals(bob.computeSecret(alice.getPublicKey())));
  equal(alice.setPrivateKey, undefined);
  throws(() => alice.computeSecret(Buffer.from([1])), RangeError);
  throws(() => alice.computeSecret(alice.getPrime()), RangeError);
  throws(() => getDiffieHellman("modp14").getPublicKey(), Error);
  throws(() => getDiffieHellman("modp14").computeSecret(Buffer.from([3])), Error);
  throws(() => getDiffieHellman("modp1"), Error);
});

test("a prime of one's own size is safe, and fits the generator", () => {
  for (const generator of [2, 5]) {
    const side = DiffieHellman(64, generator);
    equal(side.getPrime().length, 8);
    equal(side.verifyError, 0);
  }
  throws(() => createDiffieHellman(Buffer.from([22])).generateKeys(), Error);
  throws(() => createDiffieHellman(), TypeError);
});

test("primes are told from other numbers", () => {
  const primes = [2n, 3n, 7n, 251n, 2n ** 127n - 1n, 2n ** 521n - 1n];
  const others = [0n, 1n, 4n, 8n, 561n, 2n ** 128n + 1n, (2n ** 61n - 1n) * (2n ** 89n - 1n)];
  for (const prime of primes) assert(checkPrimeSync(prime), String(prime));
  for (const other of others) assert(!checkPrimeSync(other), String(other));
  assert(checkPrimeSync(Buffer.from([0xfb])));
  throws(() => checkPrimeSync(-7n), RangeError);
  throws(() => checkPrimeSync("7"), TypeError);
  throws(() => checkPrimeSync(7n, { checks: -1 }), RangeError);
});

test("primes of any size and kind are made", async () => {
  for (const size of [2, 3, 8, 33, 256]) {
    const prime = generatePrimeSync(size, { bigint: true });
    equal(prime.toString(2).length, size);
    assert(checkPrimeSync(prime));
  }
  equal(generatePrimeSync(33).byteLength, 5);
  const safe = generatePrimeSync(64, { safe: true, bigint: true });
  assert(checkPrimeSync(safe) && checkPrimeSync(safe >> 1n));
  equal(generatePrimeSync(32, { add: 12n, rem: 11n, bigint: true }) % 12n, 11n);
  equal(generatePrimeSync(32, { add: 12n, bigint: true }) % 12n, 1n);
  throws(() => generatePrimeSync(0), RangeError);
  throws(() => generatePrimeSync(1), RangeError);
  throws(() => generatePrimeSync(8, { add: 1024n }), RangeError);
  throws(() => generatePrimeSync(8, { add: 12n, rem: 12n }), RangeError);
  const made = await new Promise((resolve, reject) => {
    generatePrime(16, { bigint: true }, (error, prime) => (error ? reject(error) : resolve(prime)));
  });
  const is = await new Promise((resolve) => {
    checkPrime(made, (error, result) => resolve(error ?? result));
  });
  equal(is, true);
});
