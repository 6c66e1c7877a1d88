import { test, equal, deepEqual, assert, throws, rejects } from "atoll:test";

const URL_TEXT = "https://example.com/path?q=1#hash";

test("a request has what it was made with", async () => {
  const request = new Request(URL_TEXT, { method: "post", body: "hi", headers: { "X-A": "1" } });
  equal(request.method, "POST");
  equal(request.url, URL_TEXT);
  equal(request.headers.get("x-a"), "1");
  equal(request.headers.get("content-type"), "text/plain;charset=UTF-8");
  equal(request.redirect, "follow");
  equal(request.bodyUsed, false);
  equal(await request.text(), "hi");
  equal(request.bodyUsed, true);
});

test("addresses are normalized and must be whole", () => {
  equal(new Request("HTTP://EXAMPLE.com:80/a/../b").url, "http://example.com/b");
  equal(new Request(new URL("http://a.b/c")).url, "http://a.b/c");
  throws(() => new Request("/relative"), /Invalid URL/);
  throws(() => new Request(), TypeError);
});

test("method names are checked", () => {
  equal(new Request("http://a/", { method: "patch" }).method, "PATCH");
  equal(new Request("http://a/", { method: "pRoPfInD" }).method, "PROPFIND");
  throws(() => new Request("http://a/", { method: "NONSENSE" }), /Invalid HTTP method string: NONSENSE/);
  throws(() => new Request("http://a/", { method: "" }), TypeError);
});

test("GET and HEAD have no body", () => {
  for (const method of ["GET", "HEAD", undefined]) {
    throws(() => new Request("http://a/", { method, body: "x" }), /GET or HEAD method cannot have a body/);
  }
  equal(new Request("http://a/", { method: "GET", body: null }).body, null);
});

test("redirect modes are follow and manual", () => {
  equal(new Request("http://a/", { redirect: "manual" }).redirect, "manual");
  throws(() => new Request("http://a/", { redirect: "error" }), /Invalid redirect value/);
  throws(() => new Request("http://a/", { redirect: "x" }), TypeError);
});

test("integrity and cache modes that Workers lack are refused", () => {
  throws(() => new Request("http://a/", { integrity: "sha256-x" }), /integrity checking is not implemented/);
  throws(() => new Request("http://a/", { cache: "force-cache" }), /Unsupported cache mode: force-cache/);
  equal(new Request("http://a/", { cache: "no-store" }).cache, "no-store");
});

test("a request made of a request takes its body", async () => {
  const first = new Request("http://a/", { method: "POST", body: "text", headers: { h: "1" } });
  const second = new Request(first);
  equal(second.method, "POST");
  equal(second.headers.get("h"), "1");
  equal(first.bodyUsed, true);
  equal(await second.text(), "text");
  throws(() => new Request(first), /Cannot reconstruct a Request with a used body/);
});

test("init overrides what a request gives", async () => {
  const first = new Request("http://a/x", { method: "POST", body: "one", headers: { h: "1" } });
  const second = new Request(first, { body: "two", headers: { i: "2" } });
  equal(first.bodyUsed, false);
  equal(second.url, "http://a/x");
  equal(second.headers.get("h"), null);
  equal(second.headers.get("i"), "2");
  equal(await second.text(), "two");
  const moved = new Request("http://b/", first);
  equal(moved.url, "http://b/");
  equal(moved.method, "POST");
  equal(await moved.text(), "one");
});

test("a copy's headers are its own", () => {
  const first = new Request("http://a/", { headers: { h: "1" } });
  const second = new Request(first);
  second.headers.set("h", "2");
  equal(first.headers.get("h"), "1");
});

test("a clone can be read too", async () => {
  const request = new Request("http://a/", { method: "PUT", body: "same", headers: { h: "1" } });
  const clone = request.clone();
  equal(await request.text(), "same");
  equal(await clone.text(), "same");
  equal(clone.headers.get("h"), "1");
  throws(() => request.clone(), TypeError);
});

test("a stream clone gives both branches everything", async () => {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([97]));
      controller.enqueue(new Uint8Array([98]));
      controller.close();
    },
  });
  const request = new Request("http://a/", { method: "POST", body: stream });
  const clone = request.clone();
  deepEqual(await Promise.all([request.text(), clone.text()]), ["ab", "ab"]);
});

test("the signal is the init's, or one that never aborts", () => {
  const controller = new AbortController();
  const request = new Request("http://a/", { signal: controller.signal });
  equal(request.signal.aborted, false);
  controller.abort();
  equal(request.signal.aborted, true);
  const other = new Request("http://a/");
  assert(other.signal instanceof AbortSignal);
  equal(other.signal, other.signal);
  throws(() => new Request("http://a/", { signal: {} }), TypeError);
});

test("cf is copied", () => {
  const cf = { cacheTtl: 5, nested: { a: [1] } };
  const request = new Request("http://a/", { cf });
  cf.nested.a.push(2);
  deepEqual(request.cf.nested.a, [1]);
  deepEqual(new Request(request).cf, { cacheTtl: 5, nested: { a: [1] } });
  equal(new Request("http://a/").cf, undefined);
});

test("headers of a request that was made here can change", () => {
  const request = new Request("http://a/");
  request.headers.set("x", "1");
  equal(request.headers.get("x"), "1");
  equal(request.headers, request.headers);
});

test("members are on the prototype", () => {
  const request = new Request("http://a/");
  deepEqual(Object.keys(request), []);
  equal(Object.prototype.toString.call(request), "[object Request]");
  throws(() => Object.getOwnPropertyDescriptor(Request.prototype, "url").get.call({}), TypeError);
});

test("reading twice fails", async () => {
  const request = new Request("http://a/", { method: "POST", body: "x" });
  await request.arrayBuffer();
  await rejects(request.text(), /Body has already been used/);
});
