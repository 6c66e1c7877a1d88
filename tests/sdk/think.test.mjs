// Think, as published: its own loop, the files of its workspace, extensions that run on the loader, programs, approvals.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, socket, turn } from "./client.mjs";
import { copyOf, PATIENCE_MS, Server, until } from "./support.mjs";

const LAST = 60;
const WHOLE = Array.from({ length: LAST }, (_, index) => index + 1).join(" ");
/** What the model writes: an extension, and a program. */
const EXTENSION = `{
  tools: {
    ask: {
      description: "Who keeps the light",
      parameters: {},
      execute: async (_, host) => host === undefined || host === null ? "no host" : host.readFile("/notes.txt")
    }
  }
}`;
const PROGRAM = "async () => (await tools.depthOf({ berth: 4 })) + 30";
const SCRIPT = {
  rate: 60,
  rules: [
    { afterTool: "load_extension", say: "It is loaded: {result}" },
    { when: "learn", call: [{ name: "load_extension", arguments: { name: "light", version: "1.0.0", source: EXTENSION, workspace_access: "read" } }] },
    { afterTool: "execute", say: "It gave {result}" },
    { when: "how deep", call: [{ name: "execute", arguments: { code: PROGRAM } }] },
  ],
};

let model, server;
const options = { timeout: PATIENCE_MS };

before(async () => {
  const folder = copyOf("tests/sdk/think", { settings: {} });
  writeFileSync(join(folder, "script.json"), JSON.stringify(SCRIPT));
  model = await Server.start(["model", "--port", "0", "--script", join(folder, "script.json")]);
  writeFileSync(join(folder, "atoll.jsonc"), JSON.stringify({ model: { url: `${model.url}/v1` } }));
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
  await model?.end();
});

/** Whoever asks while a process is dying is told so, and asks again. */
const open = (name) => until(() => socket(`${server.url}/agents/thinker/${name}`).catch(() => undefined));
const output = (events) => events.find(({ type }) => type === "tool-output-available")?.output;

test("its loop answers, and works on files of the workspace", options, async () => {
  const chat = await open("files");
  assert.equal((await turn(chat, "Count to 5")).text, "1 2 3 4 5");
  const written = await turn(chat, 'Use write with {"path": "/notes.txt", "content": "three boats"}');
  assert.deepEqual(output(written.events), { path: "/notes.txt", bytesWritten: 11 });
  assert.match((await turn(chat, 'Use read with {"path": "/notes.txt"}')).text, /three boats/);
  const client = await connect(server, "Thinker", "files");
  assert.equal(await client.call("file", ["/notes.txt"]), "three boats");
  assert.deepEqual(await client.call("calls"), ["write", "read"]);
  assert.equal((await client.call("said")).length, 6);
  client.close();
  chat.close();
});

test("extensions run in workers of their own, with what they are permitted", options, async () => {
  const chat = await open("extensions");
  const tide = await turn(chat, 'Use tide_table with {"day": "Monday"}');
  assert.equal(output(tide.events).kept, "Monday: high at noon");
  assert.match(output(tide.events).network, /not permitted to access the internet/);
  // What the model writes is there in the next turn, and after the agent has died.
  await turn(chat, 'Use write with {"path": "/notes.txt", "content": "Moana"}');
  assert.match((await turn(chat, "Learn who keeps the light")).text, /It is loaded/);
  assert.equal(output((await turn(chat, "Use light_ask with {}")).events), "Moana");
  chat.close();
  assert.ok(server.killIsolates() > 0);
  const again = await open("extensions");
  assert.equal(output((await turn(again, "Use light_ask with {}")).events), "Moana");
  again.close();
});

test("a program calls tools", options, async () => {
  const chat = await open("programs");
  const { text } = await turn(chat, "How deep is berth 4?");
  assert.match(text, /It gave .*42/);
  chat.close();
});

test("a tool waits until it is approved", options, async () => {
  const chat = await open("approval");
  const { events } = await turn(chat, 'Use sinkBoat with {"boat": "Koru"}');
  const { toolCallId } = events.find(({ type }) => type === "tool-approval-request") ?? assert.fail(JSON.stringify(events));
  assert.equal(output(events), undefined);
  chat.send(JSON.stringify({ type: "cf_agent_tool_approval", toolCallId, approved: true, autoContinue: true }));
  await until(() => chat.heard.some((frame) => frame.includes("Koru is gone")));
  chat.close();
});

test("work that was submitted is done when nobody is connected", options, async () => {
  const client = await connect(server, "Thinker", "submitted");
  const id = await client.call("submit", ["Count to 4"]);
  await until(async () => (await client.call("submission", [id])) === "completed");
  assert.deepEqual(await client.call("said"), ["user: Count to 4", "assistant: 1 2 3 4"]);
  client.close();
});

test("an answer goes on when its isolate is killed, and no token is paid for twice", options, async () => {
  await fetch(`${model.url}/calls`, { method: "DELETE" });
  const client = await connect(server, "Thinker", "killed");
  const id = await client.call("submit", [`Count to ${LAST}`]);
  await until(async () => (await (await fetch(`${model.url}/calls`)).json()).some(({ tokens }) => tokens > 20));
  assert.ok(server.killIsolates() > 0);
  await until(async () => (await client.call("submission", [id]).catch(() => "")) === "completed");
  assert.deepEqual(await client.call("said"), [`user: Count to ${LAST}`, `assistant: ${WHOLE}`]);
  const paid = (await (await fetch(`${model.url}/calls`)).json()).reduce((sum, { tokens }) => sum + tokens, 0);
  assert.equal(paid, LAST);
  client.close();
});
