import { test, equal, deepEqual, throws } from "atoll:test";

test("an event has its init's members", () => {
  const event = new Event("x", { bubbles: true, cancelable: 1, composed: "yes" });
  deepEqual([event.type, event.bubbles, event.cancelable, event.composed], ["x", true, true, true]);
  deepEqual([event.eventPhase, event.defaultPrevented, event.isTrusted], [0, false, false]);
  equal(new Event(null).type, "null");
  throws(() => new Event(), TypeError);
  throws(() => new Event("x", 1), TypeError);
});

test("only cancelable events can be prevented", () => {
  for (const cancelable of [true, false]) {
    const event = new Event("x", { cancelable });
    event.preventDefault();
    equal(event.defaultPrevented, cancelable);
    equal(event.returnValue, !cancelable);
  }
});

test("dispatch calls listeners in order with the event and the target", () => {
  const target = new EventTarget();
  const calls = [];
  target.addEventListener("x", function (event) {
    calls.push([1, this === target, event.target === target, event.currentTarget === target, event.eventPhase]);
    deepEqual(event.composedPath(), [target]);
  });
  const object = {
    handleEvent() {
      calls.push([2, this === object]);
    },
  };
  target.addEventListener("x", object);
  target.addEventListener("y", () => calls.push("never"));
  equal(target.dispatchEvent(new Event("x")), true);
  deepEqual(calls, [[1, true, true, true, 2], [2, true]]);
});

test("a listener is added once and can be removed", () => {
  const target = new EventTarget();
  let count = 0;
  const listener = () => (count += 1);
  target.addEventListener("x", listener);
  target.addEventListener("x", listener);
  target.dispatchEvent(new Event("x"));
  equal(count, 1);
  target.removeEventListener("x", listener);
  target.dispatchEvent(new Event("x"));
  equal(count, 1);
});

test("once listeners run once, even when they dispatch again", () => {
  const target = new EventTarget();
  let count = 0;
  target.addEventListener("x", () => {
    count += 1;
    target.dispatchEvent(new Event("x"));
  }, { once: true });
  target.dispatchEvent(new Event("x"));
  equal(count, 1);
});

test("a signal removes its listeners", () => {
  const target = new EventTarget();
  const controller = new AbortController();
  let count = 0;
  target.addEventListener("x", () => (count += 1), { signal: controller.signal });
  target.addEventListener("x", () => (count += 10), { signal: AbortSignal.abort() });
  target.dispatchEvent(new Event("x"));
  controller.abort();
  target.dispatchEvent(new Event("x"));
  equal(count, 1);
});

test("listeners added while dispatching wait, removed ones do not run", () => {
  const target = new EventTarget();
  const calls = [];
  const second = () => calls.push("second");
  target.addEventListener("x", () => {
    calls.push("first");
    target.removeEventListener("x", second);
    target.addEventListener("x", () => calls.push("late"));
  });
  target.addEventListener("x", second);
  target.dispatchEvent(new Event("x"));
  deepEqual(calls, ["first"]);
});

test("propagation can be stopped at once", () => {
  const target = new EventTarget();
  const calls = [];
  target.addEventListener("x", (event) => {
    calls.push(1);
    event.stopImmediatePropagation();
  });
  target.addEventListener("x", () => calls.push(2));
  target.dispatchEvent(new Event("x"));
  deepEqual(calls, [1]);
});

test("dispatch says whether a listener prevented it", () => {
  const target = new EventTarget();
  target.addEventListener("x", (event) => event.preventDefault());
  equal(target.dispatchEvent(new Event("x", { cancelable: true })), false);
  equal(target.dispatchEvent(new Event("x")), true);
});

test("an event cannot be dispatched while it is", () => {
  const target = new EventTarget();
  let name;
  target.addEventListener("x", (event) => {
    try {
      target.dispatchEvent(event);
    } catch (error) {
      name = error.name;
    }
  });
  target.dispatchEvent(new Event("x"));
  equal(name, "InvalidStateError");
  throws(() => target.dispatchEvent({}), TypeError);
});

test("event classes carry their own data", () => {
  equal(new CustomEvent("x", { detail: 5 }).detail, 5);
  const message = new MessageEvent("message", { data: { a: 1 } });
  equal(message.data.a, 1);
  const close = new CloseEvent("close", { code: 1001, reason: "r", wasClean: true });
  deepEqual([close.code, close.reason, close.wasClean], [1001, "r", true]);
  const error = new ErrorEvent("error", { message: "m", filename: "f", lineno: 1, colno: 2, error: 3 });
  deepEqual([error.message, error.filename, error.lineno, error.colno, error.error], ["m", "f", 1, 2, 3]);
  throws(() => new ExtendableEvent("x"), TypeError);
});

test("classes can extend events and targets", () => {
  class Target extends EventTarget {}
  class Mine extends Event {
    get extra() {
      return 1;
    }
  }
  const target = new Target();
  let extra;
  target.addEventListener("x", (event) => (extra = event.extra));
  target.dispatchEvent(new Mine("x"));
  equal(extra, 1);
});

test("the global scope is a target", () => {
  let seen = 0;
  addEventListener("custom", () => (seen += 1), { once: true });
  globalThis.dispatchEvent(new Event("custom"));
  dispatchEvent(new Event("custom"));
  equal(seen, 1);
});

test("event phases are constants", () => {
  deepEqual([Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE], [0, 1, 2, 3]);
});
