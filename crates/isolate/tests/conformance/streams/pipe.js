import { test, assert, deepEqual, equal, rejects } from "atoll:test";

const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await undefined;
};

/** A sink that remembers what happened to it. */
const recorder = (more = {}, strategy = undefined) => {
  const log = [];
  const sink = new WritableStream(
    {
      write: (chunk) => void log.push(chunk),
      close: () => void log.push("close"),
      abort: (reason) => void log.push("abort", reason),
      ...more,
    },
    strategy,
  );
  return { log, sink };
};

test("a pipe writes every chunk and closes the sink", async () => {
  const { log, sink } = recorder();
  const source = ReadableStream.from(["a", "b"]);
  equal(await source.pipeTo(sink), undefined);
  deepEqual(log, ["a", "b", "close"]);
  equal(source.locked, false);
  equal(sink.locked, false);
});

test("preventClose leaves the sink open", async () => {
  const { log, sink } = recorder();
  await ReadableStream.from(["a"]).pipeTo(sink, { preventClose: true });
  const writer = sink.getWriter();
  await writer.write("b");
  deepEqual(log, ["a", "b"]);
});

test("both ends are locked while a pipe runs", async () => {
  const source = new ReadableStream();
  const { sink } = recorder();
  source.pipeTo(sink).catch(() => {});
  equal(source.locked, true);
  equal(sink.locked, true);
  await rejects(source.pipeTo(new WritableStream()), /currently locked to a reader/);
  await rejects(new ReadableStream().pipeTo(sink), /currently locked to a writer/);
});

test("an error of the source aborts the sink", async () => {
  const reason = new Error("broken");
  const { log, sink } = recorder();
  equal(await rejects(new ReadableStream({ pull() { throw reason; } }).pipeTo(sink)), reason);
  deepEqual(log, ["abort", reason]);
});

test("preventAbort spares the sink", async () => {
  const reason = new Error("broken");
  const { log, sink } = recorder();
  equal(await rejects(new ReadableStream({ pull() { throw reason; } }).pipeTo(sink, { preventAbort: true })), reason);
  deepEqual(log, []);
  await sink.close();
});

test("an error of the sink cancels the source, after what was read is dealt with", async () => {
  const reason = new Error("full");
  let told;
  const source = new ReadableStream({
    pull: (controller) => controller.enqueue("x"),
    cancel: (given) => void (told = given),
  });
  equal(await rejects(source.pipeTo(new WritableStream({ write() { throw reason; } }))), reason);
  equal(told, reason);
});

test("preventCancel spares the source", async () => {
  const reason = new Error("full");
  const source = new ReadableStream({ pull: (c) => c.enqueue("x"), cancel: () => assert(false, "cancelled") });
  equal(await rejects(source.pipeTo(new WritableStream({ write() { throw reason; } }), { preventCancel: true })), reason);
  equal((await source.getReader().read()).value, "x");
});

test("a sink that is closed already cancels the source", async () => {
  const sink = new WritableStream();
  await sink.close();
  let told;
  await rejects(new ReadableStream({ cancel: (given) => void (told = given) }).pipeTo(sink), TypeError);
  assert(told instanceof TypeError);
});

test("a signal stops a pipe and ends both sides with its reason", async () => {
  const controller = new AbortController();
  const { log, sink } = recorder();
  let told;
  const source = new ReadableStream({ cancel: (given) => void (told = given) });
  const piped = source.pipeTo(sink, { signal: controller.signal });
  await settle();
  controller.abort("stop");
  equal(await rejects(piped), "stop");
  equal(told, "stop");
  deepEqual(log, ["abort", "stop"]);
});

test("a signal that is aborted already lets nothing through", async () => {
  const { log, sink } = recorder();
  const source = ReadableStream.from(["a"]);
  await rejects(source.pipeTo(sink, { signal: AbortSignal.abort() }), "AbortError");
  equal(log.includes("a"), false);
});

test("a pipe reads no more than the sink wants", async () => {
  let pulls = 0;
  const source = new ReadableStream({ pull: (controller) => controller.enqueue(pulls++) }, { highWaterMark: 0 });
  source.pipeTo(new WritableStream({ write: () => new Promise(() => {}) }, { highWaterMark: 2 }));
  await settle();
  equal(pulls, 2);
});

for (const [what, arguments_] of [
  ["nothing", []],
  ["something that is no stream", [{}]],
  ["a signal that is no signal", [new WritableStream(), { signal: true }]],
]) {
  test(`piping to ${what} is refused`, () => rejects(new ReadableStream().pipeTo(...arguments_), TypeError));
}
