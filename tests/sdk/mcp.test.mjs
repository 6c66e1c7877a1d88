// MCP on Atoll: servers with and without sessions, each with the official clients; and an agent as a client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { connect } from "./client.mjs";
import { guarded } from "./oauth.mjs";
import { copyOf, PATIENCE_MS, Server, until } from "./support.mjs";

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

test("an agent signs in at a server, and stays so when its isolate was killed and its token is worth nothing", options, async (context) => {
  const guard = await guarded();
  context.after(() => guard.close());
  const agent = await connect(server, "Client", "signs-in");
  const where = new URL(await agent.call("signIn", ["guarded", guard.url, server.url]));
  assert.deepEqual([where.pathname, where.searchParams.get("code_challenge_method")], ["/authorize", "S256"]);
  assert.deepEqual(await agent.call("states"), { tools: [], states: ["authenticating"] });
  // What a browser does, to the end: the page that the agent is told of, and from there back to the agent.
  const back = await fetch(where, { redirect: "manual" });
  const forged = new URL(back.headers.get("location"));
  forged.searchParams.set("state", "forged");
  await fetch(forged, { redirect: "manual" });
  assert.deepEqual((await agent.call("states")).tools, []);
  await fetch(back.headers.get("location"), { redirect: "manual" });
  await until(async () => (await agent.call("states")).states[0] === "ready");
  assert.deepEqual((await agent.call("states")).tools, ["whoami"]);
  const name = await agent.call("run", ["guarded", "whoami", {}]);
  assert.match(name, /./);
  assert.deepEqual(guard.asked, ["registered", "authorized", "got a token"]);

  assert.ok(server.killIsolates() > 0);
  guard.revoke();
  const again = await connect(server, "Client", "signs-in");
  await until(async () => (await again.call("states")).states[0] === "ready");
  assert.equal(await again.call("run", ["guarded", "whoami", {}]), name);
  assert.deepEqual(guard.asked, ["registered", "authorized", "got a token", "refreshed"]);
  again.close();
  agent.close();
});
