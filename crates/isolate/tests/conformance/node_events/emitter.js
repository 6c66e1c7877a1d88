import { test, assert, equal, throws, rejects, deepEqual } from "atoll:test";
import EventEmitter, * as events from "node:events";

const { once, on } = events;

test("listeners are called in order, with the emitter as this", () => {
  const emitter = new EventEmitter();
  const calls = [];
  emitter.on("x", function (...args) {
    assert(this === emitter);
    calls.push(["on", ...args]);
  });
  emitter.prependListener("x", () => calls.push(["first"]));
  emitter.once("x", () => calls.push(["once"]));
  equal(emitter.emit("x", 1, 2), true);
  equal(emitter.emit("x"), true);
  equal(emitter.emit("nobody"), false);
  deepEqual(calls, [["first"], ["on", 1, 2], ["once"], ["first"], ["on"]]);
});

test("a listener that is removed while emitting is still called this time", () => {
  const emitter = new EventEmitter();
  let calls = 0;
  const second = () => calls++;
  emitter.on("x", () => emitter.off("x", second));
  emitter.on("x", second);
  emitter.emit("x");
  emitter.emit("x");
  equal(calls, 1);
});

test("newListener and removeListener tell of changes", () => {
  const emitter = new EventEmitter();
  const log = [];
  const listener = () => {};
  emitter.on("newListener", (name, each) => log.push(["+", name, each === listener]));
  emitter.on("removeListener", (name, each) => log.push(["-", name, each === listener]));
  emitter.once("x", listener);
  emitter.removeListener("x", listener);
  deepEqual(log, [["+", "removeListener", false], ["+", "x", true], ["-", "x", true]]);
});

test("listeners, rawListeners, listenerCount and eventNames", () => {
  const emitter = new EventEmitter();
  const symbol = Symbol("s");
  const listener = () => {};
  emitter.on("a", listener).once("a", listener).on(symbol, listener);
  deepEqual(emitter.listeners("a").map((each) => each === listener), [true, true]);
  assert(emitter.rawListeners("a")[1].listener === listener);
  equal(emitter.listenerCount("a"), 2);
  equal(emitter.listenerCount("a", listener), 2);
  deepEqual(emitter.eventNames(), ["a", symbol]);
  emitter.removeAllListeners("a");
  equal(emitter.listenerCount("a"), 0);
  emitter.removeAllListeners();
  deepEqual(emitter.eventNames(), []);
});

test("an error without listener is thrown", () => {
  const emitter = new EventEmitter();
  const error = new RangeError("mine");
  throws(() => emitter.emit("error", error), RangeError);
  throws(() => emitter.emit("error", { a: 1 }), /Unhandled error. \(\{ a: 1 \}\)/);
  let seen;
  emitter.on(events.errorMonitor, (each) => { seen = each; });
  throws(() => emitter.emit("error", error), RangeError);
  assert(seen === error);
});

test("a listener must be a function", () => {
  const error = throws(() => new EventEmitter().on("x", 5), TypeError);
  if (error) equal(error.code, "ERR_INVALID_ARG_TYPE");
});

test("EventEmitter works as an old-style base and as a mixin", () => {
  function Old() {
    EventEmitter.call(this);
  }
  Object.setPrototypeOf(Old.prototype, EventEmitter.prototype);
  let calls = 0;
  new Old().on("x", () => calls++).emit("x");
  const mixin = Object.assign({}, EventEmitter.prototype);
  mixin.on("x", () => calls++);
  mixin.emit("x");
  equal(calls, 2);
});

test("a rejected async listener becomes an error event when captured", async () => {
  const emitter = new EventEmitter({ captureRejections: true });
  const caught = new Promise((resolve) => emitter.on("error", resolve));
  emitter.on("x", async () => { throw new Error("boom"); });
  emitter.emit("x");
  equal((await caught).message, "boom");
  const handled = new EventEmitter({ captureRejections: true });
  const routed = new Promise((resolve) => {
    handled[events.captureRejectionSymbol] = (error, name, ...args) => resolve([error.message, name, args]);
  });
  handled.on("y", async () => { throw new Error("bang"); });
  handled.emit("y", 7);
  deepEqual(await routed, ["bang", "y", [7]]);
});

test("once resolves with arguments, rejects on error, and stops on abort", async () => {
  const emitter = new EventEmitter();
  const value = once(emitter, "x");
  emitter.emit("x", 1, 2);
  deepEqual(await value, [1, 2]);
  const failing = once(emitter, "x");
  emitter.emit("error", new RangeError("no"));
  await rejects(failing, RangeError);
  const abort = new AbortController();
  const stopped = once(emitter, "x", { signal: abort.signal });
  abort.abort();
  await rejects(stopped, "AbortError");
  deepEqual(emitter.eventNames(), []);
  const target = new EventTarget();
  const event = once(target, "x");
  target.dispatchEvent(new Event("x"));
  equal((await event)[0].type, "x");
});

test("on iterates over events until it is closed", async () => {
  const emitter = new EventEmitter();
  const values = on(emitter, "x", { close: ["end"] });
  emitter.emit("x", 1);
  emitter.emit("x", 2);
  const seen = [];
  queueMicrotask(() => {
    emitter.emit("x", 3);
    emitter.emit("end");
  });
  for await (const [value] of values) seen.push(value);
  deepEqual(seen, [1, 2, 3]);
  equal(emitter.listenerCount("x"), 0);
});

test("limits can be read and set on both kinds of source", () => {
  const emitter = new EventEmitter();
  equal(emitter.getMaxListeners(), 10);
  events.setMaxListeners(5, emitter);
  equal(events.getMaxListeners(emitter), 5);
  const target = new EventTarget();
  events.setMaxListeners(6, target);
  equal(events.getMaxListeners(target), 6);
  throws(() => emitter.setMaxListeners(-1), RangeError);
});

test("the module is EventEmitter itself, with the helpers on it", () => {
  assert(EventEmitter.EventEmitter === EventEmitter);
  assert(EventEmitter.once === once);
  equal(EventEmitter.defaultMaxListeners, 10);
  assert(events.EventEmitter === EventEmitter);
});

test("addAbortListener listens once and can be disposed", () => {
  const abort = new AbortController();
  let calls = 0;
  events.addAbortListener(abort.signal, () => calls++);
  abort.abort();
  equal(calls, 1);
});
