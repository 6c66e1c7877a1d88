import { test, equal, throws, deepEqual } from "atoll:test";
import { AsyncLocalStorage, AsyncResource, executionAsyncId, triggerAsyncId } from "node:async_hooks";
import { EventEmitter, EventEmitterAsyncResource } from "node:events";
import { setTimeout as wait } from "node:timers/promises";

// The runtime's source pass writes this around each await of a worker's code.
const keep = (context, value) => __atoll_ctx_set(context, value);

test("a store is seen inside run and nowhere else", () => {
  const storage = new AsyncLocalStorage();
  equal(storage.getStore(), undefined);
  equal(storage.run("a", (...args) => storage.getStore() + args.join(), 1, 2), "a1,2");
  equal(storage.getStore(), undefined);
});

test("stores nest and are put back, also when the callback throws", () => {
  const storage = new AsyncLocalStorage();
  storage.run(1, () => {
    throws(() => storage.run(2, () => { throw new RangeError("x"); }), RangeError);
    equal(storage.run(3, () => storage.getStore()), 3);
    equal(storage.exit(() => storage.getStore()), undefined);
    equal(storage.getStore(), 1);
  });
});

test("two storages do not see each other", () => {
  const first = new AsyncLocalStorage();
  const second = new AsyncLocalStorage();
  first.run(1, () => second.run(2, () => deepEqual([first.getStore(), second.getStore()], [1, 2])));
});

test("a default value stands in for a missing store", () => {
  const storage = new AsyncLocalStorage({ defaultValue: 7, name: "seven" });
  equal(storage.getStore(), 7);
  equal(storage.name, "seven");
  equal(storage.run(undefined, () => storage.getStore()), undefined);
});

test("await keeps the store", async () => {
  const storage = new AsyncLocalStorage();
  await storage.run("kept", async () => {
    keep(__atoll_ctx_get(), await Promise.resolve());
    equal(storage.getStore(), "kept");
    keep(__atoll_ctx_get(), await wait(1));
    equal(storage.getStore(), "kept");
    try {
      keep(__atoll_ctx_get(), await Promise.reject(new Error("x")));
    } catch {}
  });
});

test("then, catch, finally, microtasks and ticks keep the store", async () => {
  const storage = new AsyncLocalStorage();
  const seen = [];
  const note = () => seen.push(storage.getStore());
  await storage.run("kept", () =>
    Promise.all([
      Promise.resolve().then(note),
      Promise.reject(new Error("x")).catch(note),
      Promise.resolve().finally(note),
      new Promise((resolve) => queueMicrotask(() => resolve(note()))),
      new Promise((resolve) => process.nextTick(() => resolve(note()))),
    ]),
  );
  deepEqual(seen, Array(5).fill("kept"));
});

test("a then callback runs in the context of then, not of the resolver", async () => {
  const storage = new AsyncLocalStorage();
  let settle;
  const promise = storage.run("maker", () => new Promise((resolve) => { settle = resolve; }));
  const seen = storage.run("listener", () => promise.then(() => storage.getStore()));
  storage.run("resolver", () => settle());
  equal(await seen, "listener");
});

test("timers keep the store", async () => {
  const storage = new AsyncLocalStorage();
  const seen = await storage.run("kept", () =>
    Promise.all([
      new Promise((resolve) => setTimeout(() => resolve(storage.getStore()), 1)),
      new Promise((resolve) => setImmediate(() => resolve(storage.getStore()))),
      new Promise((resolve) => {
        const interval = setInterval(() => {
          clearInterval(interval);
          resolve(storage.getStore());
        }, 1);
      }),
    ]),
  );
  deepEqual(seen, ["kept", "kept", "kept"]);
});

test("a listener of an EventEmitter runs in the emitter's caller's context", () => {
  const storage = new AsyncLocalStorage();
  const emitter = new EventEmitter();
  let seen;
  storage.run("adder", () => emitter.on("x", () => { seen = storage.getStore(); }));
  storage.run("caller", () => emitter.emit("x"));
  equal(seen, "caller");
});

test("a listener of an EventEmitterAsyncResource runs in the context it was made in", () => {
  const storage = new AsyncLocalStorage();
  const emitter = storage.run("maker", () => new EventEmitterAsyncResource({ name: "Q" }));
  let seen;
  emitter.on("x", (value) => { seen = [storage.getStore(), value]; });
  equal(storage.run("caller", () => emitter.emit("x", 5)), true);
  deepEqual(seen, ["maker", 5]);
});

test("bind and snapshot carry a context to a later call", () => {
  const storage = new AsyncLocalStorage();
  const bound = storage.run(1, () => AsyncLocalStorage.bind((add) => storage.getStore() + add));
  const snapshot = storage.run(2, () => AsyncLocalStorage.snapshot());
  equal(storage.run(9, () => bound(10)), 11);
  equal(storage.run(9, () => snapshot((add) => storage.getStore() + add, 10)), 12);
  throws(() => AsyncLocalStorage.bind(5), TypeError);
});

test("AsyncResource runs callbacks in the context it was made in", () => {
  const storage = new AsyncLocalStorage();
  const resource = storage.run("made", () => new AsyncResource("Q"));
  equal(resource.runInAsyncScope((a, b) => storage.getStore() + a + b, null, 1, 2), "made12");
  equal(resource.bind(function () { return this.x; }, { x: 3 })(), 3);
  equal(storage.run("bound", () => AsyncResource.bind(() => storage.getStore()))(), "bound");
  throws(() => new AsyncResource(), TypeError);
});

test("a generator sees the context of whoever resumes it", () => {
  const storage = new AsyncLocalStorage();
  function* generator() {
    yield storage.getStore();
    yield storage.getStore();
  }
  const values = storage.run(1, generator);
  equal(storage.run(2, () => values.next().value), 2);
  equal(values.next().value, undefined);
});

test("what Workers leave out says so", () => {
  throws(() => new AsyncLocalStorage().enterWith(1), /enterWith\(\).*not implemented/);
  throws(() => new AsyncLocalStorage().disable(), /disable\(\).*not implemented/);
  equal(executionAsyncId(), 0);
  equal(triggerAsyncId(), 0);
});
