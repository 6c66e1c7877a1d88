import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await undefined;
};

test("chunks are written in order, one at a time, and then the sink is closed", async () => {
  const log = [];
  let busy = false;
  const writer = new WritableStream({
    start: () => void log.push("start"),
    async write(chunk) {
      assert(!busy, "one write at a time");
      busy = true;
      await settle();
      busy = false;
      log.push(chunk);
    },
    close: () => void log.push("close"),
  }).getWriter();
  writer.write(1);
  writer.write(2);
  await writer.close();
  deepEqual(log, ["start", 1, 2, "close"]);
  equal(await writer.closed, undefined);
});

test("ready is pending while the queue is full", async () => {
  let finish;
  const writer = new WritableStream({ write: () => new Promise((resolve) => (finish = resolve)) }).getWriter();
  await writer.ready;
  equal(writer.desiredSize, 1);
  const written = writer.write("a");
  equal(writer.desiredSize, 0);
  let ready = false;
  writer.ready.then(() => (ready = true));
  await settle();
  equal(ready, false);
  finish();
  await written;
  await settle();
  equal(ready, true);
});

test("a write that fails errors the stream", async () => {
  const reason = new Error("disk full");
  const writer = new WritableStream({ write() { throw reason; } }).getWriter();
  const [first, second, closed, ready] = [writer.write(1), writer.write(2), writer.closed, writer.ready];
  for (const promise of [first, second, closed]) equal(await rejects(promise), reason);
  await ready.catch(() => {});
  equal(await rejects(writer.ready), reason);
  equal(writer.desiredSize, null);
  equal(await rejects(writer.write(3)), reason);
});

test("abort drops what is queued, tells the sink why, and rejects with the reason", async () => {
  const log = [];
  const writer = new WritableStream({
    write: (chunk) => (log.push(chunk), new Promise((resolve) => setTimeout(resolve, 0))),
    abort: (reason) => void log.push(`abort ${reason}`),
  }).getWriter();
  await writer.ready;
  const writes = [writer.write(1), writer.write(2)];
  const aborted = writer.abort("enough");
  await writes[0];
  equal(await rejects(writes[1]), "enough");
  equal(await aborted, undefined);
  deepEqual(log, [1, "abort enough"]);
  equal(await rejects(writer.closed), "enough");
});

test("the controller's signal is aborted at once, while a write is under way", async () => {
  let signal;
  const stream = new WritableStream({
    start: (controller) => void (signal = controller.signal),
    write: () => new Promise(() => {}),
  });
  const writer = stream.getWriter();
  writer.write(1).catch(() => {});
  await settle();
  equal(signal.aborted, false);
  writer.abort("why").catch(() => {});
  equal(signal.aborted, true);
  equal(signal.reason, "why");
});

test("controller.error ends the stream after the write under way", async () => {
  let controller;
  const stream = new WritableStream({ start: (given) => void (controller = given) });
  const writer = stream.getWriter();
  controller.error("broken");
  equal(await rejects(writer.closed), "broken");
  controller.error("again");
});

test("close waits for the writes before it, and nothing can follow it", async () => {
  const writer = new WritableStream().getWriter();
  const closing = writer.close();
  await rejects(writer.write(1), /This WritableStream has been closed\./);
  await rejects(writer.close(), /This WritableStream has been closed\./);
  await closing;
  await rejects(writer.close(), TypeError);
  equal(writer.desiredSize, 0);
});

test("a writer locks its stream until it lets go", async () => {
  const stream = new WritableStream();
  const writer = stream.getWriter();
  equal(stream.locked, true);
  throws(() => stream.getWriter(), /currently locked to a writer/);
  await rejects(stream.abort(), /currently locked to a writer/);
  await rejects(stream.close(), /currently locked to a writer/);
  writer.releaseLock();
  equal(stream.locked, false);
  for (const use of ["write", "close", "abort"]) await rejects(writer[use](), /has been released/);
  await rejects(writer.closed, /has been released/);
  await rejects(writer.ready, /has been released/);
  throws(() => writer.desiredSize, /has been released/);
});

test("a start that fails errors the stream before any write", async () => {
  const reason = new Error("no");
  const stream = new WritableStream({ start: () => Promise.reject(reason), write: () => assert(false, "written") });
  equal(await rejects(stream.getWriter().write(1)), reason);
});

for (const [what, make, error] of [
  ["a string as sink", () => new WritableStream("file"), TypeError],
  ["a type", () => new WritableStream({ type: "bytes" }), RangeError],
  ["a write that is no function", () => new WritableStream({ write: 1 }), TypeError],
  ["a negative high water mark", () => new WritableStream({}, { highWaterMark: -1 }), RangeError],
  ["a controller of one's own", () => new WritableStreamDefaultController(), TypeError],
  ["a writer of no stream", () => new WritableStreamDefaultWriter({}), TypeError],
]) {
  test(`${what} is refused`, () => throws(make, error));
}

for (const [Class, size, chunk, weight] of [
  [CountQueuingStrategy, 1, "abc", 1],
  [ByteLengthQueuingStrategy, 1024, new Uint8Array(100), 100],
]) {
  test(`${Class.name} gives its mark and weighs chunks`, () => {
    const strategy = new Class({ highWaterMark: size });
    equal(strategy.highWaterMark, size);
    equal(strategy.size(chunk), weight);
    equal(strategy.size, new Class({ highWaterMark: 2 }).size);
    throws(() => new Class(), TypeError);
    throws(() => new Class({}), TypeError);
    const writer = new WritableStream({}, strategy).getWriter();
    writer.write(chunk);
    equal(writer.desiredSize, size - weight);
  });
}
