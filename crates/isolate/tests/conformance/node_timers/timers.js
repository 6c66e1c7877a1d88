import { test, assert, equal, rejects, deepEqual } from "atoll:test";
import timers from "node:timers";
import { setTimeout as wait, setImmediate as soon, setInterval as every, scheduler } from "node:timers/promises";
import { promisify } from "node:util";

test("a timer is an object that reads as a number", async () => {
  const timer = setTimeout(() => {}, 1000);
  equal(timer.ref(), timer);
  equal(timer.unref(), timer);
  equal(timer.hasRef(), false);
  equal(typeof +timer, "number");
  clearTimeout(timer);
  clearTimeout(+setTimeout(() => assert(false), 0));
  clearTimeout(undefined);
  clearTimeout({});
});

test("setImmediate runs with its arguments, unless cleared", async () => {
  clearImmediate(setImmediate(() => assert(false)));
  deepEqual(await new Promise((resolve) => setImmediate((...args) => resolve(args), 1, 2)), [1, 2]);
});

test("refresh starts the wait again", async () => {
  let calls = 0;
  await new Promise((resolve) => {
    const timer = timers.setTimeout(() => {
      calls++;
      resolve();
    }, 2);
    timer.refresh();
  });
  equal(calls, 1);
});

test("the promise forms resolve with their value and stop on abort", async () => {
  equal(await wait(1, "v"), "v");
  equal(await soon("w"), "w");
  equal(await promisify(setTimeout)(1, "x"), "x");
  await scheduler.wait(1);
  await scheduler.yield();
  const abort = new AbortController();
  const pending = wait(10_000, null, { signal: abort.signal });
  abort.abort();
  await rejects(pending, "AbortError");
  await rejects(wait(1, null, { signal: AbortSignal.abort() }), "AbortError");
  await rejects(wait("x"), TypeError);
});

test("the interval is an async iterator", async () => {
  let count = 0;
  for await (const value of every(1, "tick")) {
    equal(value, "tick");
    if (++count === 3) break;
  }
  equal(count, 3);
});
