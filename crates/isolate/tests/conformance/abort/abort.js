import { test, equal, deepEqual, assert, throws } from "atoll:test";

test("a controller aborts its signal once", () => {
  const controller = new AbortController();
  const { signal } = controller;
  equal(signal, controller.signal);
  let count = 0;
  signal.addEventListener("abort", (event) => {
    count += 1;
    equal(event.type, "abort");
    equal(event.target, signal);
  });
  equal(signal.aborted, false);
  equal(signal.reason, undefined);
  controller.abort("why");
  controller.abort("again");
  equal(signal.aborted, true);
  equal(signal.reason, "why");
  equal(count, 1);
});

test("the default reason is an AbortError", () => {
  const controller = new AbortController();
  controller.abort();
  assert(controller.signal.reason instanceof DOMException);
  equal(controller.signal.reason.name, "AbortError");
  equal(AbortSignal.abort().reason.name, "AbortError");
  equal(AbortSignal.abort(0).reason, 0);
  equal(AbortSignal.abort(null).reason, null);
});

test("throwIfAborted throws the reason", () => {
  const reason = { a: 1 };
  equal(throws(() => AbortSignal.abort(reason).throwIfAborted()), reason);
  equal(new AbortController().signal.throwIfAborted(), undefined);
});

test("signals are not made by hand", () => {
  throws(() => new AbortSignal(), TypeError);
});

test("onabort is a listener", () => {
  const controller = new AbortController();
  let type;
  controller.signal.onabort = (event) => (type = event.type);
  equal(typeof controller.signal.onabort, "function");
  controller.abort();
  equal(type, "abort");
});

test("any() follows all of its signals", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const either = AbortSignal.any([first.signal, second.signal]);
  equal(either.aborted, false);
  second.abort("two");
  equal(either.aborted, true);
  equal(either.reason, "two");
  first.abort("one");
  equal(either.reason, "two");
  equal(AbortSignal.any([]).aborted, false);
  equal(AbortSignal.any([AbortSignal.abort("done"), first.signal]).reason, "done");
  throws(() => AbortSignal.any([{}]), TypeError);
});

test("any() over any() follows too", () => {
  const controller = new AbortController();
  const outer = AbortSignal.any([AbortSignal.any([controller.signal])]);
  const seen = [];
  outer.addEventListener("abort", () => seen.push(outer.reason));
  controller.abort(7);
  deepEqual(seen, [7]);
});

test("timeout() ends with a TimeoutError", async () => {
  const signal = AbortSignal.timeout(5);
  equal(signal.aborted, false);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  equal(signal.reason.name, "TimeoutError");
});
