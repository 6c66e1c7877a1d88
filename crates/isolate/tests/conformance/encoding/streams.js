import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

test("TextEncoderStream joins pairs that chunks split", async () => {
  const chunks = await collect(ReadableStream.from(["a\ud83d", "", "\ude00", "\ud800", "b", "\ud800"]).pipeThrough(new TextEncoderStream()));
  for (const chunk of chunks) assert(chunk instanceof Uint8Array && chunk.byteLength > 0);
  equal(await new Response(new Blob(chunks)).text(), "a😀\ufffdb\ufffd");
});

test("TextEncoderStream takes anything as text but symbols", async () => {
  const [chunk] = await collect(ReadableStream.from([12]).pipeThrough(new TextEncoderStream()));
  deepEqual([...chunk], [49, 50]);
  await rejects(collect(ReadableStream.from([Symbol("no")]).pipeThrough(new TextEncoderStream())), TypeError);
});

test("TextDecoderStream joins characters that chunks split", async () => {
  const bytes = [...new TextEncoder().encode("aé€😀")].map((byte) => new Uint8Array([byte]));
  const chunks = await collect(ReadableStream.from(bytes).pipeThrough(new TextDecoderStream()));
  deepEqual(chunks, ["a", "é", "€", "😀"]);
});

test("TextDecoderStream knows other encodings, and what is left at the end", async () => {
  const sjis = ReadableStream.from([new Uint8Array([0x82]), new Uint8Array([0xa0])]);
  deepEqual(await collect(sjis.pipeThrough(new TextDecoderStream("shift_jis"))), ["あ"]);
  const cut = ReadableStream.from([new Uint8Array([0xe2])]);
  deepEqual(await collect(cut.pipeThrough(new TextDecoderStream())), ["\ufffd"]);
});

test("fatal errors the stream, at the end too", async () => {
  for (const bytes of [[0xff], [0xe2]]) {
    const stream = ReadableStream.from([new Uint8Array(bytes)]).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }));
    equal((await rejects(collect(stream), TypeError)).message, "Failed to decode input.");
  }
});

test("TextDecoderStream refuses what is no bytes", async () => {
  for (const chunk of ["text", 5, [97], {}, null]) {
    await rejects(collect(ReadableStream.from([chunk]).pipeThrough(new TextDecoderStream())), TypeError);
  }
});

test("attributes", () => {
  equal(new TextEncoderStream().encoding, "utf-8");
  const stream = new TextDecoderStream("latin1", { fatal: true });
  deepEqual([stream.encoding, stream.fatal, stream.ignoreBOM], ["windows-1252", true, false]);
  assert(stream.readable instanceof ReadableStream && stream.writable instanceof WritableStream);
  throws(() => new TextDecoderStream("foo"), RangeError);
});
