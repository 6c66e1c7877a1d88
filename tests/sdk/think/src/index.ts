import { Think, type ToolCallResultContext } from "@cloudflare/think";
import { createExecuteTool } from "@cloudflare/think/tools/execute";
import { createExtensionTools } from "@cloudflare/think/tools/extensions";
import { callable, routeAgentRequest } from "agents";
import { tool, type ToolSet } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

export { CodemodeRuntime } from "@cloudflare/codemode";
export { HostBridgeLoopback } from "@cloudflare/think/extensions";

type Env = { AI: never; LOADER: never; Thinker: never };

/** An agent whose loop is Think's own: a workspace, extensions on the loader, programs, approvals. */
export class Thinker extends Think<Env> {
  extensionLoader = this.env.LOADER;
  called: string[] = [];

  getModel() {
    return createWorkersAI({ binding: this.env.AI })("@cf/test/scripted");
  }

  getSystemPrompt() {
    return "You keep the notes of a harbour.";
  }

  getTools(): ToolSet {
    return {
      ...createExtensionTools({ manager: this.extensionManager! }),
      ...this.extensionManager!.getTools(),
      execute: createExecuteTool({
        ctx: this.ctx,
        loader: this.env.LOADER,
        tools: {
          depthOf: tool({
            description: "How deep a berth is",
            inputSchema: z.object({ berth: z.number() }),
            execute: async ({ berth }) => berth * 3,
          }),
        },
      }),
      sinkBoat: tool({
        description: "Needs approval",
        inputSchema: z.object({ boat: z.string() }),
        needsApproval: true,
        execute: async ({ boat }) => `${boat} is gone`,
      }),
    };
  }

  getExtensions() {
    return [{
      manifest: { name: "tide", version: "1.0.0", permissions: { workspace: "read-write" as const } },
      source: `({
        tools: {
          table: {
            description: "Writes the tides of a day into the workspace",
            parameters: { day: { type: "string" } },
            required: ["day"],
            execute: async ({ day }, host) => {
              await host.writeFile("/tides.txt", day + ": high at noon");
              return { kept: await host.readFile("/tides.txt"), network: await fetch("https://example.com/").then(String, String) };
            }
          }
        }
      })`,
    }];
  }

  afterToolCall({ toolName }: ToolCallResultContext) {
    this.called.push(toolName);
  }

  @callable()
  calls() {
    return this.called;
  }

  @callable()
  async file(path: string) {
    return this.workspace.fs.readFile(path, "utf8");
  }

  /** A turn that nobody is connected for. */
  @callable()
  async submit(text: string) {
    const { submissionId } = await this.submitMessages([{ id: crypto.randomUUID(), role: "user", parts: [{ type: "text", text }] }]);
    return submissionId;
  }

  @callable()
  async submission(id: string) {
    return (await this.inspectSubmission(id))?.status;
  }

  @callable()
  async said() {
    return (await this.getMessages()).map(({ role, parts }) => `${role}: ${parts.map((part) => (part.type === "text" ? part.text : "")).join("")}`);
  }
}

export default {
  async fetch(request: Request, env: Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
