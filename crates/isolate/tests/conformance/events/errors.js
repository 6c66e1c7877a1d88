import { test, equal, deepEqual } from "atoll:test";

test("a listener's error does not stop the others and is reported", () => {
  const reported = [];
  const report = (event) => {
    reported.push(event.error.message);
    event.preventDefault();
  };
  addEventListener("error", report);
  const target = new EventTarget();
  const calls = [];
  target.addEventListener("x", () => {
    calls.push(1);
    throw new Error("first");
  });
  target.addEventListener("x", () => calls.push(2));
  equal(target.dispatchEvent(new Event("x")), true);
  removeEventListener("error", report);
  deepEqual(calls, [1, 2]);
  deepEqual(reported, ["first"]);
});

test("reportError gives an error event", () => {
  let event;
  addEventListener("error", (given) => {
    event = given;
    given.preventDefault();
  }, { once: true });
  const error = new RangeError("boom");
  reportError(error);
  equal(event.error, error);
  equal(event instanceof ErrorEvent, true);
});

test("capturing listeners run before the others", () => {
  const target = new EventTarget();
  const calls = [];
  target.addEventListener("x", () => calls.push("plain"));
  target.addEventListener("x", () => calls.push("capturing"), true);
  target.dispatchEvent(new Event("x"));
  deepEqual(calls, ["capturing", "plain"]);
});

test("passive listeners cannot prevent", () => {
  const target = new EventTarget();
  target.addEventListener("x", (event) => event.preventDefault(), { passive: true });
  equal(target.dispatchEvent(new Event("x", { cancelable: true })), true);
});
