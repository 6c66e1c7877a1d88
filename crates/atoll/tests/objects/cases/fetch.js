// fetch() on stubs: what goes in, what comes back, what is thrown.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, table, thrown } from "../support.js";

class Custom extends Error {
  name = "Custom";
  detail = 5;
}

/** What the object answers, by path. */
const answers = {
  "/request": async (request) => Response.json({ method: request.method, url: request.url, body: await request.text(), headers: [...request.headers].filter(([name]) => !name.startsWith("cf-")), redirect: request.redirect, cf: typeof request.cf }),
  "/echo": (request) => new Response(request.body, { headers: request.headers }),
  "/status": () => new Response("teapot", { status: 418, statusText: "Short and stout", headers: { "x-a": "b" } }),
  "/cookies": () => new Response(null, { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] }),
  "/redirect": () => Response.redirect("http://other.test/request", 302),
  "/here": () => new Response(null, { status: 302, headers: { location: "/status" } }),
  "/empty": () => new Response(null, { status: 204 }),
  "/error": () => Response.error(),
  "/throw": () => {
    throw new RangeError("out of reach");
  },
  "/reject": async () => {
    throw new Custom("of our own");
  },
  "/throw-text": () => {
    throw "just text";
  },
  "/throw-undefined": () => {
    throw undefined;
  },
  "/throw-object": () => {
    throw { message: "an object", name: "Thing" };
  },
  "/throw-dom": () => {
    throw new DOMException("no more", "AbortError");
  },
  "/nothing": () => {},
  "/text": () => "text",
  "/object": () => ({ status: 200 }),
  "/thenable": () => ({ then: (resolve) => resolve(new Response("thenable")) }),
  "/stream": () => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    (async () => {
      for (const part of ["a", "b", "c"]) await writer.write(new TextEncoder().encode(part));
      await writer.close();
    })();
    return new Response(readable);
  },
  "/broken-stream": () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("a"));
        },
        pull(controller) {
          controller.error(new TypeError("torn"));
        },
      }),
    ),
  "/big": () => new Response(new Uint8Array(1_000_000).fill(7)),
  "/other-throws": async (_request, env) => {
    const stub = env.HANDLERS.get(env.HANDLERS.newUniqueId());
    return outcomes(() => stub.fetch("http://x/throw")).then((list) => Response.json(list));
  },
  "/pass-on": (request, env) => env.HANDLERS.get(env.HANDLERS.newUniqueId()).fetch("http://x/echo", request),
  "/itself": async (_request, env, ctx) => env.HANDLERS.get(ctx.id).fetch("http://x/status"),
};

export class Handlers extends DurableObject {
  async fetch(request) {
    const handle = answers[new URL(request.url).pathname];
    return handle(request, this.env, this.ctx);
  }
}

/** A class that is not derived from DurableObject. */
export class Plain {
  constructor(ctx, env) {
    this.state = ctx;
    this.names = [typeof ctx.storage, typeof env.PROBE];
  }

  fetch(request) {
    return Response.json([this.names, this.state.id.name, request.method]);
  }

  greet() {
    return "hello";
  }
}

/** Handlers that are properties of the instance. */
export class Own extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.fetch = () => new Response(`own ${ctx.id.name}`);
    this.greet = () => "hello";
  }
}

const get = async (stub, path, init) => {
  const response = await stub.fetch(`http://object.test${path}`, init);
  return [response.status, await response.text()];
};

export const fetches = {
  "fetch: what arrives": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const json = async (...args) => (await stub.fetch(...args)).json();
    return table({
      text: () => json("http://object.test/request?a=1#b"),
      url: () => json(new URL("http://object.test/request")),
      post: () => json("http://object.test/request", { method: "POST", body: "x", headers: { "X-A": "b" } }),
      request: () => json(new Request("https://object.test/request", { method: "PUT", body: "y" })),
      "request and init": () => json(new Request("http://object.test/request", { headers: { a: "1" } }), { method: "DELETE", headers: { b: "2" } }),
      json: () => json("http://object.test/request", { method: "POST", body: JSON.stringify({ a: 1 }), headers: { "content-type": "application/json" } }),
      form: () => json("http://object.test/request", { method: "POST", body: new URLSearchParams({ a: "ä" }) }),
      host: () => json("http://user.test:8080/request", { headers: { host: "other.test" } }),
      credentials: () => json("http://user:secret@object.test/request"),
      method: () => json("http://object.test/request", { method: "PROPFIND" }),
      manual: () => json("http://object.test/request", { redirect: "manual" }),
    });
  },
  "fetch: what is refused": ({ env }) => {
    const stub = newStub(env.HANDLERS);
    return table({
      nothing: () => stub.fetch(),
      relative: () => stub.fetch("/request"),
      "no URL": () => stub.fetch("nope"),
      "GET with a body": () => stub.fetch("http://x/request", { body: "x" }),
      "a used request": async () => {
        const request = new Request("http://x/request", { method: "POST", body: "x" });
        await request.text();
        return stub.fetch(request);
      },
      "another receiver": () => stub.fetch.call({}, "http://x/status"),
      "taken off": async () => {
        const { fetch } = stub;
        return (await fetch("http://x/status")).status;
      },
    });
  },
  "fetch: what comes back": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const response = await stub.fetch("http://object.test/status");
    return [response.status, response.statusText, response.ok, response.url, response.redirected, response.type, response.headers.get("x-a"), response.webSocket, await response.text(), response.constructor.name];
  },
  "fetch: cookies": async ({ env }) => (await newStub(env.HANDLERS).fetch("http://x/cookies")).headers.getSetCookie(),
  "fetch: redirects": ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const see = async (path, redirect) => {
      const response = await stub.fetch(`http://object.test${path}`, { redirect });
      return [response.status, response.redirected, response.url, response.headers.get("location")];
    };
    return table({
      "by itself": () => see("/redirect"),
      follow: () => see("/here", "follow"),
      manual: () => see("/redirect", "manual"),
      error: () => see("/redirect", "error"),
      "of a request": async () => (await stub.fetch(new Request("http://object.test/here"))).status,
      "of a manual request": async () => (await stub.fetch(new Request("http://object.test/here", { redirect: "manual" }))).status,
    });
  },
  "fetch: no body": async ({ env }) => {
    const response = await newStub(env.HANDLERS).fetch("http://x/empty");
    return [response.status, response.body, await response.text()];
  },
  "fetch: HEAD": async ({ env }) => {
    const response = await newStub(env.HANDLERS).fetch("http://x/status", { method: "HEAD" });
    return [response.status, await response.text()];
  },
  "fetch: bodies both ways": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const body = new Uint8Array(300_000).map((_, index) => index);
    const back = new Uint8Array(await (await stub.fetch("http://x/echo", { method: "POST", body })).arrayBuffer());
    return [back.length, back.every((value, index) => value === body[index])];
  },
  "fetch: streams": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const { readable, writable } = new TransformStream();
    const answer = stub.fetch("http://x/echo", { method: "POST", body: readable });
    const writer = writable.getWriter();
    const write = async () => {
      for (const part of ["one ", "two ", "three"]) await writer.write(new TextEncoder().encode(part));
      await writer.close();
    };
    const [text] = await Promise.all([answer.then((response) => response.text()), write()]);
    return [text, ...(await get(stub, "/stream")), (await (await stub.fetch("http://x/big")).arrayBuffer()).byteLength];
  },
  "fetch: a stream that breaks": async ({ env }) => {
    const response = await newStub(env.HANDLERS).fetch("http://x/broken-stream");
    return outcomes(() => response.status, () => response.text());
  },
  "fetch: exceptions": ({ env }) => {
    const works = {};
    for (const path of ["/throw", "/reject", "/throw-text", "/throw-undefined", "/throw-object", "/throw-dom", "/nothing", "/text", "/object", "/thenable", "/error"]) {
      works[path] = () => get(newStub(env.HANDLERS), path);
    }
    return table(works);
  },
  "fetch: what exceptions are": async ({ env }) => {
    try {
      await newStub(env.HANDLERS).fetch("http://x/throw");
    } catch (error) {
      return [error.constructor.name, error instanceof RangeError, typeof error.stack, error.cause, error.remote, error.retryable, error.overloaded, error.durableObjectReset, Object.keys(error)];
    }
  },
  "fetch: after an exception": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    return outcomes(() => get(stub, "/throw"), () => get(stub, "/status"));
  },
  "fetch: through another object": ({ env }) => {
    const stub = newStub(env.HANDLERS);
    return outcomes(() => get(stub, "/other-throws"), () => get(stub, "/pass-on", { method: "POST", body: "passed" }), () => get(stub, "/itself"));
  },
  "fetch: aborted": ({ env }) => {
    const stub = newStub(env.HANDLERS);
    return outcomes(() => stub.fetch("http://x/status", { signal: AbortSignal.abort() }), () => stub.fetch("http://x/status", { signal: AbortSignal.abort(new Error("mine")) }));
  },
  "fetch: an object without a handler": ({ env }) => outcomes(() => get(newStub(env.OTHER), "/")),
  "fetch: a class of its own kind": async ({ env }) => outcomes(() => get(env.PLAIN.getByName("plain"), "/"), () => env.PLAIN.getByName("plain").greet(), () => env.PLAIN.getByName("plain").state),
  "fetch: handlers of the instance": async ({ env }) => outcomes(() => get(env.OWN.getByName("own"), "/"), () => env.OWN.getByName("own").greet()),
  "fetch: many at once": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => get(stub, "/echo", { method: "POST", body: `${i}` })));
    return all.every(([status, text], i) => status === 200 && text === `${i}`);
  },
  "fetch: bodies nobody reads": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    for (let i = 0; i < 5; i++) await stub.fetch("http://x/big");
    return outcomes(() => get(stub, "/status"));
  },
  "fetch: what thrown() sees": async ({ env }) => {
    const stub = newStub(env.HANDLERS);
    return stub.fetch("http://x/reject").catch(thrown);
  },
};
