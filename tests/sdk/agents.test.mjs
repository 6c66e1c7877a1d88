// What agents do, on Atoll: the SDK's own client talks to the worker in ./worker.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, socket } from "./client.mjs";
import { copyOf, PATIENCE_MS, Server, until } from "./support.mjs";

let model, server, folder;
const options = { timeout: PATIENCE_MS };

before(async () => {
  model = await Server.start(["model", "--port", "0", "--rate", "200"]);
  folder = copyOf("tests/sdk/worker", { settings: { model: { url: `${model.url}/v1` } } });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
  await model?.end();
});

const get = async (path, init) => {
  const response = await fetch(server.url + path, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
};
const json = async (path, init) => {
  const { text } = await get(path, init);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`no JSON at ${path}: ${text.slice(0, 500)}`);
  }
};

test("state is shared among clients, and changes are checked", options, async () => {
  const [one, two] = await Promise.all([connect(server, "Counter", "state"), connect(server, "Counter", "state")]);
  one.setState({ count: 7, last: "one" });
  await until(() => two.states.some(({ state }) => state.count === 7));
  assert.equal(await two.call("increment", [3]), 10);
  await until(() => one.states.some(({ state }) => state.count === 10));
  one.setState({ count: -1, last: "one" });
  await until(() => one.errors.length > 0 || one.messages.some((data) => String(data).includes("cf_agent_state_error")));
  assert.equal(await one.call("increment", [0]), 10);
  one.close();
  two.close();
});

test("methods are called, fail as they failed, and stream", options, async () => {
  const client = await connect(server, "Counter", "methods");
  assert.deepEqual(await client.call("who"), { agent: "methods", connected: true, seen: ["server:0"] });
  await assert.rejects(client.call("fail"), /on purpose/);
  await assert.rejects(client.call("secret"), /not callable/);
  await assert.rejects(client.call("absent"), /does not exist|not/);
  const chunks = [];
  const last = await client.call("count", [5], { stream: { onChunk: (chunk) => chunks.push(chunk) } });
  assert.deepEqual([chunks, last], [[1, 2, 3, 4], 5]);
  assert.equal(await client.stub.increment(2), 2);
  client.close();
});

test("a readonly connection cannot change the state", options, async () => {
  const reader = await connect(server, "Counter", "readonly", { query: { readonly: "1" } });
  reader.setState({ count: 9, last: "reader" });
  await until(() => reader.errors.length > 0);
  await assert.rejects(reader.call("increment", [1]), /readonly/i);
  reader.close();
});

test("messages, requests, names and hooks", options, async () => {
  const one = await socket(`${server.url}/agents/counter/plain`);
  const two = await socket(`${server.url}/agents/counter/plain`);
  one.send("hello");
  await until(() => one.heard.includes("echo hello"));
  two.send("ping all");
  await until(() => one.heard.includes("pong"));
  assert.ok(!two.heard.includes("pong"));
  one.close();
  two.close();
  const { name, two: sum, path } = await json("/agents/counter/plain/some/path");
  assert.deepEqual([name, sum, path], ["plain", 2, "/agents/counter/plain/some/path"]);
  assert.equal(await json("/by-name/named"), 5);
  assert.equal((await json("/agents/counter/named")).count, 5);
  assert.equal((await get("/agents/counter/x", { headers: { "x-refused": "1" } })).status, 403);
  await assert.rejects(socket(`${server.url}/agents/counter/x?refused=1`), /403/);
  assert.equal((await get("/agents/nobody/x")).status, 400);
});

test("schedules, intervals, queues and retries", options, async () => {
  const client = await connect(server, "Worker", "later");
  const made = await client.call("later");
  assert.deepEqual(made, { types: ["cron", "delayed", "interval", "scheduled"], soon: "ring", every: "interval" });
  await client.call("queueUp");
  assert.deepEqual(await client.call("again"), { result: "done", attempts: 3 });
  const notes = await until(async () => {
    const notes = await client.call("notes");
    return ["delayed", "dated", "tick", "first", "second", "third"].every((text) => notes.includes(text)) && notes;
  });
  assert.ok(!notes.includes("never") && !notes.includes("cron"));
  const work = notes.filter((text) => ["first", "second", "third"].includes(text));
  assert.deepEqual(work, ["first", "second", "third"]);
  const events = await client.call("events");
  for (const type of ["rpc", "schedule:create", "schedule:execute", "connect"]) {
    assert.ok(events.some((event) => event === `Working/later ${type}`), `${type} in ${events}`);
  }
  client.close();
});

test("a fiber is recovered after its isolate was killed", options, async () => {
  const client = await connect(server, "Worker", "fiber");
  const first = await client.call("long");
  assert.equal(first.accepted, true);
  await until(async () => (await client.call("notes")).includes("began"));
  assert.ok(server.killIsolates() > 0);
  // The client connects again by itself.
  const notes = await until(async () => {
    const notes = await client.call("notes").catch(() => []);
    return notes.some((text) => text.startsWith("recovered")) && notes;
  });
  assert.deepEqual(notes, ["began", 'recovered long {"step":1}']);
  client.close();
});

test("hono-agents and partyserver", options, async () => {
  assert.equal((await get("/hello")).text, "hello");
  assert.equal((await json("/hono/counter/by-hono")).name, "by-hono");
  const client = await socket(`${server.url}/hono/counter/by-hono`);
  client.send("x");
  await until(() => client.heard.includes("echo x"));
  client.close();
  assert.equal((await get("/parties/party/here")).text, "party here");
  const [one, two] = [await socket(`${server.url}/parties/party/here`), await socket(`${server.url}/parties/party/here`)];
  await until(() => one.heard.includes("welcome to here"));
  two.send("hi");
  await until(() => one.heard.includes("hi!"));
  one.close();
  two.close();
});

test("Code Mode runs what a model wrote, with tools and files", options, async () => {
  const client = await connect(server, "Coder", "code");
  const ran = await client.call("run", ["async () => { const { degrees } = await codemode.getWeather({ city: 'Apia' }); console.log('asked'); return degrees * 2; }"]);
  assert.equal(ran.result, 8);
  const files = await client.call("files", ["async () => { await state.writeFile('/a/b.txt', 'hello'); return state.readFile('/a/b.txt'); }"]);
  assert.equal(files.result, "hello");
  assert.equal(await client.call("readFile", ["/a/b.txt"]), "hello");
  const outside = await client.call("run", [`async () => fetch(${JSON.stringify(model.url)}).then((r) => r.status, String)`]);
  assert.match(String(outside.result ?? outside.error), /not permitted/);
  client.close();
});
