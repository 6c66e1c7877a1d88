import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const letters = (...chunks) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** Lets everything that is ready run. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await undefined;
};

test("chunks come out in order, then the end", async () => {
  const reader = letters("a", "b").getReader();
  deepEqual(await reader.read(), { value: "a", done: false });
  deepEqual(await reader.read(), { value: "b", done: false });
  deepEqual(await reader.read(), { value: undefined, done: true });
  equal(await reader.closed, undefined);
});

test("reads made before there are chunks are answered in order", async () => {
  let controller;
  const reader = new ReadableStream({ start: (given) => void (controller = given) }).getReader();
  const reads = [reader.read(), reader.read(), reader.read()];
  controller.enqueue(1);
  controller.enqueue(2);
  controller.close();
  deepEqual((await Promise.all(reads)).map(({ value, done }) => [value, done]), [[1, false], [2, false], [undefined, true]]);
});

test("the source is pulled to fill the queue up to the high water mark, and not while a pull is under way", async () => {
  let pulls = 0;
  let finish;
  const stream = new ReadableStream(
    {
      pull(controller) {
        pulls += 1;
        controller.enqueue(pulls);
        return new Promise((resolve) => (finish = resolve));
      },
    },
    { highWaterMark: 3 },
  );
  await settle();
  equal(pulls, 1);
  finish();
  await settle();
  equal(pulls, 2);
  finish();
  await settle();
  finish();
  await settle();
  equal(pulls, 3, "full");
  await stream.getReader().read();
  await settle();
  equal(pulls, 4, "one was taken");
});

test("a high water mark of zero pulls only for a reader", async () => {
  let pulls = 0;
  const stream = new ReadableStream({ pull: (controller) => controller.enqueue(++pulls) }, { highWaterMark: 0 });
  await settle();
  equal(pulls, 0);
  equal((await stream.getReader().read()).value, 1);
});

test("desiredSize counts down with the queue", () => {
  new ReadableStream(
    {
      start(controller) {
        equal(controller.desiredSize, 5);
        controller.enqueue("ab");
        equal(controller.desiredSize, 3);
        controller.enqueue("abcd");
        equal(controller.desiredSize, -1);
        controller.error(new Error("over"));
        equal(controller.desiredSize, null);
      },
    },
    { highWaterMark: 5, size: (chunk) => chunk.length },
  );
  new ReadableStream({
    start(controller) {
      controller.close();
      equal(controller.desiredSize, 0);
    },
  });
});

test("an error rejects open reads, closed, and later reads with the same reason", async () => {
  const reason = new Error("broken");
  let controller;
  const reader = new ReadableStream({ start: (given) => void (controller = given) }).getReader();
  const open = reader.read();
  controller.error(reason);
  for (const promise of [open, reader.closed, reader.read()]) equal(await rejects(promise), reason);
});

for (const [what, source] of [
  ["start that throws", { start() { throw new RangeError("no"); } }],
]) {
  test(`${what} fails the constructor`, () => throws(() => new ReadableStream(source), RangeError));
}

for (const [what, source] of [
  ["start that rejects", { start: () => Promise.reject(new RangeError("no")) }],
  ["pull that throws", { pull() { throw new RangeError("no"); } }],
  ["pull that rejects", { pull: () => Promise.reject(new RangeError("no")) }],
]) {
  test(`${what} errors the stream`, () => rejects(new ReadableStream(source).getReader().read(), RangeError));
}

test("cancel empties the stream and tells the source why", async () => {
  let told;
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue("never read"),
    cancel: (reason) => void (told = reason),
  });
  const reader = stream.getReader();
  equal(await reader.cancel("enough"), undefined);
  equal(told, "enough");
  equal((await reader.read()).done, true);
});

test("what the source's cancel throws is what cancel rejects with", async () => {
  const reason = new Error("cannot stop");
  equal(await rejects(new ReadableStream({ cancel() { throw reason; } }).cancel()), reason);
});

test("cancelling a closed stream is fine and an errored one is not", async () => {
  equal(await letters().cancel(), undefined);
  const reason = new Error("broken");
  const stream = new ReadableStream({ start: (controller) => controller.error(reason) });
  equal(await rejects(stream.cancel()), reason);
});

test("a reader locks its stream until it lets go", async () => {
  const stream = letters("a", "b");
  equal(stream.locked, false);
  const reader = stream.getReader();
  equal(stream.locked, true);
  throws(() => stream.getReader(), /currently locked to a reader/);
  throws(() => stream.tee(), TypeError);
  await rejects(stream.cancel(), /currently locked to a reader/);
  await reader.read();
  reader.releaseLock();
  equal(stream.locked, false);
  equal((await stream.getReader().read()).value, "b");
});

test("a released reader refuses everything, and its open reads are rejected", async () => {
  const stream = new ReadableStream();
  const reader = stream.getReader();
  const open = reader.read();
  reader.releaseLock();
  for (const promise of [open, reader.closed, reader.read(), reader.cancel()]) {
    await rejects(promise, /This ReadableStream reader has been released\./);
  }
  reader.releaseLock();
});

test("nothing can be enqueued after close or error", () => {
  for (const end of ["close", "error"]) {
    new ReadableStream({
      start(controller) {
        controller[end]();
        throws(() => controller.enqueue(1), TypeError);
        throws(() => controller.close(), TypeError);
        controller.error();
      },
    });
  }
});

test("the size function decides what a chunk weighs, and errors the stream when it fails", async () => {
  for (const size of [() => -1, () => NaN, () => Infinity]) {
    let controller;
    const stream = new ReadableStream({ start: (given) => void (controller = given) }, { size });
    throws(() => controller.enqueue("x"), RangeError);
    await rejects(stream.getReader().closed, RangeError);
  }
  const reason = new Error("weightless");
  let controller;
  const stream = new ReadableStream({ start: (given) => void (controller = given) }, { size() { throw reason; } });
  equal(throws(() => controller.enqueue("x")), reason);
  equal(await rejects(stream.getReader().closed), reason);
});

for (const [what, make, error] of [
  ["a number as source", () => new ReadableStream(5), TypeError],
  ["an unknown type", () => new ReadableStream({ type: "text" }), TypeError],
  ["a pull that is no function", () => new ReadableStream({ pull: 5 }), TypeError],
  ["a negative high water mark", () => new ReadableStream({}, { highWaterMark: -1 }), RangeError],
  ["a high water mark that is no number", () => new ReadableStream({}, { highWaterMark: "much" }), RangeError],
  ["a size that is no function", () => new ReadableStream({}, { size: 1 }), TypeError],
  ["a byte stream with a size", () => new ReadableStream({ type: "bytes" }, { size: () => 1 }), RangeError],
  ["an unknown reader mode", () => new ReadableStream().getReader({ mode: "text" }), TypeError],
  ["a BYOB reader of a stream that is not of bytes", () => new ReadableStream().getReader({ mode: "byob" }), TypeError],
  ["a controller of one's own", () => new ReadableStreamDefaultController(), TypeError],
  ["a reader of no stream", () => new ReadableStreamDefaultReader({}), TypeError],
]) {
  test(`${what} is refused`, () => throws(make, error));
}

test("methods on other objects are illegal invocations", async () => {
  throws(() => ReadableStream.prototype.getReader.call({}), /Illegal invocation/);
  throws(() => Object.getOwnPropertyDescriptor(ReadableStream.prototype, "locked").get.call({}), /Illegal invocation/);
  await rejects(ReadableStream.prototype.cancel.call({}), /Illegal invocation/);
  for (const receiver of [undefined, null, 5, "stream", {}, new WritableStream()]) {
    await rejects(ReadableStreamDefaultReader.prototype.read.call(receiver), /Illegal invocation/);
  }
});

test("callbacks are called on the source object, with a controller", async () => {
  const source = {
    calls: [],
    start(controller) {
      this.calls.push(controller.constructor.name);
    },
    pull(controller) {
      this.calls.push("pull");
      controller.close();
    },
  };
  await new ReadableStream(source).getReader().closed;
  deepEqual(source.calls, ["ReadableStreamDefaultController", "pull"]);
});

test("many chunks do not slow down or deepen the stack", async () => {
  const count = 20_000;
  const stream = new ReadableStream({
    start(controller) {
      for (let n = 0; n < count; n++) controller.enqueue(n);
      controller.close();
    },
  });
  let sum = 0;
  for await (const n of stream) sum += n;
  equal(sum, (count * (count - 1)) / 2);
  assert(!stream.locked);
});
