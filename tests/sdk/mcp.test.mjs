// MCP on Atoll: servers with and without sessions, each with the official clients; and an agent as a client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { connect } from "./client.mjs";
import { copyOf, PATIENCE_MS, Server } from "./support.mjs";

let server, folder;
const options = { timeout: PATIENCE_MS };

before(async () => {
  folder = copyOf("tests/sdk/worker", { settings: { model: { scripted: true } } });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
});

async function user(transport) {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Moana" } }));
  await client.connect(transport);
  return client;
}
const text = ({ content }) => content[0].text;

for (const [name, transport] of [
  ["streamable HTTP", () => new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`))],
  ["SSE", () => new SSEClientTransport(new URL(`${server.url}/sse`))],
]) {
  test(`a session over ${name}: tools, state, resources, questions to the client`, options, async () => {
    const [one, other] = [await user(transport()), await user(transport())];
    assert.deepEqual((await one.listTools()).tools.map(({ name }) => name), ["note", "ask"]);
    assert.equal(text(await one.callTool({ name: "note", arguments: { text: "a" } })), "1 notes of nobody");
    assert.equal(text(await one.callTool({ name: "note", arguments: { text: "b" } })), "2 notes of nobody");
    assert.equal(text(await other.callTool({ name: "note", arguments: { text: "c" } })), "1 notes of nobody");
    assert.equal((await one.readResource({ uri: "notes://all" })).contents[0].text, "a\nb");
    assert.equal(text(await one.callTool({ name: "ask", arguments: {} })), "accept Moana");
    await one.close();
    await other.close();
  });
}

test("a server without sessions", options, async () => {
  const client = await user(new StreamableHTTPClientTransport(new URL(`${server.url}/stateless`)));
  assert.equal(text(await client.callTool({ name: "double", arguments: { n: 21 } })), "42");
  await client.close();
});

test("an agent uses servers over HTTP, SSE and a binding", options, async () => {
  const agent = await connect(server, "Client", "user");
  const used = await agent.call("use", ["http", `${server.url}/mcp`, "streamable-http"]);
  assert.deepEqual(used, { tools: ["ask", "note"], states: ["ready"] });
  assert.equal(await agent.call("run", ["http", "note", { text: "x" }]), "1 notes of nobody");
  await agent.call("use", ["sse", `${server.url}/sse`, "sse"]);
  assert.equal(await agent.call("run", ["sse", "note", { text: "y" }]), "1 notes of nobody");
  await agent.call("use", ["stateless", `${server.url}/stateless`, "auto"]);
  assert.equal(await agent.call("run", ["stateless", "double", { n: 4 }]), "8");
  await agent.call("useBinding");
  assert.equal(await agent.call("run", ["inside", "note", { text: "z" }]), "1 notes of binding");
  agent.close();
});
