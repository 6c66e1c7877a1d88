import { test, equal, deepEqual, rejects } from "atoll:test";

test("data addresses are answered here", async () => {
  const cases = [
    ["data:,hello%20x", "text/plain;charset=US-ASCII", "hello x"],
    ["data:text/html,<p>", "text/html", "<p>"],
    ["data:text/plain;base64,aGk=", "text/plain", "hi"],
    ["data:;charset=utf-8,%C3%BC", "text/plain;charset=utf-8", "ü"],
  ];
  for (const [url, type, text] of cases) {
    const response = await fetch(url);
    deepEqual([response.status, response.headers.get("content-type"), await response.text()], [200, type, text]);
  }
});

test("other schemes are refused", async () => {
  await rejects(fetch("ftp://a/"), /Fetch API cannot load: ftp:\/\/a\//);
  await rejects(fetch("/relative"), TypeError);
  await rejects(fetch(), TypeError);
});

test("an aborted signal stops a fetch before it starts", async () => {
  await rejects(fetch("http://a/", { signal: AbortSignal.abort() }), "AbortError");
});
