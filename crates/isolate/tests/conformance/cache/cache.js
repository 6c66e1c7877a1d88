import { test, equal, assert, rejects, throws } from "atoll:test";

test("caches has a default one and opens others", async () => {
  assert(caches instanceof CacheStorage);
  assert(caches.default instanceof Cache);
  equal(caches.default, caches.default);
  assert((await caches.open("mine")) instanceof Cache);
  throws(() => new Cache(), TypeError);
});

test("put refuses what cannot be kept", async () => {
  const cache = caches.default;
  const put = (request, response) => () => cache.put(request, response);
  await rejects(put(new Request("http://a/", { method: "POST" }), new Response("x")), /Cannot cache response to non-GET request/);
  await rejects(put("http://a/", new Response("x", { status: 206 })), /Cannot cache response to a range request/);
  await rejects(put("http://a/", new Response("x", { headers: { vary: "*" } })), /Cannot cache response with 'Vary: \*' header/);
});

test("other methods than GET match nothing", async () => {
  const request = new Request("http://a/", { method: "POST" });
  equal(await caches.default.match(request), undefined);
  equal(await caches.default.delete(request), false);
});
