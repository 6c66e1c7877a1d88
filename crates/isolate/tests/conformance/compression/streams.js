import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const FORMATS = ["gzip", "deflate", "deflate-raw"];
const encoder = new TextEncoder();

const through = async (bytes, stream) => new Uint8Array(await new Response(new Response(bytes).body.pipeThrough(stream)).arrayBuffer());
const compress = (format, bytes) => through(bytes, new CompressionStream(format));
const expand = (format, bytes) => through(bytes, new DecompressionStream(format));

/** "hello" as other tools compress it. */
const HELLO = {
  gzip: [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0],
  deflate: [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21],
  "deflate-raw": [203, 72, 205, 201, 201, 7, 0],
};

for (const format of FORMATS) {
  test(`${format}: what was compressed elsewhere expands`, async () => {
    equal(new TextDecoder().decode(await expand(format, new Uint8Array(HELLO[format]))), "hello");
  });

  for (const size of [0, 1, 1000, 300_000]) {
    test(`${format}: ${size} bytes come back`, async () => {
      const bytes = new Uint8Array(size).map((_, index) => (index * index) >> 3);
      const packed = await compress(format, bytes);
      assert(packed.byteLength > 0);
      const back = await expand(format, packed);
      equal(back.byteLength, size);
      assert(back.every((byte, index) => byte === bytes[index]));
    });
  }

  test(`${format}: bytes may come one at a time`, async () => {
    const stream = ReadableStream.from(HELLO[format].map((byte) => new Uint8Array([byte]))).pipeThrough(new DecompressionStream(format));
    equal(await new Response(stream).text(), "hello");
  });

  test(`${format}: data that is cut off is an error`, async () => {
    const error = await rejects(expand(format, new Uint8Array(HELLO[format].slice(0, -1))), TypeError);
    equal(error.message, "Called close() on a decompression stream with incomplete data");
  });

  test(`${format}: bytes after the end are an error`, async () => {
    const error = await rejects(expand(format, new Uint8Array([...HELLO[format], 0])), TypeError);
    equal(error.message, "Trailing bytes after end of compressed data");
  });

  test(`${format}: what is not compressed at all is an error`, async () => {
    const error = await rejects(expand(format, new Uint8Array([255, 255, 255, 255, 255, 255])), TypeError);
    equal(error.message, "Decompression failed.");
  });

  test(`${format}: chunks that are no bytes error the stream`, async () => {
    for (const chunk of [undefined, null, 3, {}, [65]]) {
      for (const Stream of [CompressionStream, DecompressionStream]) {
        const { readable, writable } = new Stream(format);
        const read = readable.getReader().read();
        await rejects(writable.getWriter().write(chunk), TypeError);
        await rejects(read, TypeError);
      }
    }
  });
}

test("a checksum that does not fit is an error", async () => {
  const broken = new Uint8Array(HELLO.gzip);
  broken[18] ^= 1;
  await rejects(expand("gzip", broken), /Decompression failed\./);
});

test("what a few bytes expand to waits for its reader", async () => {
  const packed = await compress("deflate", new Uint8Array(32 * 1024 * 1024));
  assert(packed.byteLength < 40_000);
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  let written = false;
  writer.write(packed).then(() => (written = true), () => {});
  const reader = readable.getReader();
  const { value } = await reader.read();
  assert(value.byteLength <= 64 * 1024);
  for (let turn = 0; turn < 20; turn++) await undefined;
  equal(written, false);
  await reader.cancel("enough");
  await rejects(writer.closed);
});

test("text repeats well", async () => {
  const text = encoder.encode("hello hello hello ".repeat(1000));
  for (const format of FORMATS) assert((await compress(format, text)).byteLength < text.byteLength / 20);
});

for (const format of [undefined, "", "GZIP", "br", "zip"]) {
  test(`the format ${String(format)} is refused`, () => {
    for (const Stream of [CompressionStream, DecompressionStream]) {
      const error = throws(() => new Stream(format), TypeError);
      equal(error.message, "The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.");
    }
  });
}

test("a format is needed", () => {
  throws(() => new CompressionStream(), TypeError);
  throws(() => new DecompressionStream(), TypeError);
});

test("both are transform streams", () => {
  const stream = new CompressionStream("gzip");
  assert(stream instanceof TransformStream);
  deepEqual([stream.readable.locked, stream.writable.locked], [false, false]);
});
