// The SDK as it was before 0.22, whose agents still stand on partyserver: `agents` 0.21.0 with the packages of its time.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, socket, turn } from "./client.mjs";
import { copyOf, PATIENCE_MS, root, Server, until } from "./support.mjs";

const packages = join(root, "tests/sdk/old");
const skip = existsSync(join(packages, "node_modules/agents")) ? false : "`npm ci --prefix tests/sdk/old` installs what it needs";
const options = { skip, timeout: PATIENCE_MS };
let model, server;

before(async () => {
  if (skip) return;
  model = await Server.start(["model", "--port", "0", "--rate", "200"]);
  const folder = copyOf("tests/sdk/old", { packages, settings: { model: { url: `${model.url}/v1` } } });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
  await model?.end();
});

/** A connected client of that version. */
const open = async (agent, name) => {
  const { AgentClient } = await import(join(packages, "node_modules/agents/dist/client.js"));
  return connect(server, agent, name, { Client: AgentClient });
};

test("0.21: state, methods, streams and names", options, async () => {
  const [one, two] = [await open("Counter", "state"), await open("Counter", "state")];
  one.setState({ count: 7 });
  await until(() => two.states.some(({ state }) => state.count === 7));
  assert.equal(await two.call("increment", [3]), 10);
  await until(() => one.states.some(({ state }) => state.count === 10));
  one.setState({ count: -1 });
  await until(() => one.errors.length > 0 || one.messages.some((data) => String(data).includes("cf_agent_state_error")));
  assert.equal(await one.call("increment", [0]), 10);
  await assert.rejects(one.call("secret"), /not callable/);
  const chunks = [];
  const last = await one.call("upTo", [4], { onChunk: (chunk) => chunks.push(chunk) });
  assert.deepEqual([chunks, last], [[1, 2, 3], 4]);
  assert.equal(await (await fetch(`${server.url}/by-name`)).json(), 5);
  one.close();
  two.close();
});

test("0.21: schedules and a queue", options, async () => {
  const client = await open("Counter", "later");
  await client.call("later");
  const notes = await until(async () => {
    const notes = await client.call("notes");
    return ["delayed", "dated", "first", "second"].every((text) => notes.includes(text)) && notes;
  });
  assert.ok(!notes.includes("never") && !notes.includes("cron"), String(notes));
  client.close();
});

test("0.21: sub-agents", options, async () => {
  const client = await open("Counter", "parent");
  assert.deepEqual(await client.call("inside", ["one"]), [11, 13, true]);
  assert.deepEqual(await client.call("inside", ["two"]), [11, 13, true]);
  assert.deepEqual(await client.call("inside", ["one"]), [14, 16, true]);
  client.close();
});

test("0.21: a fiber is recovered after its isolate was killed", options, async () => {
  const client = await open("Counter", "fiber");
  await client.call("long");
  await until(async () => (await client.call("notes")).includes("began"));
  assert.ok(server.killIsolates() > 0);
  const notes = await until(async () => {
    const notes = await client.call("notes").catch(() => []);
    return notes.length > 1 && notes;
  });
  assert.deepEqual(notes, ["began", 'recovered long {"step":1}']);
  client.close();
});

test("0.21: a chat calls a tool, and keeps what was said", options, async () => {
  const chat = await socket(`${server.url}/agents/chat/talk`);
  const { text, events } = await turn(chat, 'Use addNumbers with {"a": 2, "b": 40}');
  assert.ok(events.some(({ type, output }) => type === "tool-output-available" && output.sum === 42), JSON.stringify(events));
  assert.match(text, /42/);
  assert.equal((await turn(chat, "Count to 5")).text, "1 2 3 4 5");
  const kept = await (await fetch(`${server.url}/agents/chat/talk/get-messages`)).json();
  assert.deepEqual(kept.map(({ role }) => role), ["user", "assistant", "user", "assistant"]);
  chat.close();
});
