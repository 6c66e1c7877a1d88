import { test, assert, equal, throws, rejects, deepEqual } from "atoll:test";
import stream, { Duplex, PassThrough, Readable, Transform, Writable, addAbortSignal, compose, finished, pipeline } from "node:stream";
import promises from "node:stream/promises";
import * as consumers from "node:stream/consumers";

const sink = (seen, options) =>
  new Writable({ write(chunk, encoding, callback) { seen.push(String(chunk)); callback(); }, ...options });
const ended = (emitter, name) => new Promise((resolve, reject) => { emitter.once(name, resolve); if (name !== "error") emitter.once("error", reject); });
const upper = () => new Transform({ transform(chunk, encoding, callback) { callback(null, String(chunk).toUpperCase()); } });

test("a readable gives what was pushed, then ends and closes", async () => {
  const events = [];
  const readable = new Readable({ read() {} });
  for (const name of ["data", "end", "close"]) readable.on(name, (chunk) => events.push(chunk ? `${name} ${chunk}` : name));
  readable.push("a");
  readable.push("b");
  readable.push(null);
  await ended(readable, "close");
  deepEqual(events, ["data a", "data b", "end", "close"]);
  deepEqual([readable.readableEnded, readable.destroyed, readable.readable, readable.closed], [true, true, false, true]);
});

test("read takes exactly what is asked for", async () => {
  const readable = new Readable({ read() {} });
  readable.push("abcdef");
  readable.push("ghi");
  await ended(readable, "readable");
  equal(String(readable.read(2)), "ab");
  equal(String(readable.read(5)), "cdefg");
  equal(readable.read(10), null);
  readable.push(null);
  await ended(readable, "readable");
  equal(String(readable.read()), "hi");
});

test("_read is called until the buffer is full", () => {
  let calls = 0;
  const readable = new Readable({ highWaterMark: 3, read() { calls++; this.push("x"); } });
  readable.read(0);
  return new Promise((resolve) => setTimeout(() => { equal(calls, 3); equal(readable.readableLength, 3); resolve(); }, 1));
});

test("text is decoded across chunks when an encoding is set", async () => {
  const readable = new Readable({ read() {}, encoding: "utf8" });
  readable.push(Buffer.from([0xe2, 0x82]));
  readable.push(Buffer.from([0xac, 0x61]));
  readable.push(null);
  deepEqual(await readable.toArray(), ["€a"]);
});

test("pause stops the flow and resume starts it again", async () => {
  const readable = Readable.from(["a", "b", "c"]);
  const seen = [];
  readable.on("data", (chunk) => {
    seen.push(chunk);
    readable.pause();
    setTimeout(() => readable.resume(), 0);
  });
  await ended(readable, "end");
  deepEqual(seen, ["a", "b", "c"]);
});

test("pushing after the end is an error; so is a wrong type", async () => {
  const readable = new Readable({ read() {} });
  readable.push(null);
  readable.push("x");
  equal((await ended(readable, "error").catch((error) => error)).code, "ERR_STREAM_PUSH_AFTER_EOF");
  const other = new Readable({ read() {} });
  other.push(5);
  equal((await ended(other, "error").catch((error) => error)).code, "ERR_INVALID_ARG_TYPE");
});

test("unshift puts a chunk back in front", async () => {
  const readable = new Readable({ read() {} });
  readable.push("b");
  readable.unshift("a");
  readable.push(null);
  equal(await consumers.text(readable), "ab");
});

test("a writable takes chunks in order and finishes after the last", async () => {
  const seen = [];
  const writable = new Writable({
    write(chunk, encoding, callback) {
      seen.push([String(chunk), encoding]);
      setTimeout(callback, 0);
    },
    final(callback) {
      seen.push("final");
      callback();
    },
  });
  const order = [];
  writable.write("a", () => order.push("a written"));
  writable.write("b", () => order.push("b written"));
  writable.end("c", () => order.push("ended"));
  writable.on("finish", () => order.push("finish"));
  await ended(writable, "close");
  deepEqual(seen, [["a", "buffer"], ["b", "buffer"], ["c", "buffer"], "final"]);
  deepEqual(order, ["a written", "b written", "ended", "finish"]);
  deepEqual([writable.writableFinished, writable.writableEnded, writable.writable], [true, true, false]);
});

test("a full writable says so, and drains", async () => {
  const callbacks = [];
  const writable = new Writable({ highWaterMark: 2, write(chunk, encoding, callback) { callbacks.push(callback); } });
  equal(writable.write("a"), true);
  equal(writable.write("b"), false);
  equal(writable.writableNeedDrain, true);
  const drain = ended(writable, "drain");
  callbacks.shift()();
  callbacks.shift()();
  await drain;
  equal(writable.writableNeedDrain, false);
});

test("writev takes what was corked together", async () => {
  const batches = [];
  const writable = new Writable({ writev(chunks, callback) { batches.push(chunks.map(({ chunk }) => String(chunk))); callback(); } });
  writable.cork();
  writable.write("a");
  writable.write("b");
  process.nextTick(() => writable.uncork());
  writable.end();
  await ended(writable, "finish");
  deepEqual(batches, [["a", "b"]]);
});

test("writing after the end fails, to the callback and as an event", async () => {
  const writable = sink([]);
  writable.end();
  const callback = new Promise((resolve) => writable.write("x", resolve));
  const event = new Promise((resolve) => writable.once("error", resolve));
  equal((await callback).code, "ERR_STREAM_WRITE_AFTER_END");
  equal((await event).code, "ERR_STREAM_WRITE_AFTER_END");
  throws(() => sink([]).write(null), TypeError);
  throws(() => sink([]).write(5), TypeError);
  throws(() => sink([]).write("x", "nope"), /Unknown encoding/);
});

test("a failing write destroys the stream and fails what waits", async () => {
  const writable = new Writable({ write(chunk, encoding, callback) { setTimeout(() => callback(new RangeError("disk")), 0); } });
  const results = [];
  writable.write("a", (error) => results.push(error?.message));
  writable.write("b", (error) => results.push(error?.message));
  const error = await new Promise((resolve) => writable.once("error", resolve));
  equal(error.message, "disk");
  deepEqual(results, ["disk", "disk"]);
  equal(writable.destroyed, true);
  equal(writable.errored, error);
});

test("destroy emits error once, then close, and calls _destroy", async () => {
  const order = [];
  const readable = new Readable({ read() {}, destroy(error, callback) { order.push("_destroy"); callback(error); } });
  readable.on("error", (error) => order.push(error.message));
  const closed = new Promise((resolve) => readable.on("close", resolve));
  readable.destroy(new Error("x"));
  readable.destroy(new Error("y"));
  await closed;
  deepEqual(order, ["_destroy", "x"]);
  equal(readable.errored.message, "x");
});

test("construct runs before anything is read or written", async () => {
  const order = [];
  const writable = new Writable({
    construct(callback) { setTimeout(() => { order.push("constructed"); callback(); }, 0); },
    write(chunk, encoding, callback) { order.push(String(chunk)); callback(); },
  });
  writable.end("x");
  await ended(writable, "finish");
  deepEqual(order, ["constructed", "x"]);
});

test("pipe moves all chunks, minds back-pressure and ends the destination", async () => {
  const seen = [];
  const slow = new Writable({ highWaterMark: 1, write(chunk, encoding, callback) { seen.push(String(chunk)); setTimeout(callback, 0); } });
  let unpiped = 0;
  slow.on("unpipe", () => unpiped++);
  Readable.from(["a", "b", "c"]).pipe(slow);
  await ended(slow, "finish");
  deepEqual(seen, ["a", "b", "c"]);
  equal(unpiped, 1);
});

test("unpipe detaches, and an error on the destination unpipes", async () => {
  const source = new Readable({ read() {} });
  const target = sink([]);
  source.pipe(target);
  source.unpipe(target);
  equal(source.readableFlowing, false);
  const broken = sink([]);
  broken.on("error", () => {});
  source.pipe(broken);
  broken.destroy(new Error("x"));
  await new Promise((resolve) => broken.once("close", resolve));
  deepEqual(source._readableState.pipes, []);
});

test("transform turns chunks, and flushes at the end", async () => {
  const transform = new Transform({
    transform(chunk, encoding, callback) { this.push(`<${chunk}>`); callback(null, "!"); },
    flush(callback) { callback(null, "end"); },
  });
  transform.write("a");
  transform.end("b");
  equal(await consumers.text(transform), "<a>!<b>!end");
});

test("object mode passes any value but null", async () => {
  const through = new PassThrough({ objectMode: true });
  through.write({ a: 1 });
  through.write(0);
  through.end("");
  deepEqual(await through.toArray(), [{ a: 1 }, 0, ""]);
});

test("classes extend in both styles", async () => {
  class Counter extends Readable {
    #count = 0;
    _read() { this.push(this.#count < 3 ? String(this.#count++) : null); }
  }
  equal(await consumers.text(new Counter()), "012");
  function Old(options) {
    if (!(this instanceof Old)) return new Old(options);
    Transform.call(this, options);
  }
  Object.setPrototypeOf(Old.prototype, Transform.prototype);
  Old.prototype._transform = (chunk, encoding, callback) => callback(null, `${chunk}.`);
  const old = Old();
  old.end("x");
  equal(await consumers.text(old), "x.");
  assert(old instanceof Writable && old instanceof Readable && old instanceof Duplex && old instanceof stream);
  assert(!(new Readable() instanceof Writable));
});

test("a duplex ends its writable side by itself when half-open is not allowed", async () => {
  const duplex = new Duplex({ allowHalfOpen: false, read() {}, write(chunk, encoding, callback) { callback(); } });
  duplex.push(null);
  duplex.resume();
  await ended(duplex, "close");
  equal(duplex.writableFinished, true);
});

test("async iteration reads to the end, throws errors, and destroys when left early", async () => {
  const seen = [];
  for await (const chunk of Readable.from([1, 2, 3])) seen.push(chunk);
  deepEqual(seen, [1, 2, 3]);
  const early = Readable.from([1, 2, 3]);
  for await (const chunk of early) if (chunk === 1) break;
  equal(early.destroyed, true);
  const failing = new Readable({ read() { this.destroy(new RangeError("x")); } });
  await rejects(async () => { for await (const _ of failing); }, RangeError);
  const kept = Readable.from([1, 2, 3]);
  for await (const _ of kept.iterator({ destroyOnReturn: false })) break;
  equal(kept.destroyed, false);
});

test("finished calls back for an end, an error and a premature close", async () => {
  const outcome = (each) => new Promise((resolve) => finished(each, resolve));
  equal(await outcome(Readable.from([]).resume()), undefined);
  const failed = new Readable({ read() {} });
  const error = outcome(failed);
  failed.destroy(new RangeError("x"));
  equal((await error).message, "x");
  const closed = new Readable({ read() {} });
  const premature = outcome(closed);
  closed.destroy();
  equal((await premature).code, "ERR_STREAM_PREMATURE_CLOSE");
  const writable = sink([]);
  const done = promises.finished(writable);
  writable.end();
  await done;
  await rejects(promises.finished(new Readable({ read() {} }), { signal: AbortSignal.abort() }), "AbortError");
});

test("pipeline joins streams, iterables and generator functions", async () => {
  const seen = [];
  await promises.pipeline(["a", "b"], upper(), async function* (source) { for await (const chunk of source) yield `${chunk}1`; }, sink(seen));
  equal(seen.join("").replaceAll("1", ""), "AB");
  equal(await promises.pipeline(["x", "y"], async (source) => { let all = ""; for await (const chunk of source) all += chunk; return all; }), "xy");
  const last = await new Promise((resolve, reject) => {
    const result = pipeline(Readable.from(["q"]), upper(), (error) => (error ? reject(error) : resolve(result)));
    result.resume();
  });
  assert(last instanceof Transform);
});

test("pipeline destroys every stream when one fails", async () => {
  const source = new Readable({ read() { this.push("x"); } });
  const middle = new Transform({ transform(chunk, encoding, callback) { callback(new RangeError("broken")); } });
  const target = sink([]);
  await rejects(promises.pipeline(source, middle, target), RangeError);
  deepEqual([source.destroyed, middle.destroyed, target.destroyed], [true, true, true]);
  const stopped = new AbortController();
  const waiting = promises.pipeline(new Readable({ read() {} }), sink([]), { signal: stopped.signal });
  stopped.abort();
  await rejects(waiting, "AbortError");
  throws(() => pipeline(source, () => {}), /must be specified/);
});

test("compose makes one duplex of several", async () => {
  const composed = compose(upper(), async function* (source) { for await (const chunk of source) yield `${chunk}?`; });
  composed.end("hi");
  equal(await consumers.text(composed), "HI?");
});

test("an abort signal destroys a stream", async () => {
  const abort = new AbortController();
  const readable = addAbortSignal(abort.signal, new Readable({ read() {} }));
  const error = new Promise((resolve) => readable.once("error", resolve));
  abort.abort();
  equal((await error).name, "AbortError");
  const viaOption = new Writable({ signal: AbortSignal.abort(), write() {} });
  equal((await new Promise((resolve) => viaOption.once("error", resolve))).name, "AbortError");
});

test("the array-like methods", async () => {
  const numbers = () => Readable.from([1, 2, 3, 4]);
  deepEqual(await numbers().map((x) => x * 2).toArray(), [2, 4, 6, 8]);
  deepEqual(await numbers().map(async (x) => x * 2, { concurrency: 3 }).toArray(), [2, 4, 6, 8]);
  deepEqual(await numbers().filter((x) => x % 2).toArray(), [1, 3]);
  deepEqual(await numbers().flatMap((x) => [x, x]).take(3).toArray(), [1, 1, 2]);
  deepEqual(await numbers().drop(2).toArray(), [3, 4]);
  equal(await numbers().reduce((a, b) => a + b, 0), 10);
  equal(await numbers().find((x) => x > 2), 3);
  deepEqual([await numbers().some((x) => x > 3), await numbers().every((x) => x > 3)], [true, false]);
  let sum = 0;
  await numbers().forEach((x) => { sum += x; });
  equal(sum, 10);
  await rejects(numbers().map(() => { throw new RangeError("x"); }).toArray(), RangeError);
});

test("consumers gather a stream as one value", async () => {
  const bytes = () => Readable.from([Buffer.from('{"a"'), Buffer.from(":1}")]);
  deepEqual(await consumers.json(bytes()), { a: 1 });
  equal(String(await consumers.buffer(bytes())), '{"a":1}');
  equal((await consumers.arrayBuffer(bytes())).byteLength, 7);
  equal((await consumers.blob(bytes())).size, 7);
});

test("readable streams convert to the web and back", async () => {
  const web = Readable.toWeb(Readable.from([Buffer.from("ab"), Buffer.from("c")], { objectMode: false }));
  assert(web instanceof ReadableStream);
  equal(await new Response(web).text(), "abc");
  const node = Readable.fromWeb(new Response("hello").body);
  equal(await consumers.text(node), "hello");
  const failing = Readable.toWeb(new Readable({ read() { this.destroy(new RangeError("x")); } }));
  await rejects(failing.getReader().read(), RangeError);
});

test("writable and duplex streams convert to the web and back", async () => {
  const seen = [];
  const writer = Writable.toWeb(sink(seen)).getWriter();
  await writer.write("a");
  await writer.write(new Uint8Array([98]));
  await writer.close();
  deepEqual(seen, ["a", "b"]);
  const { readable, writable } = new TransformStream();
  const node = Writable.fromWeb(writable);
  node.write("x");
  node.end("y");
  equal(await consumers.text(readable), "xy");
  const duplex = Duplex.fromWeb(new TransformStream());
  duplex.end("z");
  equal(await consumers.text(duplex), "z");
});

test("Duplex.from makes streams of functions, iterables and promises", async () => {
  const twice = Duplex.from(async function* (source) { for await (const chunk of source) yield `${chunk}${chunk}`; });
  twice.end("ab");
  equal(await consumers.text(twice), "abab");
  deepEqual(await Duplex.from(["a", "b"]).toArray(), ["a", "b"]);
  deepEqual(await Duplex.from(Promise.resolve("p")).toArray(), ["p"]);
});

test("the module is the legacy class with everything on it", () => {
  assert(stream.Stream === stream && stream.Readable === Readable && stream.promises === promises);
  equal(stream.getDefaultHighWaterMark(true), 16);
  equal(stream.isReadable(new PassThrough()), true);
  equal(stream.isErrored(new PassThrough()), false);
  equal(stream.isDisturbed(Readable.from([])), false);
});
