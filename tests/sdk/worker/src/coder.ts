import { DynamicWorkerExecutor, resolveProvider } from "@cloudflare/codemode";
import { createCodeTool } from "@cloudflare/codemode/ai";
import { Workspace } from "@cloudflare/shell";
import { stateTools } from "@cloudflare/shell/workers";
import { Agent, callable } from "agents";
import { generateText, isStepCount, tool } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

/** Runs what a model writes, with tools and files. */
export class Coder extends Agent<Env> {
  workspace = new Workspace({ sql: this.ctx.storage.sql, name: () => this.name });

  #executor() {
    return new DynamicWorkerExecutor({ loader: this.env.LOADER });
  }

  #tools() {
    return {
      getWeather: tool({
        description: "The weather",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => ({ city, degrees: city.length }),
      }),
    };
  }

  @callable()
  async run(code: string) {
    const codemode = createCodeTool({ tools: this.#tools(), executor: this.#executor() });
    return codemode.execute!({ code }, { toolCallId: "1", messages: [] } as never);
  }

  @callable()
  async files(code: string) {
    return this.#executor().execute(code, [resolveProvider(stateTools(this.workspace))]);
  }

  @callable()
  async readFile(path: string) {
    return this.workspace.readFile(path);
  }

  @callable()
  async ask(prompt: string) {
    const codemode = createCodeTool({ tools: this.#tools(), executor: this.#executor() });
    const result = await generateText({
      model: createWorkersAI({ binding: this.env.AI })("@cf/test/scripted"),
      prompt,
      tools: { codemode },
      stopWhen: isStepCount(4),
    });
    return result.text;
  }
}
