import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/cfworker";
import { McpServer as StatelessServer } from "@modelcontextprotocol/server";
import { Agent, callable } from "agents";
import { McpAgent } from "agents/mcp";
import { createMcpHandler } from "agents/mcp/server";
import { z } from "zod";

/** A server with a session, state, and questions to its client. */
export class Notes extends McpAgent<Env, { notes: string[] }, { user?: string }> {
  server = new McpServer(
    { name: "notes", version: "1.0.0" },
    // The other validator makes code from strings, which Workers refuse.
    { jsonSchemaValidator: new CfWorkerJsonSchemaValidator() },
  );
  initialState = { notes: [] as string[] };

  async init() {
    this.server.tool("note", "Keeps a note", { text: z.string() }, async ({ text }) => {
      this.setState({ notes: [...this.state.notes, text] });
      return { content: [{ type: "text", text: `${this.state.notes.length} notes of ${this.props?.user ?? "nobody"}` }] };
    });
    this.server.tool("ask", "Asks the client for a name", {}, async (_args, { requestId }) => {
      const answer = await this.server.server.elicitInput(
        {
          message: "Your name?",
          requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
        },
        { relatedRequestId: requestId },
      );
      return { content: [{ type: "text", text: `${answer.action} ${answer.content?.name}` }] };
    });
    this.server.resource("all", "notes://all", async (uri) => ({
      contents: [{ uri: uri.href, text: this.state.notes.join("\n") }],
    }));
  }
}

export const stateless = createMcpHandler(() => {
  const server = new StatelessServer({ name: "stateless", version: "1.0.0" });
  server.registerTool("double", { description: "Doubles", inputSchema: z.object({ n: z.number() }) }, async ({ n }) => ({
    content: [{ type: "text", text: String(2 * n) }],
  }));
  return server;
}, { route: "/stateless" });

/** An agent that uses MCP servers. */
export class McpUser extends Agent<Env> {
  @callable()
  async use(name: string, url: string, type: "auto" | "sse" | "streamable-http") {
    await this.addMcpServer(name, url, { transport: { type } });
    return this.#tools();
  }

  /** Gives where somebody has to say that the agent may use the server. */
  @callable()
  async signIn(name: string, url: string, callbackHost: string) {
    // The binding has another name than the class, which is what the path would be made of.
    const callbackPath = `/agents/client/${this.name}/callback`;
    const added = await this.addMcpServer(name, url, { callbackHost, callbackPath });
    return added.state === "authenticating" ? added.authUrl : added.state;
  }

  @callable()
  states() {
    return this.#tools();
  }

  @callable()
  async useBinding() {
    await this.addMcpServer("inside", this.env.Notes as never, { props: { user: "binding" } });
    return this.#tools();
  }

  #tools() {
    const { tools, servers } = this.getMcpServers();
    return { tools: tools.map(({ name }) => name).sort(), states: Object.values(servers).map(({ state }) => state) };
  }

  @callable()
  async run(server: string, name: string, input: Record<string, unknown>) {
    const entry = Object.entries(this.getMcpServers().servers).find(([, value]) => value.name === server);
    const result = await this.mcp.callTool({ serverId: entry![0], name, arguments: input });
    return (result.content as { text: string }[])[0]!.text;
  }
}
