import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { equal, rejects, test } from "atoll:test";

const SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
const key = Buffer.alloc(16, 1);
const iv = Buffer.alloc(16, 2);

const collect = async (readable) => {
  const pieces = [];
  for await (const piece of readable) pieces.push(piece);
  return Buffer.concat(pieces);
};

test("a hash is written to and read from", async () => {
  const hash = createHash("sha1");
  const readable = new Promise((resolve) => hash.once("readable", resolve));
  hash.write("a");
  hash.end("bc");
  await readable;
  equal(hash.read().toString("hex"), SHA1);
});

test("a readable is piped into a hash", async () => {
  const hash = Readable.from(["a", "b", "c"]).pipe(createHash("sha1"));
  equal((await collect(hash)).toString("hex"), SHA1);
});

test("setEncoding says how the digest is read", async () => {
  const hash = createHash("sha1").setEncoding("hex");
  const digest = new Promise((resolve) => hash.on("data", resolve));
  hash.end("abc");
  equal(await digest, SHA1);
});

test("a pipeline goes through ciphers to an HMAC", async () => {
  const text = Buffer.alloc(100_000, "text ");
  const hmac = createHmac("sha256", "key");
  await pipeline(
    Readable.from([text.subarray(0, 12_345), text.subarray(12_345)]),
    createCipheriv("aes-128-cbc", key, iv),
    createDecipheriv("aes-128-cbc", key, iv),
    hmac,
  );
  equal(hmac.read().toString("hex"), createHmac("sha256", "key").update(text).digest("hex"));
});

test("what cannot be decrypted fails the pipeline", async () => {
  const decipher = createDecipheriv("aes-128-cbc", key, iv);
  await rejects(pipeline(Readable.from([Buffer.alloc(5)]), decipher, async (pieces) => collect(pieces)));
});
