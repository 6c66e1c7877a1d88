// The parts that `agents` 0.32 is made of, each on a plain object: state, sockets of both wires, tasks, streams, sessions.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "./client.mjs";
import { PATIENCE_MS, projectOf, Server, until } from "./support.mjs";

const WORKER = `
import { DurableObject, RpcTarget } from "cloudflare:workers";
import { routeAgentRequest } from "agents";
import { Lifecycle } from "agents/lifecycle";
import { Sessions } from "agents/sessions";
import { State } from "agents/state";
import { Streams } from "agents/streams";
import { Tasks } from "agents/tasks";
import { WebSockets } from "agents/websockets";

class Counter extends RpcTarget {
  #count = 0;
  add(number) { return (this.#count += number); }
}

class Calls extends RpcTarget {
  #house;
  constructor(house) { super(); this.#house = house; }
  counter() { return new Counter(); }
  async lines() {
    return new ReadableStream({ start(controller) { for (const line of ["one", "two"]) controller.enqueue(line); controller.close(); } });
  }
  run(topic) { return this.#house.tasks.run("report@v1", { topic }, { idempotencyKey: topic }); }
  task(id) { return this.#house.tasks.get(id); }
  async say(id, text) { return (await this.#house.session.appendMessage({ id, role: "user", parts: [{ type: "text", text }] })).inserted; }
  async find(words) { return (await this.#house.session.search(words)).map(({ id }) => id); }
  async history() { return (await this.#house.session.getHistory()).map(({ id }) => id); }
  async write(from, to) {
    const stream = await this.#house.streams.open("log");
    for (let number = from; number < to; number += 1) stream.append({ number });
    return stream.cursor;
  }
  async close() { (await this.#house.streams.open("log")).close(); }
  async read(from) {
    const numbers = [];
    for await (const chunk of this.#house.streams.read("log", { from })) numbers.push(chunk.chunk.number);
    return numbers;
  }
  die() { this.#house.ctx.abort("on purpose"); }
}

export class House extends DurableObject {
  state = new State({ initialState: { count: 0 }, onChanged: (_, source) => this.webSockets.broadcastState(source) });
  webSockets = new WebSockets({ state: this.state, callables: new Calls(this) });
  streams = new Streams();
  sessions = new Sessions();
  tasks = new Tasks({
    definitions: {
      "report@v1": async ({ topic }, step) => {
        await step.status("asking");
        const found = await step.do("ask", () => {
          const asked = (this.ctx.storage.kv.get("asked") ?? 0) + 1;
          this.ctx.storage.kv.put("asked", asked);
          return topic + " " + asked;
        });
        await step.sleep("rest", "1 second");
        return { found, asked: this.ctx.storage.kv.get("asked") };
      },
    },
  });
  lifecycle = Lifecycle.install(this).use(this.state).use(this.webSockets).use(this.streams).use(this.sessions).use(this.tasks);
  session = this.sessions.session();
}

export default { fetch: async (request, env) => (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 }) };
`;

let server;
const options = { timeout: PATIENCE_MS };
before(async () => {
  const folder = projectOf({
    "wrangler.jsonc": {
      name: "capabilities",
      main: "worker.js",
      compatibility_date: "2026-06-11",
      compatibility_flags: ["nodejs_compat"],
      durable_objects: { bindings: [{ name: "House", class_name: "House" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["House"] }],
    },
    "worker.js": WORKER,
  });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
});

for (const transport of ["cf-websocket", "capnweb"]) {
  test(`${transport}: state and methods`, options, async () => {
    const [one, two] = await Promise.all([connect(server, "House", transport, { transport }), connect(server, "House", transport, { transport })]);
    one.setState({ count: 7 });
    await until(() => two.states.some(({ state }) => state.count === 7));
    assert.equal(await two.call("say", ["first", "the reef at dawn"]), true);
    assert.equal(await one.call("say", ["first", "the reef at dawn"]), false);
    assert.deepEqual(await one.call("history"), ["first"]);
    one.close();
    two.close();
  });
}

test("Cap'n Web: what methods give is live, and streams", options, async () => {
  const client = await connect(server, "House", "live", { transport: "capnweb" });
  const counter = await client.stub.counter();
  assert.equal(await counter.add(2), 2);
  assert.equal(await counter.add(3), 5);
  const lines = [];
  for await (const line of await client.stub.lines()) lines.push(line);
  assert.deepEqual(lines, ["one", "two"]);
  client.close();
});

test("a task does a step once and goes on when it has slept, whatever happened to its object", options, async () => {
  const client = await connect(server, "House", "tasks");
  const { runId, accepted } = await client.call("run", ["reefs"]);
  assert.equal(accepted, true);
  await until(async () => (await client.call("task", [runId])).state === "waiting");
  client.call("die").catch(() => {});
  const again = await connect(server, "House", "tasks");
  assert.equal((await again.call("run", ["reefs"])).accepted, false);
  const task = await until(async () => {
    const told = await again.call("task", [runId]);
    return told.state === "completed" && told;
  });
  assert.deepEqual(task.result, { found: "reefs 1", asked: 1 });
  client.close();
  again.close();
});

test("a stream is read from where the reader was, and followed to its end", options, async () => {
  const client = await connect(server, "House", "streams");
  assert.equal(await client.call("write", [0, 3]), 3);
  const rest = client.call("read", [1]);
  assert.equal(await client.call("write", [3, 5]), 5);
  await client.call("close");
  assert.deepEqual(await rest, [1, 2, 3, 4]);
  client.close();
});

test("messages of a session are found by their words", options, async () => {
  const client = await connect(server, "House", "sessions");
  await client.call("say", ["a", "the reef at dawn"]);
  await client.call("say", ["b", "a canoe came back"]);
  assert.deepEqual(await client.call("find", ["canoe"]), ["b"]);
  assert.deepEqual(await client.call("history"), ["a", "b"]);
  client.close();
});
