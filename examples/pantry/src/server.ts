import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/cfworker";
import { McpAgent } from "agents/mcp";
import { z } from "zod";

type Env = { Pantry: DurableObjectNamespace };
type Shelves = { items: Record<string, number> };

const answer = (text: string) => ({ content: [{ type: "text" as const, text }] });

/** An MCP server with a shelf of its own for each session. It asks before it throws anything away. */
export class Pantry extends McpAgent<Env, Shelves> {
  server = new McpServer(
    { name: "pantry", version: "1.0.0" },
    // The other validator makes code from strings, which Workers refuse.
    { jsonSchemaValidator: new CfWorkerJsonSchemaValidator() },
  );
  initialState: Shelves = { items: { rice: 2, coconuts: 5 } };

  async init() {
    this.server.registerTool(
      "look",
      { description: "What is on the shelves" },
      async () => answer(this.#list()),
    );
    this.server.registerTool(
      "put",
      { description: "Puts something on the shelves", inputSchema: { item: z.string().min(1), count: z.number().int().positive() } },
      async ({ item, count }) => {
        this.#set(item, (this.state.items[item] ?? 0) + count);
        return answer(this.#list());
      },
    );
    this.server.registerTool(
      "throw_away",
      { description: "Throws something away, after asking how much", inputSchema: { item: z.string() } },
      async ({ item }, { requestId }) => {
        const there = this.state.items[item] ?? 0;
        if (there === 0) return answer(`There is no ${item}.`);
        const reply = await this.server.server.elicitInput(
          {
            message: `How much ${item} shall go? There is ${there}.`,
            requestedSchema: { type: "object", properties: { count: { type: "integer", title: "Count", minimum: 1, maximum: there } }, required: ["count"] },
          },
          { relatedRequestId: requestId },
        );
        if (reply.action !== "accept") return answer("Nothing was thrown away.");
        this.#set(item, there - Number(reply.content?.count));
        return answer(this.#list());
      },
    );
  }

  #set(item: string, count: number) {
    const { [item]: _, ...others } = this.state.items;
    this.setState({ items: count > 0 ? { ...others, [item]: count } : others });
  }

  #list() {
    const items = Object.entries(this.state.items).map(([item, count]) => `${count} × ${item}`);
    return items.length === 0 ? "The shelves are empty." : items.join("\n");
  }
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const { pathname } = new URL(request.url);
    if (pathname === "/mcp") return Pantry.serve("/mcp", { binding: "Pantry" }).fetch(request, env, ctx);
    return new Response("Not found", { status: 404 });
  },
};
