// What a server goes through while it is watched: writes that stay bounded, sockets, sleepers, strangers' code.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

const VERSION = 0;

export class Counter extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS newest (client INTEGER PRIMARY KEY, number INTEGER);
      CREATE TABLE IF NOT EXISTS notes (slot INTEGER PRIMARY KEY, note TEXT);
    `);
  }

  add(client, number) {
    this.sql.exec("INSERT OR REPLACE INTO newest VALUES (?, ?)", client, number);
    this.sql.exec("INSERT OR REPLACE INTO notes VALUES (?, ?)", number % 50, "n".repeat(number % 500));
    if (number % 10 === 0) this.ctx.storage.setAlarm(Date.now() + 50);
    return number;
  }

  newest(client) {
    return this.sql.exec("SELECT number FROM newest WHERE client = ?", client).toArray()[0]?.number ?? 0;
  }

  alarm() {
    this.ctx.storage.kv.put("rung", Date.now());
  }

  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    socket.send(message);
  }
}

export class Tools extends WorkerEntrypoint {
  add(a, b) {
    return a + b;
  }
}

const body = (code) => `export default { async fetch(request, env) { ${code} } };`;

/** Code that strangers wrote, and how it is held. */
const STRANGERS = {
  fine: { code: body(`return Response.json(await env.TOOLS.add(1, 2));`) },
  loop: { code: body(`for (;;) {}`), limits: { cpuMs: 50 } },
  bomb: { code: body(`const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));`), limits: { memoryMb: 16 } },
  flood: { code: body(`for (;;) await Promise.all(Array.from({ length: 100 }, () => env.TOOLS.add(1, 2)));`), limits: { subRequests: 500 } },
  greedy: {
    code: body(`
      const all = [];
      for (; all.length < 2; await scheduler.wait(50)) all.push(new Uint8Array(8 << 20).fill(1));
      await scheduler.wait(3000);
      return Response.json(all.length);
    `),
  },
  crash: { code: body(`throw new Error("on purpose");`) },
};

const run = async (env, ctx, { code, limits }) => {
  const worker = env.LOADER.load({
    compatibilityDate: "2026-06-11",
    mainModule: "main.js",
    modules: { "main.js": `${code}\n// ${crypto.randomUUID()}` },
    env: { TOOLS: ctx.exports.Tools({}) },
    globalOutbound: null,
    limits,
  });
  try {
    return await (await worker.getEntrypoint().fetch("http://stranger/")).text();
  } catch ({ message }) {
    return message;
  }
};

export default {
  async fetch(request, env, ctx) {
    const [, what, ...args] = new URL(request.url).pathname.split("/");
    const counter = env.COUNTER.getByName(args[0] ?? "");
    try {
      switch (what) {
        case "version":
          return Response.json(VERSION);
        case "add":
          return Response.json(await counter.add(Number(args[1]), Number(args[2])));
        case "newest":
          return Response.json(await counter.newest(Number(args[1])));
        case "socket":
          return await counter.fetch(request);
        default:
          return Response.json(await run(env, ctx, STRANGERS[what]));
      }
    } catch ({ message }) {
      return Response.json({ message }, { status: 500 });
    }
  },
};
