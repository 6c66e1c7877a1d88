import { test, equal, deepEqual, assert, throws, rejects } from "atoll:test";

test("an empty response is 200 without a body", async () => {
  const response = new Response();
  equal(response.status, 200);
  equal(response.statusText, "");
  equal(response.ok, true);
  equal(response.body, null);
  equal(response.type, "default");
  equal(response.url, "");
  equal(response.redirected, false);
  equal(response.webSocket, null);
  equal(await response.text(), "");
  equal(response.bodyUsed, false);
});

test("the body implies a Content-Type", () => {
  const types = [
    ["text", "text/plain;charset=UTF-8"],
    [new URLSearchParams("a=b"), "application/x-www-form-urlencoded;charset=UTF-8"],
    [new Blob(["x"], { type: "image/png" }), "image/png"],
    [new Blob(["x"]), null],
    [new Uint8Array(1), null],
    [new ArrayBuffer(1), null],
    [new ReadableStream(), null],
    [null, null],
    [undefined, null],
  ];
  for (const [body, type] of types) equal(new Response(body).headers.get("content-type"), type);
  assert(/^multipart\/form-data; boundary=/.test(new Response(new FormData()).headers.get("content-type")));
  equal(new Response("x", { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
});

test("the status must be from 200 to 599", () => {
  for (const status of [0, 100, 101, 199, 600, 1000, -1]) throws(() => new Response("", { status }), RangeError);
  for (const status of [200, 299, 404, 599]) equal(new Response("", { status }).status, status);
});

test("a status text is kept", () => {
  equal(new Response(null, { status: 404 }).statusText, "");
  equal(new Response("", { statusText: "Fine" }).statusText, "Fine");
  throws(() => new Response("", { statusText: "a\nb" }), /Invalid statusText/);
});

test("some statuses have no body", () => {
  for (const status of [204, 205, 304]) {
    throws(() => new Response("x", { status }), /null body status \(101, 204, 205, or 304\) cannot have a body/);
    throws(() => new Response(new ReadableStream(), { status }), TypeError);
    equal(new Response(null, { status }).body, null);
    equal(new Response("", { status }).body, null);
  }
});

test("a WebSocket goes with 101 only", () => {
  const pair = new WebSocketPair();
  throws(() => new Response(null, { webSocket: pair[0] }), /must have status code 101/);
  const response = new Response(null, { status: 101, webSocket: pair[0] });
  equal(response.webSocket, pair[0]);
  throws(() => response.clone(), /Cannot clone a response to a WebSocket handshake/);
});

test("json() makes JSON", async () => {
  const response = Response.json({ a: [1, null] }, { status: 201 });
  equal(response.status, 201);
  equal(response.headers.get("content-type"), "application/json");
  deepEqual(await response.json(), { a: [1, null] });
  const typed = Response.json(1, { headers: { "Content-Type": "application/problem+json" } });
  equal(typed.headers.get("content-type"), "application/problem+json");
  equal(Response.json("x", { headers: { a: "b" } }).headers.get("content-type"), "application/json");
  const cycle = {};
  cycle.self = cycle;
  throws(() => Response.json(cycle), TypeError);
});

test("redirect() checks status and address", () => {
  const response = Response.redirect("http://example.com/a b");
  equal(response.status, 302);
  equal(response.headers.get("location"), "http://example.com/a%20b");
  equal(Response.redirect("http://a/", 308).status, 308);
  throws(() => Response.redirect("http://a/", 200), /200 is not a redirect status code/);
  throws(() => Response.redirect("/relative"), /Unable to parse URL: \/relative/);
  throws(() => response.headers.set("x", "y"), /Can't modify immutable headers/);
});

test("error() is an error", () => {
  const response = Response.error();
  equal(response.type, "error");
  equal(response.status, 0);
  equal(response.ok, false);
});

test("a clone can be read too", async () => {
  const response = new Response("same", { status: 202, headers: { h: "1" } });
  const clone = response.clone();
  equal(clone.status, 202);
  equal(clone.headers.get("h"), "1");
  deepEqual([await response.text(), await clone.text()], ["same", "same"]);
  throws(() => response.clone(), TypeError);
});

test("a response can be made of another's parts", async () => {
  const first = new Response("body", { status: 404, statusText: "Gone", headers: { h: "1" } });
  const second = new Response(first.body, first);
  equal(second.status, 404);
  equal(second.statusText, "Gone");
  equal(second.headers.get("h"), "1");
  second.headers.set("h", "2");
  equal(first.headers.get("h"), "1");
  equal(await second.text(), "body");
});

test("encodeBody is automatic or manual", () => {
  new Response("x", { encodeBody: "manual" });
  new Response("x", { encodeBody: "automatic" });
  throws(() => new Response("x", { encodeBody: "other" }), /encodeBody: unexpected value: other/);
});

test("cf is kept", () => {
  deepEqual(new Response("x", { cf: { a: 1 } }).cf, { a: 1 });
});

test("reading twice fails and a read body cannot be used again", async () => {
  const response = new Response("x");
  await response.text();
  equal(response.bodyUsed, true);
  for (const method of ["text", "json", "arrayBuffer", "bytes", "blob"]) {
    await rejects(response[method](), /Body has already been used/);
  }
  const stream = new Response("y").body;
  await stream.getReader().read();
  throws(() => new Response(stream), TypeError);
});

test("accessors that a program puts on Object.prototype do not touch it", () => {
  const names = ["status", "headers", "method", "url", "signal"];
  const never = () => {
    throw new Error("never called");
  };
  for (const name of names) Object.defineProperty(Object.prototype, name, { get: never, set: never, configurable: true });
  let seen;
  try {
    seen = [new Response("x").status, new Request("https://a.example/b").url];
  } finally {
    for (const name of names) delete Object.prototype[name];
  }
  deepEqual(seen, [200, "https://a.example/b"]);
});
