import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const filled = (...chunks) =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new Uint8Array(chunk));
      controller.close();
    },
  });

const list = ({ value, done }) => [value === undefined ? undefined : [...value], done];

test("a default reader gets the chunks as they were enqueued", async () => {
  const reader = filled([1, 2], [3]).getReader();
  deepEqual(list(await reader.read()), [[1, 2], false]);
  deepEqual(list(await reader.read()), [[3], false]);
  deepEqual(list(await reader.read()), [undefined, true]);
});

test("a BYOB reader gets its own buffer back, filled as far as bytes are there", async () => {
  const reader = filled([1, 2, 3], [4]).getReader({ mode: "byob" });
  const lent = new Uint8Array(8);
  const first = await reader.read(lent);
  deepEqual(list(first), [[1, 2, 3, 4], false]);
  equal(first.value.buffer.byteLength, 8);
  equal(lent.byteLength, 0, "the lent view is detached");
  const end = await reader.read(new Uint8Array(first.value.buffer));
  deepEqual(list(end), [[], true]);
});

test("a smaller buffer takes part of a chunk and leaves the rest", async () => {
  const reader = filled([1, 2, 3]).getReader({ mode: "byob" });
  deepEqual(list(await reader.read(new Uint8Array(2))), [[1, 2], false]);
  deepEqual(list(await reader.read(new Uint8Array(2))), [[3], false]);
});

test("the view that comes back has the type, offset and elements of the one lent", async () => {
  const reader = filled([1, 0, 2, 0, 3]).getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint16Array(new ArrayBuffer(10), 2, 2));
  assert(value instanceof Uint16Array);
  equal(value.byteOffset, 2);
  deepEqual([...value], [1, 2]);
  reader.releaseLock();
});

test("bytes that do not fill an element at the end are an error", async () => {
  const stream = filled([1, 2, 3]);
  const reader = stream.getReader({ mode: "byob" });
  equal((await reader.read(new Uint16Array(1))).value.length, 1);
  await rejects(reader.read(new Uint16Array(1)), TypeError);
});

test("min waits for enough", async () => {
  let given = 0;
  const stream = new ReadableStream({ type: "bytes", pull: (controller) => controller.enqueue(new Uint8Array([++given])) });
  const reader = stream.getReader({ mode: "byob" });
  deepEqual(list(await reader.read(new Uint8Array(8), { min: 3 })), [[1, 2, 3], false]);
  await rejects(reader.read(new Uint8Array(2), { min: 0 }), /Requested invalid minimum number of bytes to read \(0\)/);
  await rejects(reader.read(new Uint8Array(2), { min: 3 }), /Minimum bytes to read \(3\) exceeds size of buffer \(2\)/);
});

test("readAtLeast waits for enough, and gives what is left at the end", async () => {
  const reader = filled([1], [2, 3], [4]).getReader({ mode: "byob" });
  deepEqual(list(await reader.readAtLeast(2, new Uint8Array(3))), [[1, 2, 3], false]);
  deepEqual(list(await reader.readAtLeast(2, new Uint8Array(3))), [[4], false]);
  deepEqual(list(await reader.readAtLeast(2, new Uint8Array(3))), [[], true]);
});

test("a source fills the reader's buffer through the BYOB request", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const request = controller.byobRequest;
      equal(request.view.byteLength, 4);
      request.view[0] = 7;
      request.respond(1);
      equal(controller.byobRequest, null);
      equal(request.view, null);
    },
  });
  deepEqual(list(await stream.getReader({ mode: "byob" }).read(new Uint8Array(4))), [[7], false]);
});

test("a source may answer with a view of the same memory elsewhere", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    pull({ byobRequest }) {
      const moved = new Uint8Array(byobRequest.view.buffer.transfer(), 0, 2);
      moved.set([8, 9]);
      byobRequest.respondWithNewView(moved);
    },
  });
  deepEqual(list(await stream.getReader({ mode: "byob" }).read(new Uint8Array(4))), [[8, 9], false]);
});

test("autoAllocateChunkSize gives default readers a BYOB request too", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 16,
    pull({ byobRequest }) {
      equal(byobRequest.view.byteLength, 16);
      byobRequest.view[0] = 5;
      byobRequest.respond(1);
    },
  });
  deepEqual(list(await stream.getReader().read()), [[5], false]);
});

test("enqueue takes the buffer away from the source", () => {
  new ReadableStream({
    type: "bytes",
    start(controller) {
      const chunk = new Uint8Array([1, 2]);
      controller.enqueue(chunk);
      equal(chunk.byteLength, 0);
      throws(() => controller.enqueue(chunk), TypeError);
    },
  });
});

test("only views with bytes can be enqueued", () => {
  new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const chunk of [undefined, "text", [1], {}, new ArrayBuffer(1), new Uint8Array(0), new Uint8Array(new SharedArrayBuffer(1))]) {
        throws(() => controller.enqueue(chunk), TypeError);
      }
    },
  });
});

for (const [what, view] of [
  ["nothing", undefined],
  ["an array", [1]],
  ["an empty view", new Uint8Array(0)],
  ["a buffer that is no view", new ArrayBuffer(4)],
  ["shared memory", new Uint8Array(new SharedArrayBuffer(4))],
]) {
  test(`a BYOB read into ${what} is refused`, () =>
    rejects(new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" }).read(view), TypeError));
}

for (const [what, respond, error] of [
  ["more bytes than were asked for", (request) => request.respond(5), RangeError],
  ["no bytes while open", (request) => request.respond(0), TypeError],
  ["a negative count", (request) => request.respond(-1), TypeError],
  ["a view of other memory", (request) => request.respondWithNewView(new Uint8Array(1)), RangeError],
]) {
  test(`a source cannot respond with ${what}`, async () => {
    let seen;
    const stream = new ReadableStream({
      type: "bytes",
      pull(controller) {
        const { byobRequest } = controller;
        seen = throws(() => respond(byobRequest));
        byobRequest.respond(1);
      },
    });
    await stream.getReader({ mode: "byob" }).read(new Uint8Array(4));
    assert(seen instanceof error, String(seen));
  });
}

test("closing under an open BYOB read ends it with an empty view once the source responds", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      controller.close();
      controller.byobRequest.respond(0);
    },
  });
  const { value, done } = await stream.getReader({ mode: "byob" }).read(new Uint8Array(4));
  deepEqual([value.byteLength, value.buffer.byteLength, done], [0, 4, true]);
});

test("cancelling gives open BYOB reads up", async () => {
  const reader = new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" });
  const open = reader.read(new Uint8Array(4));
  await reader.cancel();
  deepEqual(await open, { value: undefined, done: true });
});

test("what a source wrote into a buffer whose reader let go is kept for the next reader", async () => {
  let request;
  const stream = new ReadableStream({ type: "bytes", pull: (controller) => void (request = controller.byobRequest) });
  const first = stream.getReader({ mode: "byob" });
  const open = first.read(new Uint8Array(4));
  await undefined;
  await undefined;
  first.releaseLock();
  await rejects(open, TypeError);
  request.view.set([1, 2]);
  request.respond(2);
  deepEqual(list(await stream.getReader().read()), [[1, 2], false]);
});
