// env.AI before an OpenAI-compatible server, by itself and through the AI SDK's providers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { copyOf, PATIENCE_MS, Server } from "./support.mjs";

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

const get = async (path) => {
  const response = await fetch(`${server.url}/models/${path}`);
  return { status: response.status, text: await response.text(), headers: response.headers };
};

test("plain, streamed, raw, through a gateway", options, async () => {
  const plain = JSON.parse((await get("plain")).text);
  assert.equal(plain.response, "1 2 3 4 5");
  assert.equal(plain.choices[0].message.content, "1 2 3 4 5");
  const { text } = await get("stream");
  assert.match(text, /data: .*"content":"3 "/);
  assert.match(text, /data: \[DONE\]\n\n$/);
  const raw = await get("raw");
  assert.match(raw.headers.get("cf-aig-run-id"), /^[0-9a-f]{32}$/);
  const gateway = await get("gateway");
  assert.equal(gateway.headers.get("cf-aig-step"), "0");
  assert.equal(JSON.parse(gateway.text).choices[0].message.content, "1 2 3 4 5");
  assert.deepEqual(JSON.parse((await get("embedding")).text).shape, [2, 16]);
  assert.match((await get("unsupported")).text, /toMarkdown\(\) is not supported/);
});

test("an answer is resumed from any of its events, and is not there for ever or for others", options, async () => {
  const raw = await get("raw");
  const id = raw.headers.get("cf-aig-run-id");
  const events = raw.text.split("\n\n").slice(0, -1);
  for (const from of [0, 3, events.length]) {
    const url = `https://workers-binding.ai/ai-gateway/gateways/default/run/${id}/resume?from=${from}`;
    const resumed = await get(`fetch?url=${encodeURIComponent(url)}`);
    assert.equal(resumed.status, 200);
    assert.deepEqual(resumed.text.split("\n\n").slice(0, -1), events.slice(from));
  }
  const absent = `https://workers-binding.ai/ai-gateway/gateways/default/run/${"0".repeat(32)}/resume?from=0`;
  assert.equal((await get(`fetch?url=${encodeURIComponent(absent)}`)).status, 404);
});

test("the AI SDK's providers", options, async () => {
  assert.equal((await get("workers-ai")).text, "1 2 3 4 5");
  assert.deepEqual(JSON.parse((await get("workers-ai-generate")).text), { text: "1 2 3 4 5", tokens: 5 });
  const made = JSON.parse((await get("create-ai")).text);
  assert.equal(made.text, "1 2 3 4 5");
  assert.match(made.runId, /^[0-9a-f]{32}$/);
  assert.equal((await get("create-ai-embedding")).text, "16");
  assert.equal((await get(`compatible?url=${encodeURIComponent(`${model.url}/v1`)}`)).text, "1 2 3 4 5");
});
