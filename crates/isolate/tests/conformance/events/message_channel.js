import { test, equal, deepEqual, assert, throws } from "atoll:test";

test("ports carry copies of values in order", async () => {
  const { port1, port2 } = new MessageChannel();
  const seen = [];
  const value = { a: [1] };
  const done = new Promise((resolve) => {
    port2.onmessage = ({ data }) => {
      seen.push(data);
      if (data === "end") resolve();
    };
  });
  port1.postMessage(value);
  value.a.push(2);
  port1.postMessage("end");
  await done;
  deepEqual(seen, [{ a: [1] }, "end"]);
});

test("messages wait for a listener", async () => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(1);
  await Promise.resolve();
  const event = await new Promise((resolve) => port2.addEventListener("message", resolve));
  equal(event.data, 1);
  assert(event instanceof MessageEvent);
});

test("a closed port gets nothing", async () => {
  const { port1, port2 } = new MessageChannel();
  let got = 0;
  port2.onmessage = () => (got += 1);
  port2.close();
  port1.postMessage(1);
  await new Promise((resolve) => setTimeout(resolve, 1));
  equal(got, 0);
});

test("values that cannot be cloned are refused", () => {
  const { port1 } = new MessageChannel();
  throws(() => port1.postMessage(() => {}), "DataCloneError");
  throws(() => new MessagePort(), TypeError);
});
