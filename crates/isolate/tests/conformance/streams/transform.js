import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await undefined;
};

const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

test("without a transformer chunks pass as they are", async () => {
  deepEqual(await collect(ReadableStream.from([1, 2]).pipeThrough(new TransformStream())), [1, 2]);
});

test("transform may give none, one or many chunks, and flush some more", async () => {
  const stream = new TransformStream({
    transform(chunk, controller) {
      for (let n = 0; n < chunk; n++) controller.enqueue(chunk);
    },
    flush: (controller) => controller.enqueue("end"),
  });
  deepEqual(await collect(ReadableStream.from([0, 1, 2]).pipeThrough(stream)), [1, 2, 2, "end"]);
});

test("an asynchronous transform holds the next chunk back", async () => {
  const log = [];
  const stream = new TransformStream({
    async transform(chunk, controller) {
      log.push(`in ${chunk}`);
      await settle();
      log.push(`out ${chunk}`);
      controller.enqueue(chunk);
    },
  });
  await collect(ReadableStream.from([1, 2]).pipeThrough(stream));
  deepEqual(log, ["in 1", "out 1", "in 2", "out 2"]);
});

test("a writer waits for a reader", async () => {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  await settle();
  equal(writer.desiredSize, 1);
  let written = false;
  writer.write("a").then(() => (written = true));
  await settle();
  equal(written, false);
  equal((await readable.getReader().read()).value, "a");
  await settle();
  equal(written, true);
});

test("a transform that fails errors both sides", async () => {
  const reason = new Error("cannot");
  const { readable, writable } = new TransformStream({ transform() { throw reason; } });
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const written = writer.write(1);
  equal(await rejects(reader.read()), reason);
  equal(await rejects(written), reason);
  equal(await rejects(writer.closed), reason);
});

test("controller.error errors both sides, terminate closes one", async () => {
  let controller;
  const make = () => new TransformStream({ start: (given) => void (controller = given) });
  const errored = make();
  controller.error("broken");
  equal(await rejects(errored.readable.getReader().read()), "broken");
  equal(await rejects(errored.writable.getWriter().closed), "broken");

  const terminated = make();
  controller.terminate();
  equal((await terminated.readable.getReader().read()).done, true);
  await rejects(terminated.writable.getWriter().closed, /The transform stream has been terminated/);
  throws(() => controller.enqueue(1), TypeError);
});

test("cancelling the readable side and aborting the writable side both tell the transformer", async () => {
  const log = [];
  const make = () => new TransformStream({ cancel: (reason) => void log.push(reason) });
  const one = make();
  await one.readable.cancel("from the reader");
  equal(await rejects(one.writable.getWriter().closed), "from the reader");
  const two = make();
  await two.writable.abort("from the writer");
  equal(await rejects(two.readable.getReader().read()), "from the writer");
  deepEqual(log, ["from the reader", "from the writer"]);
});

test("desiredSize is the readable side's", async () => {
  let controller;
  new TransformStream({ start: (given) => void (controller = given) }, {}, { highWaterMark: 3 });
  equal(controller.desiredSize, 3);
  controller.enqueue(1);
  equal(controller.desiredSize, 2);
});

for (const [what, make, error] of [
  ["a readableType", () => new TransformStream({ readableType: "bytes" }), RangeError],
  ["a writableType", () => new TransformStream({ writableType: "bytes" }), RangeError],
  ["a transform that is no function", () => new TransformStream({ transform: 1 }), TypeError],
  ["a controller of one's own", () => new TransformStreamDefaultController(), TypeError],
]) {
  test(`${what} is refused`, () => throws(make, error));
}

test("a start that throws fails the constructor", () => {
  throws(() => new TransformStream({ start() { throw new RangeError("no"); } }), RangeError);
});

test("what stands on a transform is checked before a pipe starts", () => {
  const source = new ReadableStream();
  throws(() => source.pipeThrough({}), TypeError);
  throws(() => source.pipeThrough({ readable: new ReadableStream(), writable: {} }), TypeError);
  assert(!source.locked);
});
