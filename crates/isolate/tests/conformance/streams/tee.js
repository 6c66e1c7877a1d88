import { test, deepEqual, equal, rejects } from "atoll:test";

const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

test("both branches get every chunk, at their own pace", async () => {
  const stream = ReadableStream.from(["a", "b", "c"]);
  const [one, two] = stream.tee();
  equal(stream.locked, true);
  deepEqual(await collect(one), ["a", "b", "c"]);
  deepEqual(await collect(two), ["a", "b", "c"]);
});

test("branches share chunks of values and copy chunks of bytes", async () => {
  const value = {};
  const [one, two] = ReadableStream.from([value]).tee();
  equal((await one.getReader().read()).value, value);
  equal((await two.getReader().read()).value, value);

  const bytes = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(new Uint8Array([1, 2, 3]));
      controller.close();
    },
  });
  const [left, right] = bytes.tee();
  const a = (await left.getReader().read()).value;
  a.fill(9);
  const b = (await right.getReader({ mode: "byob" }).read(new Uint8Array(4))).value;
  deepEqual([...b], [1, 2, 3]);
});

test("the source is cancelled once both branches are, with both reasons", async () => {
  let reasons;
  const stream = new ReadableStream({ cancel: (given) => void (reasons = given) });
  const [one, two] = stream.tee();
  const first = one.cancel("one");
  await undefined;
  equal(reasons, undefined);
  await Promise.all([first, two.cancel("two")]);
  deepEqual(reasons, ["one", "two"]);
});

test("one cancelled branch leaves the other alone", async () => {
  const [one, two] = ReadableStream.from([1, 2]).tee();
  one.cancel();
  deepEqual(await collect(two), [1, 2]);
});

test("an error of the source reaches both branches", async () => {
  const reason = new Error("broken");
  const [one, two] = new ReadableStream({ pull() { throw reason; } }).tee();
  equal(await rejects(one.getReader().read()), reason);
  equal(await rejects(two.getReader().read()), reason);
});

test("a branch that nobody reads is pulled no further than the other", async () => {
  let pulls = 0;
  const [one] = new ReadableStream({ pull: (controller) => controller.enqueue(pulls++) }, { highWaterMark: 0 }).tee();
  const reader = one.getReader();
  await reader.read();
  await reader.read();
  equal(pulls, 3, "two reads and one chunk ahead");
});
