// Small pieces of Workers code whose results are compared between npm workerd and Atoll. A case gives any JSON value, or
// throws; the raw ones give a Response that is compared as the client gets it.

const bytes = (...values) => new Uint8Array(values);
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const entries = (iterable) => [...iterable];
/** The names and messages of what these throw, or what they give. */
async function outcomes(...works) {
  const list = [];
  for (const work of works) {
    try {
      list.push(await work());
    } catch (error) {
      list.push(`${error.name}: ${error.message}`);
    }
  }
  return list;
}

export const cases = {
  "functions: their text has no names that they have not": () => {
    const waits = async (list) => {
      "use strict";
      try {
        for await (const one of list) await one;
      } catch {
        await list;
      } finally {
        await list;
      }
    };
    const { toString } = Function.prototype;
    return [/__/.test(waits), /__/.test(waits.toString()), /^async \(list\) ?=>/.test(waits), String(toString).replace(/\s+/g, " "), toString.name, toString.length];
  },
  "url: parts": () => {
    const url = new URL("https://user:pa%20ss@exämple.test:8443/a/../b;c?d=e&f#g");
    return ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"].map((name) => url[name]);
  },
  "url: setters": () => {
    const url = new URL("http://a.test/");
    url.port = "99999";
    url.pathname = "x y";
    url.search = "?ä=1";
    url.hash = "h h";
    url.protocol = "https";
    url.host = "b.test:443";
    return url.href;
  },
  "url: errors": () => outcomes(() => new URL("nope"), () => new URL("http://"), () => new URL("/x", "nope"), () => new URL(), () => URL("http://a.test")),
  "url: can parse": () => [URL.canParse("http://a"), URL.canParse("a", "http://b"), URL.canParse("a"), URL.parse?.("nope")],
  "url: params": () => {
    const params = new URLSearchParams("a=1&b=2&a=3&c=%20+");
    params.append("d", "é&=");
    params.delete("b");
    params.sort();
    return [params.toString(), params.getAll("a"), params.has("a", "3"), params.size, entries(params)];
  },
  "url: params from": () => outcomes(() => new URLSearchParams([["a", "b"], ["c"]]), () => new URLSearchParams({ a: 1, b: [2] }).toString(), () => new URLSearchParams([["x", "y"]]).toString(), () => new URLSearchParams(null).toString()),
  "url: linked params": () => {
    const url = new URL("http://a.test/?x=1");
    url.searchParams.append("y", "2 3");
    url.search = url.search + "&z";
    return [url.href, url.searchParams.get("z")];
  },

  "headers: combined and sorted": () => {
    const headers = new Headers([["B", "1"], ["a", "2"], ["b", "3"], ["set-cookie", "x"], ["Set-Cookie", "y"]]);
    return [entries(headers), headers.get("b"), headers.getSetCookie(), headers.get("none"), headers.has("A")];
  },
  "headers: errors": () => outcomes(() => new Headers({ "a b": "c" }), () => new Headers({ a: "b\nc" }), () => new Headers([["a"]]), () => new Headers().append("a"), () => new Headers().set("", "x"), () => new Headers(5), () => new Headers().get("é")),
  "headers: values are trimmed": () => new Headers({ a: "  b\t" }).get("a"),
  "headers: get all": () => outcomes(() => new Headers([["set-cookie", "a"], ["set-cookie", "b"]]).getAll("set-cookie"), () => new Headers().getAll("x")),
  "headers: change while iterating": () => {
    const headers = new Headers({ a: "1", c: "3" });
    const seen = [];
    for (const [name] of headers) {
      seen.push(name);
      if (seen.length === 1) headers.set("b", "2");
    }
    return seen;
  },
  "headers: immutable": async ({ env }) => outcomes(async () => (await env.SELF.fetch("http://x.test/raw/plain")).headers.set("a", "b")),

  "request: defaults": () => {
    const request = new Request("http://a.test/x#y");
    return [request.method, request.url, request.redirect, request.body, request.bodyUsed, request.signal?.aborted, request.keepalive, request.integrity];
  },
  "request: methods": () => outcomes(() => new Request("http://a.test", { method: "post" }).method, () => new Request("http://a.test", { method: "patch" }).method, () => new Request("http://a.test", { method: "A B" }), () => new Request("http://a.test", { method: "TRACE" }).method, () => new Request("http://a.test", { method: "GET", body: "x" })),
  "request: bad input": () => outcomes(() => new Request("nope"), () => new Request(), () => new Request("http://a.test", { redirect: "bad" }), () => new Request("http://a.test", 5), () => new Request("http://u:p@a.test/").url),
  "request: content types": async () => {
    const types = [];
    for (const body of ["x", new URLSearchParams("a=b"), new Blob(["x"], { type: "text/plain" }), new Blob(["x"]), bytes(1), new ArrayBuffer(1)]) {
      types.push(new Request("http://a.test", { method: "POST", body }).headers.get("content-type"));
    }
    return types;
  },
  "request: clone and reuse": () => outcomes(async () => {
    const request = new Request("http://a.test", { method: "POST", body: "twice", headers: { a: "b" } });
    const copy = request.clone();
    return [await request.text(), await copy.text(), copy.headers.get("a"), request.bodyUsed];
  }, async () => {
    const request = new Request("http://a.test", { method: "POST", body: "once" });
    await request.text();
    return request.text();
  }, async () => {
    const request = new Request("http://a.test", { method: "POST", body: "once" });
    await request.text();
    return request.clone();
  }, async () => {
    const request = new Request("http://a.test", { method: "POST", body: "once" });
    const other = new Request(request);
    return [request.bodyUsed, await other.text()];
  }),

  "response: defaults": () => {
    const response = new Response();
    return [response.status, response.statusText, response.ok, response.url, response.redirected, response.body, response.type, response.webSocket];
  },
  "response: statuses": () => outcomes(...[100, 101, 199, 200, 204, 304, 599, 600, 1000, "abc", -1].map((status) => () => new Response(null, { status }).status)),
  "response: null body statuses": () => outcomes(...[204, 205, 304].map((status) => () => new Response("x", { status }).status)),
  "response: redirect": () => outcomes(() => [Response.redirect("http://a.test/b").status, Response.redirect("http://a.test/b", 307).headers.get("location")], () => Response.redirect("/relative"), () => Response.redirect("http://a.test", 200)),
  "response: json": () => outcomes(() => Response.json({ a: 1 }).text(), () => Response.json({ a: 1 }, { status: 201 }).headers.get("content-type"), () => Response.json(undefined), () => Response.json(1n), () => Response.json("x", { headers: { "content-type": "text/x" } }).headers.get("content-type")),
  "response: error": () => outcomes(() => [Response.error().status, Response.error().type]),
  "response: reading twice": () => outcomes(async () => {
    const response = new Response("x");
    await response.text();
    return response.json();
  }, () => new Response("not json").json(), () => new Response("").json(), () => new Response("x").formData(), async () => {
    const response = new Response("x");
    response.body.getReader();
    return response.text();
  }),
  "response: bom": async () => [(await new Response(bytes(0xef, 0xbb, 0xbf, 0x61)).text()).length, (await new Response("\ufeffa").text()).length],
  "response: bytes and blob": async () => [[...(await new Response("ab").bytes())], await new Response("ab", { headers: { "content-type": "text/x" } }).blob().then((blob) => [blob.type, blob.size])],
  "response: odd bodies": async () => outcomes(() => new Response(5).text(), () => new Response({}).text(), () => new Response([1, 2]).text(), () => new Response(true).text(), () => new Response(undefined).text(), () => new Response(null).text(), () => new Response(Symbol("x"))),
  "response: stream of text": () => outcomes(() => new Response(new ReadableStream({ start(c) { c.enqueue("text"); c.close(); } })).text()),
  "response: clone": async () => {
    const response = new Response(new ReadableStream({ start(c) { c.enqueue(bytes(97, 98)); c.close(); } }));
    const copy = response.clone();
    return [await response.text(), await copy.text()];
  },

  "form: multipart round trip": async () => {
    const form = new FormData();
    form.append("a", "1\r\n2");
    form.append("f", new File(["body"], 'na"me.txt', { type: "text/plain" }));
    form.append("a", "again");
    const back = await new Response(form).formData();
    const file = back.get("f");
    return [back.getAll("a"), file.name, file.type, await file.text(), entries(back.keys())];
  },
  "form: urlencoded": async () => entries(await new Response("a=1&b=%20x+y&a=2", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData()),
  "form: errors": () => outcomes(() => new Response("x", { headers: { "content-type": "multipart/form-data" } }).formData(), () => new Response("x", { headers: { "content-type": "multipart/form-data; boundary=b" } }).formData(), () => new Response("x", { headers: { "content-type": "text/plain" } }).formData(), () => new FormData().append("a"), () => new FormData().append("a", "b", "c")),
  "form: set and delete": () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", "2");
    form.append("a", "3");
    form.set("a", 4);
    form.delete("b");
    return [entries(form), form.has("b"), form.get("none")];
  },

  "encoding: decode": () => [new TextDecoder().decode(bytes(0xf0, 0x9f, 0x98, 0x80, 0xff, 0xc3)), new TextDecoder("latin1").encoding, new TextDecoder("utf-16le").decode(bytes(0x61, 0, 0x62)), new TextDecoder("shift_jis").decode(bytes(0x82, 0xa0))],
  "encoding: errors": () => outcomes(() => new TextDecoder("nope"), () => new TextDecoder("utf-8", { fatal: true }).decode(bytes(0xff)), () => new TextDecoder().decode("x"), () => new TextDecoder("replacement")),
  "encoding: streaming": () => {
    const decoder = new TextDecoder();
    return [decoder.decode(bytes(0xe2, 0x82), { stream: true }), decoder.decode(bytes(0xac), { stream: true }), decoder.decode()];
  },
  "encoding: encode": () => [[...new TextEncoder().encode("é\ud800")], new TextEncoder().encodeInto("aé€", new Uint8Array(4)), new TextEncoder().encoding],
  "encoding: base64": () => outcomes(() => btoa("\x00ÿ"), () => btoa("€"), () => atob(" YQ = = "), () => atob("a"), () => atob("YQ=="), () => atob("YQ=")),

  "streams: errors": () => outcomes(() => new ReadableStream({ type: "nope" }), () => new ReadableStream({}, { highWaterMark: -1 }), () => {
    const stream = new ReadableStream();
    stream.getReader();
    return stream.getReader();
  }, () => new ReadableStream().getReader({ mode: "byob" }), () => {
    const stream = new ReadableStream();
    stream.getReader();
    return stream.pipeThrough(new TransformStream());
  }, () => new WritableStream({ type: "bytes" }), async () => {
    const writer = new WritableStream().getWriter();
    writer.releaseLock();
    return writer.write(1);
  }),
  "streams: tee": async () => {
    const [a, b] = new ReadableStream({ start(c) { c.enqueue("x"); c.enqueue("y"); c.close(); } }).tee();
    const read = async (stream) => { const list = []; for await (const chunk of stream) list.push(chunk); return list; };
    return Promise.all([read(a), read(b)]);
  },
  "streams: from": async () => {
    const list = [];
    for await (const chunk of ReadableStream.from((function* () { yield 1; yield 2; })())) list.push(chunk);
    return list;
  },
  "streams: back-pressure": async () => {
    let pulled = 0;
    const stream = new ReadableStream({ pull(c) { pulled += 1; c.enqueue(pulled); } }, { highWaterMark: 3 });
    await new Promise((resolve) => setTimeout(resolve, 1));
    const before = pulled;
    await stream.getReader().read();
    await new Promise((resolve) => setTimeout(resolve, 1));
    return [before, pulled];
  },
  "streams: pipe with error": () => outcomes(() => new ReadableStream({ pull(c) { c.error(new RangeError("source")); } }).pipeTo(new WritableStream()), () => new ReadableStream({ start(c) { c.enqueue(1); } }).pipeTo(new WritableStream({ write() { throw new RangeError("sink"); } })), () => new ReadableStream().pipeTo(new WritableStream(), { signal: AbortSignal.abort() })),
  "streams: byob": async () => {
    const stream = new ReadableStream({ type: "bytes", start(c) { c.enqueue(bytes(1, 2, 3, 4, 5)); c.close(); } });
    const reader = stream.getReader({ mode: "byob" });
    const one = await reader.read(new Uint8Array(2));
    const two = await reader.read(new Uint8Array(8));
    return [[...one.value], one.done, [...two.value], two.done];
  },
  "streams: fixed length": () => outcomes(async () => {
    const { readable, writable } = new FixedLengthStream(2);
    const writer = writable.getWriter();
    const written = writer.write(bytes(1, 2, 3)).then(() => "written", (error) => `${error.name}: ${error.message}`);
    const read = new Response(readable).bytes().then((all) => all.length, (error) => `${error.name}: ${error.message}`);
    return [await written, await read];
  }, async () => {
    const { readable, writable } = new FixedLengthStream(5);
    const writer = writable.getWriter();
    writer.write(bytes(1)).catch(() => {});
    const closed = writer.close().then(() => "closed", (error) => `${error.name}: ${error.message}`);
    const read = new Response(readable).bytes().then((all) => all.length, (error) => `${error.name}: ${error.message}`);
    return [await closed, await read];
  }),
  "streams: compression": async () => {
    const round = async (format) => new Response(new Blob(["squeeze ".repeat(50)]).stream().pipeThrough(new CompressionStream(format)).pipeThrough(new DecompressionStream(format))).text();
    return [(await round("gzip")).length, (await round("deflate")).length, (await round("deflate-raw")).length, ...(await outcomes(() => new CompressionStream("nope")))];
  },
  "streams: broken gzip": () => outcomes(() => new Response(new Blob(["not gzip"]).stream().pipeThrough(new DecompressionStream("gzip"))).text()),

  "crypto: digests": async () => {
    const list = [];
    for (const name of ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"]) list.push(hex(await crypto.subtle.digest(name, new TextEncoder().encode("atoll"))));
    return list;
  },
  "crypto: hmac": async () => {
    const key = await crypto.subtle.importKey("raw", bytes(1, 2, 3), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    const mac = await crypto.subtle.sign("HMAC", key, bytes(4));
    return [hex(mac), await crypto.subtle.verify("HMAC", key, mac, bytes(4)), await crypto.subtle.verify("HMAC", key, mac, bytes(5)), key.type, key.algorithm.length, key.usages];
  },
  "crypto: aes": async () => {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt", "decrypt"]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12), additionalData: bytes(9) }, key, bytes(1, 2, 3));
    return [hex(sealed), ...(await outcomes(() => crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, sealed).then(hex)))];
  },
  "crypto: kdf": async () => {
    const key = await crypto.subtle.importKey("raw", new TextEncoder().encode("password"), "PBKDF2", false, ["deriveBits"]);
    return hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: bytes(1), iterations: 10 }, key, 128));
  },
  "crypto: errors": () => outcomes(() => crypto.getRandomValues(new Float32Array(1)), () => crypto.getRandomValues(new Uint8Array(65537)), () => crypto.subtle.digest("nope", bytes(1)), () => crypto.subtle.importKey("raw", bytes(1), "nope", true, []), () => crypto.subtle.importKey("raw", bytes(1), "AES-GCM", true, ["encrypt"]), () => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, [])),
  "crypto: timing safe": () => outcomes(() => crypto.subtle.timingSafeEqual(bytes(1), bytes(1)), () => crypto.subtle.timingSafeEqual(bytes(1), bytes(1, 2)), () => crypto.subtle.timingSafeEqual("a", "a")),
  "crypto: jwk": async () => {
    const key = await crypto.subtle.importKey("raw", bytes(1, 2, 3, 4), { name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
    return crypto.subtle.exportKey("jwk", key);
  },

  "clone: values": () => {
    const value = structuredClone({ a: [1, , undefined], d: new Date(0), m: new Map([[1, new Set([2])]]), r: /x/gi, b: 1n === 1n, e: new RangeError("r"), t: bytes(1, 2) });
    return [value.a.length, 1 in value.a, value.d.toISOString(), [...value.m.get(1)], String(value.r), value.e.name, value.e.message, [...value.t]];
  },
  "clone: errors": () => outcomes(() => structuredClone(() => {}), () => structuredClone(Symbol("x")), () => structuredClone(new WeakMap()), () => structuredClone(Promise.resolve()), () => structuredClone({ get a() { throw new TypeError("getter"); } }), () => structuredClone()),
  "clone: transfer": () => outcomes(() => {
    const buffer = new ArrayBuffer(4);
    const copy = structuredClone(buffer, { transfer: [buffer] });
    return [buffer.byteLength, copy.byteLength];
  }, () => {
    const buffer = new ArrayBuffer(4);
    return structuredClone(buffer, { transfer: [buffer, buffer] });
  }, () => structuredClone(1, { transfer: [{}] })),

  "pattern: exec": () => {
    const pattern = new URLPattern({ pathname: "/users/:id/*" });
    const match = pattern.exec("https://a.test/users/7/x/y?q");
    return [match.pathname.groups, match.search.input, pattern.test("https://a.test/users"), pattern.pathname];
  },
  "pattern: strings": () => {
    const pattern = new URLPattern("https://*.example.com/books/:id(\\d+)?");
    return [pattern.hostname, pattern.pathname, pattern.test("https://a.example.com/books/5"), pattern.test("https://a.example.com/books/x"), pattern.test("https://example.com/books/5")];
  },
  "pattern: errors": () => outcomes(() => new URLPattern("/x"), () => new URLPattern({ pathname: "(" }), () => new URLPattern({ pathname: ":a:a" })),

  "abort: reasons": () => outcomes(() => AbortSignal.abort().throwIfAborted(), () => AbortSignal.abort(new RangeError("mine")).throwIfAborted(), () => fetch("http://127.0.0.1:1/", { signal: AbortSignal.abort() }), async () => {
    const signal = AbortSignal.timeout(1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return `${signal.reason.name}: ${signal.reason.message}`;
  }, () => {
    const controller = new AbortController();
    const any = AbortSignal.any([controller.signal, new AbortController().signal]);
    controller.abort("why");
    return [any.aborted, any.reason];
  }),
  "events: order and options": () => {
    const seen = [];
    const target = new EventTarget();
    target.addEventListener("x", () => seen.push("a"), { once: true });
    target.addEventListener("x", { handleEvent: (event) => seen.push(event.type) });
    target.addEventListener("x", (event) => { event.stopImmediatePropagation(); seen.push("stop"); });
    target.addEventListener("x", () => seen.push("never"));
    target.dispatchEvent(new Event("x"));
    target.dispatchEvent(new CustomEvent("x", { detail: 1 }));
    const event = new Event("y", { cancelable: true });
    target.addEventListener("y", (given) => given.preventDefault());
    return [seen, target.dispatchEvent(event), event.defaultPrevented];
  },
  "timers: order": async () => {
    const seen = [];
    await new Promise((resolve) => {
      setTimeout(() => seen.push("t2"), 2);
      setTimeout(() => seen.push("t1"), 1);
      setTimeout(() => seen.push("t0"), 0);
      queueMicrotask(() => seen.push("m"));
      Promise.resolve().then(() => seen.push("p"));
      seen.push("s");
      setTimeout(resolve, 5);
    });
    return seen;
  },
  "timers: errors": () => outcomes(() => setTimeout(), () => setTimeout("code"), () => clearTimeout("x"), () => queueMicrotask(5), () => typeof setTimeout(() => {}, 1)),
  "fetch: errors": () => outcomes(() => fetch("nope"), () => fetch("ftp://a.test/"), () => fetch(), () => fetch("data:text/plain,hi").then((response) => response.text())),
  "service: redirects": async ({ env }) => {
    const list = [];
    for (const redirect of ["follow", "manual"]) {
      const response = await env.SELF.fetch("http://x.test/raw/redirect", { redirect });
      list.push([response.status, response.redirected, response.url, await response.text()]);
    }
    return list;
  },
  "ctx: properties can be replaced": ({ ctx }) => {
    ctx.props = { user: "ada" };
    ctx.exports = 5;
    const { get, set, ...props } = Object.getOwnPropertyDescriptor(ctx, "props");
    return [props, ctx.exports, get, set];
  },
  "service: errors": ({ env }) => outcomes(() => env.SELF.fetch("http://x.test/raw/throw"), () => env.SELF.fetch("nope")),
  "blob: slices": async () => {
    const blob = new Blob(["abc", bytes(100), new Blob(["e"])], { type: "TEXT/X" });
    return [blob.size, blob.type, await blob.slice(1, -1, "t/y").text(), blob.slice(1, 2, "t/y").type, new File([blob], "n", { lastModified: 5 }).lastModified];
  },
  "socket: pair": async () => {
    const [client, server] = Object.values(new WebSocketPair());
    const list = [client.readyState, ...(await outcomes(() => client.send("early")))];
    client.accept();
    server.accept();
    const answered = new Promise((resolve) => client.addEventListener("message", ({ data }) => resolve(data)));
    server.addEventListener("message", ({ data }) => server.send(`${data}!`));
    client.send("hi");
    list.push(await answered, ...(await outcomes(() => client.close(1005), () => client.close(5000), () => client.close(3000, "x".repeat(200)), () => client.close(3000, "bye"))));
    list.push(client.readyState);
    return list;
  },
  "globals: descriptors": () => ["fetch", "Request", "crypto", "performance", "self", "navigator", "setTimeout", "caches"].map((name) => typeof globalThis[name]),
  "globals: classes": () => [Object.prototype.toString.call(new Headers()), Object.prototype.toString.call(new Response()), String(new URL("http://a.test")), Request.length, Response.name, Object.keys(Response.prototype).includes("status"), navigator.userAgent],
  "performance: marks and measures": () => {
    performance.mark("a", { startTime: 2 });
    performance.mark("b", { startTime: 7, detail: { of: "it" } });
    const entries = [performance.measure("between", "a", "b"), performance.measure("since", { start: 3, end: 4 }), performance.measure("to", { end: 4 }), ...performance.getEntriesByType("mark")];
    performance.clearMarks("a");
    return [...entries.map((entry) => [String(entry), entry.startTime, entry.duration, JSON.stringify(entry)]), performance.getEntries().map((entry) => entry.name)];
  },
  "performance: errors": () => outcomes(() => performance.mark(), () => performance.mark("x", 5), () => performance.measure(), () => performance.getEntriesByName(), () => performance.getEntriesByType(), () => new PerformanceEntry(), () => new PerformanceMeasure("a"), () => new PerformanceObserver()),
  "eval: refused": () => outcomes(() => eval("1"), () => new Function("return 1"), () => (async () => {}).constructor("1")),
  "illegal calls": () => outcomes(() => Headers.prototype.get.call({}, "a"), () => Object.getOwnPropertyDescriptor(Response.prototype, "status").get.call({}), () => Headers(), () => new Crypto(), () => URL.prototype.toString.call({})),
  "errors: dom exceptions": () => {
    const error = new DOMException("text", "DataCloneError");
    return [error.code, error.name, error instanceof Error, DOMException.ABORT_ERR, Object.prototype.toString.call(error)];
  },
  "html: keeps headers": () => [...new HTMLRewriter().transform(new Response("<p>", { headers: { "content-length": "3", a: "b" } })).headers],
  "socket: buffered": async () => {
    const [client, server] = Object.values(new WebSocketPair());
    client.accept();
    client.send("grüße");
    client.send(bytes(1, 2));
    const before = client.bufferedAmount;
    server.accept();
    await new Promise((resolve) => { server.addEventListener("message", ({ data }) => typeof data !== "string" && resolve()); });
    return [before, client.bufferedAmount, server.bufferedAmount];
  },
  "html: rewriter": () => new HTMLRewriter().on("a[href]", { element(element) { element.setAttribute("href", element.getAttribute("href") + "?x"); element.append("<b>!</b>", { html: true }); } }).transform(new Response("<p><a href=/y>t</a></p>")).text(),
};

export const raw = {
  plain: () => new Response("plain"),
  empty: () => new Response(null),
  json: () => Response.json({ a: ["é"] }, { headers: { "x-a": "b" } }),
  created: () => new Response("made", { status: 201, statusText: "Made Up", headers: { "content-type": "text/x" } }),
  nothing: () => new Response(null, { status: 204 }),
  unchanged: () => new Response(null, { status: 304, headers: { etag: '"x"' } }),
  cookies: () => new Response("c", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] }),
  redirect: () => Response.redirect("http://x.test/raw/plain", 302),
  stream: () => new Response(new ReadableStream({ start(c) { c.enqueue(bytes(1, 2)); c.enqueue(bytes(3)); c.close(); } })),
  blob: () => new Response(new Blob(["blob"], { type: "image/x" })),
  params: () => new Response(new URLSearchParams({ a: "b c" })),
  length: () => new Response("abc", { headers: { "content-length": "3" } }),
  latin: () => new Response("x", { headers: { "x-l": "caf\u00e9" } }),
  throw: () => { throw new RangeError("thrown on purpose"); },
  url: (request) => new Response(new URL(request.url).pathname + new URL(request.url).search),
  echo: async (request) => new Response(`${request.method} ${request.headers.get("content-type")} ${await request.text()}`),
};
