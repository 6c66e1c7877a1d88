import { test, assert, deepEqual, equal, rejects, throws } from "atoll:test";

const numbers = (onCancel = () => {}) => {
  let next = 0;
  return new ReadableStream({ pull: (controller) => controller.enqueue(next++), cancel: onCancel });
};

test("for await reads to the end and unlocks the stream", async () => {
  const stream = ReadableStream.from([1, 2, 3]);
  const seen = [];
  for await (const chunk of stream) seen.push(chunk);
  deepEqual(seen, [1, 2, 3]);
  equal(stream.locked, false);
});

test("leaving the loop cancels the stream", async () => {
  let cancelled = false;
  const stream = numbers(() => (cancelled = true));
  for await (const chunk of stream) if (chunk === 2) break;
  equal(cancelled, true);
  equal(stream.locked, false);
});

test("preventCancel leaves the rest to be read", async () => {
  const stream = numbers(() => assert(false, "cancelled"));
  for await (const chunk of stream.values({ preventCancel: true })) if (chunk === 2) break;
  equal((await stream.getReader().read()).value, 3);
});

test("an error comes out of the loop", async () => {
  const reason = new Error("broken");
  const stream = new ReadableStream({ pull() { throw reason; } });
  equal(await rejects(async () => { for await (const chunk of stream) assert(false, chunk); }), reason);
  equal(stream.locked, false);
});

test("overlapping calls of next are answered in order", async () => {
  const iterator = numbers()[Symbol.asyncIterator]();
  const answers = await Promise.all([iterator.next(), iterator.next(), iterator.return("over"), iterator.next()]);
  deepEqual(answers.map(({ value, done }) => [value, done]), [[0, false], [1, false], ["over", true], [undefined, true]]);
});

test("the iterator has the shape of an async iterator", () => {
  const iterator = new ReadableStream().values();
  const prototype = Object.getPrototypeOf(iterator);
  deepEqual(Object.keys(prototype).sort(), ["next", "return"]);
  equal(iterator[Symbol.asyncIterator](), iterator);
  equal(iterator.throw, undefined);
  equal(ReadableStream.prototype[Symbol.asyncIterator], ReadableStream.prototype.values);
});

for (const [what, iterable, expected] of [
  ["an array", ["a", "b"], ["a", "b"]],
  ["an array of promises", [Promise.resolve("a"), "b"], ["a", "b"]],
  ["a set", new Set([1, 2]), [1, 2]],
  ["a string", "ab", ["a", "b"]],
  ["a generator", (function* () { yield 1; yield 2; })(), [1, 2]],
  ["an async generator", (async function* () { yield 1; yield 2; })(), [1, 2]],
  ["another stream", ReadableStream.from([1, 2]), [1, 2]],
  ["nothing at all", [], []],
]) {
  test(`from takes ${what}`, async () => {
    const seen = [];
    for await (const chunk of ReadableStream.from(iterable)) seen.push(chunk);
    deepEqual(seen, expected);
  });
}

for (const value of [undefined, null, 5, true, {}, { [Symbol.iterator]: 1 }]) {
  test(`from refuses ${String(value)}`, () => throws(() => ReadableStream.from(value), TypeError));
}

test("from asks for values one at a time, and returns the iterator when cancelled", async () => {
  const log = [];
  const iterable = {
    [Symbol.asyncIterator]: () => ({
      next: async () => (log.push("next"), { value: log.length, done: false }),
      return: async (reason) => (log.push(`return ${reason}`), { done: true }),
    }),
  };
  const reader = ReadableStream.from(iterable).getReader();
  deepEqual(log, []);
  equal((await reader.read()).value, 1);
  await reader.cancel("enough");
  deepEqual(log, ["next", "return enough"]);
});

test("from errors the stream with what the iterator throws", async () => {
  const reason = new Error("broken");
  const stream = ReadableStream.from((async function* () { yield 1; throw reason; })());
  const reader = stream.getReader();
  await reader.read();
  equal(await rejects(reader.read()), reason);
});
