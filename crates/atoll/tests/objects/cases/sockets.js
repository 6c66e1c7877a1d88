// WebSockets of objects: accepted to sleep with, their tags, attachments, answers without waking, and the standard API.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, plain, table, thrown, wait } from "../support.js";

const upgrade = (client) => new Response(null, { status: 101, webSocket: client });

/** What the room does with a message of these words. */
const commands = {
  echo: ({ socket }, text) => socket.send(`echo ${text}`),
  bytes: ({ socket }) => socket.send(new Uint8Array([1, 2, 3])),
  buffer: ({ socket }) => socket.send(new Uint8Array([4, 5]).buffer),
  all: ({ ctx }, text) => {
    for (const socket of ctx.getWebSockets()) socket.send(text);
  },
  tagged: ({ ctx }, tag) => {
    for (const socket of ctx.getWebSockets(tag)) socket.send(`to ${tag}`);
  },
  tags: ({ ctx, socket }) => socket.send(JSON.stringify(ctx.getTags(socket))),
  count: ({ ctx, socket }) => socket.send(JSON.stringify(["red", "blue", "none", undefined].map((tag) => ctx.getWebSockets(tag).length))),
  same: ({ ctx, socket }) => socket.send(JSON.stringify(ctx.getWebSockets().includes(socket))),
  close: ({ socket }) => socket.close(4001, "asked to"),
  "close without": ({ socket }) => socket.close(),
  throw: () => {
    throw new Error("in a handler");
  },
  attach: ({ socket }, text) => {
    socket.serializeAttachment({ text, when: new Date(5) });
    socket.send(JSON.stringify(plain(socket.deserializeAttachment())));
  },
  attached: ({ socket }) => socket.send(JSON.stringify(plain(socket.deserializeAttachment()))),
  state: ({ socket }) => socket.send(JSON.stringify([socket.readyState, socket.url, socket.protocol, socket.extensions, socket.binaryType])),
  order: async ({ socket }, text) => {
    await wait(text === "first" ? 300 : 0);
    socket.send(text);
  },
  abort: ({ ctx }) => ctx.abort("asked to"),
  block: ({ ctx }) =>
    ctx.blockConcurrencyWhile(async () => {
      throw new Error("asked to");
    }),
  write: async ({ ctx, socket }) => {
    ctx.storage.kv.put("written", 1);
    socket.send("written");
  },
};

export class Room extends DurableObject {
  log = [];

  async fetch(request) {
    const url = new URL(request.url);
    const [client, server] = Object.values(new WebSocketPair());
    const tags = url.searchParams.getAll("tag");
    if (url.pathname === "/standard") {
      server.accept();
      server.addEventListener("message", ({ data }) => server.send(`standard ${typeof data === "string" ? data : data.byteLength}`));
      server.addEventListener("close", ({ code, reason, wasClean }) => this.log.push(["close", code, reason, wasClean]));
    } else if (url.pathname === "/greets") {
      this.ctx.acceptWebSocket(server);
      server.send("welcome");
      server.send("to the room");
    } else {
      this.ctx.acceptWebSocket(server, tags);
    }
    return upgrade(client);
  }

  async webSocketMessage(socket, message) {
    if (typeof message !== "string") {
      socket.send(`${Object.prototype.toString.call(message)} of ${message.byteLength}`);
      return;
    }
    const [, name, text] = /^([^:]*):?(.*)$/s.exec(message);
    await commands[name]({ ctx: this.ctx, socket }, text);
  }

  async webSocketClose(...given) {
    const [socket, code, reason, wasClean] = given;
    this.log.push({ given: given.length, code, reason, wasClean, state: socket.readyState, left: this.ctx.getWebSockets().includes(socket) });
    if (reason === "answer me") socket.close(code, "answered");
  }

  async webSocketError(...given) {
    this.log.push({ given: given.length, error: thrown(given[1]) });
  }

  notes() {
    return this.log;
  }

  leave() {
    this.ctx.abort("asked to");
  }

  tagErrors() {
    const { ctx } = this;
    const accept = (tags) => () => {
      const [client, server] = Object.values(new WebSocketPair());
      ctx.acceptWebSocket(server, tags);
      client.accept();
      return ctx.getTags(server);
    };
    return table({
      none: accept(undefined),
      empty: accept([]),
      one: accept(["a"]),
      "ten": accept(Array.from({ length: 10 }, (_, i) => `t${i}`)),
      eleven: accept(Array.from({ length: 11 }, (_, i) => `t${i}`)),
      twice: accept(["a", "a", "b"]),
      "256 letters": accept(["x".repeat(256)]),
      "257 letters": accept(["x".repeat(257)]),
      "empty tag": accept([""]),
      number: accept([5]),
      "no list": accept("a"),
      null: accept(null),
    });
  }

  accepting() {
    const { ctx } = this;
    const pair = () => Object.values(new WebSocketPair());
    return table({
      twice: () => {
        const [, server] = pair();
        ctx.acceptWebSocket(server);
        ctx.acceptWebSocket(server);
      },
      "accepted before": () => {
        const [, server] = pair();
        server.accept();
        ctx.acceptWebSocket(server);
      },
      "accepting after": () => {
        const [, server] = pair();
        ctx.acceptWebSocket(server);
        server.accept();
      },
      "listening": () => {
        const [, server] = pair();
        ctx.acceptWebSocket(server);
        server.addEventListener("message", () => {});
      },
      "both ends": () => {
        const [client, server] = pair();
        ctx.acceptWebSocket(server);
        ctx.acceptWebSocket(client);
      },
      "tags of a socket that is not accepted": () => ctx.getTags(pair()[1]),
      "sockets that nobody took": () => ctx.getWebSockets().length,
    });
  }

  attachments() {
    const [, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    const attach = (value) => () => {
      server.serializeAttachment(value);
      return server.deserializeAttachment();
    };
    return table({
      none: () => server.deserializeAttachment(),
      text: attach("a"),
      object: attach({ a: [1, new Map([[1, 2]])], date: new Date(5) }),
      null: attach(null),
      undefined: attach(undefined),
      "is a copy": () => {
        const value = { a: 1 };
        server.serializeAttachment(value);
        value.a = 2;
        return [server.deserializeAttachment(), server.deserializeAttachment() === server.deserializeAttachment()];
      },
      "16,000 letters": () => {
        server.serializeAttachment("x".repeat(16_000));
        return server.deserializeAttachment().length;
      },
      "17,000 letters": attach("x".repeat(17_000)),
      "after one too large": () => server.deserializeAttachment().length,
      function: attach(() => {}),
      nothing: () => server.serializeAttachment(),
      "of another socket": () => {
        const [client] = Object.values(new WebSocketPair());
        client.serializeAttachment(5);
        return client.deserializeAttachment();
      },
    });
  }

  autoResponses() {
    const { ctx } = this;
    const set = (pair) => () => {
      ctx.setWebSocketAutoResponse(pair);
      const got = ctx.getWebSocketAutoResponse();
      return got && [got.request, got.response, got.constructor.name];
    };
    const pair = (request, response) => new WebSocketRequestResponsePair(request, response);
    const [, server] = Object.values(new WebSocketPair());
    ctx.acceptWebSocket(server);
    return table({
      "none at first": () => ctx.getWebSocketAutoResponse(),
      set: () => set(pair("ping", "pong"))(),
      shape: () => [Object.prototype.toString.call(pair("a", "b")), Object.keys(pair("a", "b")), JSON.stringify(pair("a", "b"))],
      "no argument takes it away": () => {
        ctx.setWebSocketAutoResponse();
        return ctx.getWebSocketAutoResponse();
      },
      null: set(null),
      object: set({ request: "a", response: "b" }),
      "2048 letters": () => set(pair("x".repeat(2048), "y"))().length,
      "2049 letters": set(pair("x".repeat(2049), "y")),
      "answer of 2049 letters": set(pair("x", "y".repeat(2049))),
      "pair of one": () => new WebSocketRequestResponsePair("a"),
      "pair of nothing": () => new WebSocketRequestResponsePair(),
      "pair of numbers": () => [new WebSocketRequestResponsePair(1, 2).request, new WebSocketRequestResponsePair(1, 2).response],
      "no timestamp": () => ctx.getWebSocketAutoResponseTimestamp(server),
      "timestamp of nothing": () => ctx.getWebSocketAutoResponseTimestamp(),
    });
  }

  eventTimeouts() {
    const { ctx } = this;
    const set = (value) => () => {
      ctx.setHibernatableWebSocketEventTimeout(value);
      return ctx.getHibernatableWebSocketEventTimeout();
    };
    return table({ "at first": () => ctx.getHibernatableWebSocketEventTimeout(), number: set(1000), most: set(604_800_000), "too much": set(604_800_001), negative: set(-1), zero: set(0), none: set(undefined), text: set("5"), fraction: set(1.5) });
  }

  answerPings() {
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  pinged() {
    return this.ctx.getWebSockets().map((socket) => Object.prototype.toString.call(this.ctx.getWebSocketAutoResponseTimestamp(socket)));
  }

  /** How many sockets there are, once those that close are gone. */
  async countAfterClose(expected) {
    for (let left = 1000; left > 0 && this.ctx.getWebSockets().length !== expected; left--) await wait(1);
    return this.ctx.getWebSockets().length;
  }

  closeAll(code, reason) {
    for (const socket of this.ctx.getWebSockets()) socket.close(code, reason);
    return this.ctx.getWebSockets().map((socket) => socket.readyState);
  }

  closing(code, reason) {
    const [, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return outcomes(() => server.close(code, reason), () => server.readyState, () => server.send("after"), () => server.close(1000));
  }

  sendAll(text) {
    for (const socket of this.ctx.getWebSockets()) socket.send(text);
  }
}

/** A client of a room: what came, in order, and a way to wait for the next. */
async function enter(stub, path = "/", init = {}) {
  const response = await stub.fetch(`http://room.test${path}`, { headers: { Upgrade: "websocket" }, ...init });
  const socket = response.webSocket;
  const came = [];
  const waiting = [];
  const arrive = (item) => (waiting.length > 0 ? waiting.shift()(item) : came.push(item));
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => arrive(typeof data === "string" ? data : plain(data)));
  socket.addEventListener("close", ({ code, reason, wasClean }) => arrive({ code, reason, wasClean }));
  socket.addEventListener("error", ({ message }) => arrive({ error: message }));
  socket.accept();
  const next = () => (came.length > 0 ? Promise.resolve(came.shift()) : new Promise((resolve) => waiting.push(resolve)));
  return { response, socket, next, ask: (text) => (socket.send(text), next()) };
}

/** Calls until the answer is not empty: handlers of the other end run when they run. */
async function eventually(ask) {
  for (;;) {
    const answer = await ask();
    if (answer.length > 0) return answer;
    await wait(1);
  }
}

export const sockets = {
  "sockets: the answer": async ({ env }) => {
    const { response, socket } = await enter(newStub(env.ROOM));
    return [response.status, response.headers.get("upgrade"), response.body, socket.constructor.name, socket.readyState, socket.url, socket.protocol, socket.extensions];
  },
  "sockets: without the header": ({ env }) => outcomes(async () => (await newStub(env.ROOM).fetch("http://x/")).status),
  "sockets: messages": async ({ env }) => {
    const { ask } = await enter(newStub(env.ROOM));
    return [await ask("echo:a"), await ask("echo:"), await ask("echo:日本 🎨"), await ask("bytes"), await ask("buffer"), await ask(new Uint8Array([1, 2, 3])), await ask(new ArrayBuffer(0)), await ask(`echo:${"x".repeat(100_000)}`).then((text) => text.length)];
  },
  "sockets: what the object sends first": async ({ env }) => {
    const { next } = await enter(newStub(env.ROOM), "/greets");
    return [await next(), await next()];
  },
  "sockets: order of messages": async ({ env }) => {
    const { socket, next } = await enter(newStub(env.ROOM));
    for (let i = 0; i < 20; i++) socket.send(`echo:${i}`);
    const came = [];
    for (let i = 0; i < 20; i++) came.push(await next());
    return came;
  },
  "sockets: handlers that wait": async ({ env }) => {
    const { socket, next } = await enter(newStub(env.ROOM));
    socket.send("order:first");
    socket.send("order:second");
    return [await next(), await next()];
  },
  "sockets: to all": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const all = [await enter(stub), await enter(stub), await enter(stub)];
    all[0].socket.send("all:hello");
    const heard = await Promise.all(all.map(({ next }) => next()));
    await stub.sendAll("from a call");
    return [heard, await Promise.all(all.map(({ next }) => next()))];
  },
  "sockets: tags": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const red = await enter(stub, "/?tag=red&tag=first");
    const blue = await enter(stub, "/?tag=blue");
    const plain = await enter(stub);
    blue.socket.send("tagged:red");
    return [await red.next(), await red.ask("tags"), await blue.ask("tags"), await plain.ask("tags"), await plain.ask("count"), await plain.ask("same")];
  },
  "sockets: tags that are refused": ({ env }) => newStub(env.ROOM).tagErrors(),
  "sockets: accepting": ({ env }) => newStub(env.ROOM).accepting(),
  "sockets: attachments": ({ env }) => newStub(env.ROOM).attachments(),
  "sockets: attachments stay": async ({ env }) => {
    const { ask } = await enter(newStub(env.ROOM));
    return [await ask("attached"), await ask("attach:a"), await ask("attached")];
  },
  "sockets: state inside": async ({ env }) => (await enter(newStub(env.ROOM))).ask("state"),
  "sockets: automatic answers": ({ env }) => newStub(env.ROOM).autoResponses(),
  "sockets: automatic answers come": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { ask } = await enter(stub);
    await stub.answerPings();
    const before = await stub.pinged();
    return [before, await ask("ping"), await ask("echo:a"), await ask("ping"), await stub.pinged()];
  },
  "sockets: timeouts of events": ({ env }) => newStub(env.ROOM).eventTimeouts(),
  "sockets: the object closes": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { ask, socket } = await enter(stub);
    return [await ask("close"), socket.readyState, await stub.notes()];
  },
  "sockets: the object closes without a code": async ({ env }) => (await enter(newStub(env.ROOM))).ask("close without"),
  "sockets: a call closes": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { next } = await enter(stub);
    return [await stub.closeAll(1001, "going"), await next(), await stub.countAfterClose(0)];
  },
  "sockets: the client closes": async ({ env }) => {
    const see = async (...args) => {
      const stub = newStub(env.ROOM);
      const { socket } = await enter(stub);
      socket.close(...args);
      return eventually(() => stub.notes());
    };
    return outcomes(() => see(1000, "done"), () => see(4321, "of its own"), () => see(), () => see(1000), () => see(3000, "日本"));
  },
  "sockets: an answered close": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { socket, next } = await enter(stub);
    socket.close(4000, "answer me");
    return [await next(), await stub.notes(), socket.readyState];
  },
  "sockets: closes that are refused": async ({ env }) => {
    const see = (...args) => newStub(env.ROOM).closing(...args);
    return outcomes(() => see(999, "x"), () => see(1004, "x"), () => see(1005, "x"), () => see(1006, "x"), () => see(1015, "x"), () => see(2999, "x"), () => see(5000, "x"), () => see(1000, "x".repeat(123)), () => see(1000, "x".repeat(124)), () => see(undefined, "reason"), () => see("1000"), () => see(4000));
  },
  "sockets: gone after closing": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { socket } = await enter(stub);
    await enter(stub);
    socket.close(1000, "done");
    await eventually(() => stub.notes());
    return stub.countAfterClose(1);
  },
  "sockets: an error in a handler": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { socket, ask } = await enter(stub);
    socket.send("throw");
    return outcomes(() => ask("echo:still here"), () => stub.notes());
  },
  "sockets: an object that is aborted": async ({ env }) => {
    const see = async (command) => {
      const stub = newStub(env.ROOM);
      const [one, other] = [await enter(stub), await enter(stub)];
      one.socket.send(command);
      return [await one.next(), await other.next(), await env.ROOM.get(stub.id).countAfterClose(0)];
    };
    const standard = async () => {
      const stub = newStub(env.ROOM);
      const { ask, next } = await enter(stub, "/standard");
      const heard = await ask("a");
      await stub.leave().catch(() => {});
      return [heard, await next()];
    };
    return outcomes(() => see("abort"), () => see("block"), standard);
  },
  "sockets: writes before sending": async ({ env }) => (await enter(newStub(env.ROOM))).ask("write"),
  "sockets: the standard API": async ({ env }) => {
    const stub = newStub(env.ROOM);
    const { ask, socket } = await enter(stub, "/standard");
    const heard = [await ask("a"), await ask(new Uint8Array(3))];
    socket.close(4000, "done");
    return [heard, await eventually(() => stub.notes())];
  },
};
