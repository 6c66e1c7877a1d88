import { equal, rejects, test, throws } from "atoll:test";

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

// The digest of the text 123456789.
const DIGESTS = [
  ["MD5", "25f9e794323b453885f5181f1b624d0b"],
  ["SHA-1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
  ["crc32", "cbf43926"],
  ["crc32c", "e3069283"],
  ["crc64nvme", "ae8b14860a799888"],
];
for (const [name, expected] of DIGESTS) {
  test(`DigestStream computes ${name} over all that is written`, async () => {
    const stream = new crypto.DigestStream(name);
    const writer = stream.getWriter();
    await writer.write("1234");
    await writer.write(Uint8Array.from("5678", (character) => character.charCodeAt(0)).buffer);
    await writer.write(new Uint8Array([57]));
    await writer.close();
    equal(hex(await stream.digest), expected);
    equal(stream.bytesWritten, 9n);
  });
}

test("DigestStream is a WritableStream that a readable can be piped to", async () => {
  const stream = new crypto.DigestStream({ name: "sha-256" });
  equal(stream instanceof WritableStream, true);
  const source = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([97, 98, 99]));
      controller.close();
    },
  });
  await source.pipeTo(stream);
  equal(hex(await stream.digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("the digest of an aborted stream rejects with the reason", async () => {
  const stream = new crypto.DigestStream("SHA-1");
  await stream.abort(new RangeError("enough"));
  await rejects(stream.digest, RangeError);
});

test("DigestStream takes bytes and strings, and only digests that exist", async () => {
  const stream = new crypto.DigestStream("SHA-1");
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  await rejects(writer.write(123), TypeError);
  throws(() => new crypto.DigestStream("SHA-3"), "NotSupportedError");
});
