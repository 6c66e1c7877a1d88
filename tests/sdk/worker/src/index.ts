import { getAgentByName, routeAgentRequest } from "agents";
import { Hono } from "hono";
import { agentsMiddleware } from "hono-agents";
import { routePartykitRequest, Server, type Connection } from "partyserver";
import { Notes, stateless } from "./mcp.ts";
import { models } from "./models.ts";
import type { Counter } from "./counter.ts";

export { Chat } from "./chat.ts";
export { Coder } from "./coder.ts";
export { Counter } from "./counter.ts";
export { McpUser, Notes } from "./mcp.ts";
export { Working } from "./working.ts";

/** A server of partyserver, which sleeps. */
export class Party extends Server<Env> {
  static options = { hibernate: true };
  onConnect(connection: Connection) {
    connection.send(`welcome to ${this.name}`);
  }
  onMessage(connection: Connection, message: string) {
    this.broadcast(`${message}!`, [connection.id]);
  }
  onRequest() {
    return new Response(`party ${this.name}`);
  }
}

const app = new Hono<{ Bindings: Env }>();
app.use("/hono/*", agentsMiddleware({ options: { prefix: "hono" } }));
app.get("/hello", (context) => context.text("hello"));

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const { pathname } = new URL(request.url);
    if (pathname === "/mcp") return Notes.serve("/mcp", { binding: "Notes" }).fetch(request, env, ctx);
    if (pathname.startsWith("/sse")) return Notes.serveSSE("/sse", { binding: "Notes" }).fetch(request, env, ctx);
    if (pathname === "/stateless") return stateless(request, env, ctx);
    if (pathname.startsWith("/models/")) return models(request, env);
    if (pathname.startsWith("/by-name/")) {
      const agent = await getAgentByName<Env, Counter>(env.Counter as never, pathname.slice(9));
      return Response.json(await agent.increment(5));
    }
    const routed = await routeAgentRequest(request, env, {
      onBeforeConnect: (request) => {
        if (new URL(request.url).searchParams.has("refused")) return new Response("refused", { status: 403 });
      },
      onBeforeRequest: (request) => {
        if (request.headers.has("x-refused")) return new Response("refused", { status: 403 });
      },
    });
    return routed ?? (await routePartykitRequest(request, env)) ?? app.fetch(request, env, ctx);
  },
};
