import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { z } from "zod";
import { equal } from "../support.js";

export default async function () {
  const server = new McpServer({ name: "s", version: "1" });
  server.registerTool("add", { description: "adds", inputSchema: { a: z.number(), b: z.number() } }, async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }));
  const [one, two] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "c", version: "1" });
  await Promise.all([server.connect(one), client.connect(two)]);
  equal((await client.callTool({ name: "add", arguments: { a: 1, b: 2 } })).content[0].text, "3");
}
