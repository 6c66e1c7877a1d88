import { test, assert, equal, throws, rejects, deepEqual } from "atoll:test";
import zlib from "node:zlib";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { buffer, text } from "node:stream/consumers";
import { promisify } from "node:util";

const PAIRS = [["gzip", "gunzip"], ["deflate", "inflate"], ["deflateRaw", "inflateRaw"], ["gzip", "unzip"], ["deflate", "unzip"]];
const LONG = "a line of text\n".repeat(20_000);

test("what is compressed at once comes back", () => {
  for (const [compress, restore] of PAIRS) {
    for (const input of ["", "x", LONG, Buffer.from([0, 255])]) {
      const packed = zlib[`${compress}Sync`](input);
      assert(packed instanceof Buffer);
      deepEqual(String(zlib[`${restore}Sync`](packed)), String(Buffer.from(input)), `${compress} ${restore}`);
    }
  }
  assert(zlib.gzipSync(LONG).length < 10_000);
});

test("the callback and promise forms do the same", async () => {
  for (const [compress, restore] of PAIRS) {
    equal(String(await promisify(zlib[restore])(await promisify(zlib[compress])("hello"))), "hello");
  }
  const error = await new Promise((resolve) => zlib.gunzip("nonsense", resolve));
  equal(error.code, "Z_DATA_ERROR");
});

test("the stream forms do the same, in small pieces", async () => {
  for (const [compress, restore] of PAIRS) {
    const create = (name) => zlib[`create${name[0].toUpperCase()}${name.slice(1)}`]();
    const packed = await buffer(Readable.from([LONG.slice(0, 7), LONG.slice(7)]).pipe(create(compress)));
    const pieces = [];
    for (let index = 0; index < packed.length; index += 100) pieces.push(packed.subarray(index, index + 100));
    equal(await text(Readable.from(pieces).pipe(create(restore))), LONG, `${compress} ${restore}`);
  }
});

test("a flush brings out what can already be read", async () => {
  const gzip = zlib.createGzip();
  const chunks = [];
  gzip.on("data", (chunk) => chunks.push(chunk));
  gzip.write("early");
  await new Promise((resolve) => gzip.flush(resolve));
  const restored = zlib.gunzipSync(Buffer.concat(chunks), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  equal(String(restored), "early");
  gzip.end();
});

test("several gzip members are one file", () => {
  const joined = Buffer.concat([zlib.gzipSync("one "), zlib.gzipSync("two")]);
  equal(String(zlib.gunzipSync(joined)), "one two");
});

test("broken and cut data are errors", async () => {
  throws(() => zlib.inflateSync("nonsense"));
  equal(throws(() => zlib.inflateSync(zlib.deflateSync("hello").subarray(0, 5))).code, "Z_BUF_ERROR");
  await rejects(pipeline(Readable.from([Buffer.from("nonsense")]), zlib.createGunzip(), async (source) => text(source)));
});

test("options are checked and obeyed", () => {
  assert(zlib.deflateSync(LONG, { level: 0 }).length > LONG.length);
  equal(throws(() => zlib.gunzipSync(zlib.gzipSync(LONG), { maxOutputLength: 100 }), RangeError).code, "ERR_BUFFER_TOO_LARGE");
  throws(() => zlib.deflateSync("x", { level: 99 }), RangeError);
  throws(() => zlib.deflateSync(5), TypeError);
  throws(() => zlib.createGzip({ windowBits: 99 }), RangeError);
});

test("checksums go on from one another", () => {
  equal(zlib.crc32("hello"), 907060870);
  equal(zlib.crc32("lo", zlib.crc32("hel")), 907060870);
});

test("what is missing says so", () => {
  throws(() => zlib.zstdCompressSync("x"), /zlib\.zstdCompressSync is not implemented/);
  throws(() => zlib.createZstdDecompress(), /is not implemented/);
  equal(zlib.constants.Z_BEST_COMPRESSION, 9);
});

test("brotli goes there and back, at once and as streams", async () => {
  for (const quality of [0, 5, 11]) {
    const options = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } };
    const packed = zlib.brotliCompressSync(LONG, options);
    assert(packed.length < 10_000, `${quality}: ${packed.length}`);
    equal(zlib.brotliDecompressSync(packed).toString(), LONG.toString());
  }
  const stream = zlib.createBrotliCompress();
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.write("early ");
  await new Promise((resolve) => stream.flush(resolve));
  assert(chunks.length > 0);
  const ended = new Promise((resolve) => stream.once("end", resolve));
  stream.end("late");
  await ended;
  const decoder = zlib.createBrotliDecompress();
  const texts = [];
  decoder.on("data", (chunk) => texts.push(chunk.toString()));
  const closed = new Promise((resolve) => decoder.once("end", resolve));
  for (const byte of Buffer.concat(chunks)) decoder.write(Buffer.from([byte]));
  decoder.end();
  await closed;
  equal(texts.join(""), "early late");
});

test("brotli that is none is told", () => {
  for (const [bytes, message] of [[Buffer.from("xxxxxxxx"), "Decompression failed"], [zlib.brotliCompressSync("text").subarray(0, 4), "unexpected end of file"]]) {
    let error;
    try {
      zlib.brotliDecompressSync(bytes);
    } catch (thrown) {
      error = thrown;
    }
    equal(error?.message, message);
  }
});
