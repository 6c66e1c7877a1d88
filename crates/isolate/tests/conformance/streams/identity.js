import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await undefined;
};

test("bytes pass through, copied", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const read = readable.getReader().read();
  const chunk = new Uint8Array([1, 2]);
  await writer.write(chunk);
  equal(chunk.byteLength, 2);
  const { value } = await read;
  deepEqual([...value], [1, 2]);
  assert(value.buffer !== chunk.buffer);
});

test("text passes as UTF-8, buffers as their bytes", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  writer.write("hé");
  deepEqual([...(await reader.read()).value], [104, 195, 169]);
  writer.write(new Uint16Array([1]).buffer);
  deepEqual([...(await reader.read()).value], [1, 0]);
});

test("a write is done when all of its bytes are read", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const reader = readable.getReader({ mode: "byob" });
  let done = false;
  writer.write(new Uint8Array([1, 2, 3])).then(() => (done = true));
  await settle();
  equal(done, false);
  deepEqual([...(await reader.read(new Uint8Array(2))).value], [1, 2]);
  await settle();
  equal(done, false);
  deepEqual([...(await reader.read(new Uint8Array(2))).value], [3]);
  await settle();
  equal(done, true);
});

test("what is no bytes errors both sides", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const reader = readable.getReader();
  const read = reader.read();
  await rejects(writable.getWriter().write({}), /received an object of non-ArrayBuffer\/ArrayBufferView type/);
  await rejects(read, TypeError);
});

test("abort and cancel reach the other side", async () => {
  const one = new IdentityTransformStream();
  const read = one.readable.getReader().read();
  one.writable.abort("why").catch(() => {});
  equal(await rejects(read), "why");
  const two = new IdentityTransformStream();
  const written = two.writable.getWriter().write(new Uint8Array(1));
  two.readable.cancel("why");
  equal(await rejects(written), "why");
});

test("desiredSize counts bytes when a high water mark is given", () => {
  equal(new IdentityTransformStream().writable.getWriter().desiredSize, 1);
  equal(new IdentityTransformStream({ highWaterMark: 10 }).writable.getWriter().desiredSize, 10);
});

test("a FixedLengthStream passes exactly its length", async () => {
  const { readable, writable } = new FixedLengthStream(3);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  writer.write(new Uint8Array([1, 2]));
  equal((await reader.read()).value.byteLength, 2);
  writer.write(new Uint8Array([3]));
  equal((await reader.read()).value.byteLength, 1);
  await writer.close();
  equal((await reader.read()).done, true);
});

test("a FixedLengthStream refuses more bytes and fewer", async () => {
  const more = new FixedLengthStream(2);
  const read = more.readable.getReader().read();
  more.writable.getWriter().write(new Uint8Array(3)).catch(() => {});
  await rejects(read, /Attempt to write too many bytes through a FixedLengthStream\./);

  const fewer = new FixedLengthStream(2);
  const reader = fewer.readable.getReader();
  fewer.writable.getWriter().close().catch(() => {});
  await rejects(reader.read(), /FixedLengthStream did not see all expected bytes before close\(\)\./);
});

for (const [value, fine] of [[0, true], [5n, true], ["5", true], [-1, false], [NaN, false], [2 ** 53, false]]) {
  test(`a FixedLengthStream of ${String(value)} is ${fine ? "fine" : "refused"}`, () => {
    if (fine) assert(new FixedLengthStream(value).readable instanceof ReadableStream);
    else throws(() => new FixedLengthStream(value), TypeError);
  });
}

test("both are transform streams, with byte streams to read", () => {
  for (const stream of [new IdentityTransformStream(), new FixedLengthStream(1)]) {
    assert(stream instanceof TransformStream);
    stream.readable.getReader({ mode: "byob" });
  }
});
