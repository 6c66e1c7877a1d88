import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { DynamicWorkerExecutor } from "@cloudflare/codemode";
import { createCodeTool } from "@cloudflare/codemode/ai";
import { routeAgentRequest } from "agents";
import { createAI } from "agents/models/ai-sdk";
import { convertToModelMessages, isStepCount, streamText, tool, type StreamTextOnEndCallback, type ToolSet } from "ai";
import { z } from "zod";
import type { Stall } from "./shared.ts";

type Env = { AI: never; LOADER: never; Keeper: DurableObjectNamespace };

/** Keeps a stall. The model does not call the tools one by one: it writes a program that does. */
export class Keeper extends AIChatAgent<Env, Stall> {
  initialState: Stall = {
    goods: [
      { name: "coconuts", price: 3, count: 12 },
      { name: "mats", price: 20, count: 4 },
      { name: "hooks", price: 5, count: 2 },
      { name: "lamps", price: 14, count: 7 },
    ],
  };

  #tools() {
    return {
      listGoods: tool({
        description: "All goods with their prices and how many there are",
        inputSchema: z.object({}),
        execute: async () => this.state.goods,
      }),
      order: tool({
        description: "Orders more of something",
        inputSchema: z.object({ name: z.string(), count: z.number().int().positive() }),
        execute: async ({ name, count }) => {
          const goods = this.state.goods.map((good) => (good.name === name ? { ...good, count: good.count + count } : good));
          this.setState({ goods });
          return goods.find((good) => good.name === name);
        },
      }),
    };
  }

  async onChatMessage(_onEnd: StreamTextOnEndCallback<ToolSet>, options?: OnChatMessageOptions) {
    const executor = new DynamicWorkerExecutor({ loader: this.env.LOADER });
    const answer = streamText({
      model: createAI({ binding: this.env.AI })("atoll/keeper"),
      system: "You keep a market stall. Use the codemode tool for everything that has to do with goods.",
      messages: await convertToModelMessages(this.messages),
      tools: { codemode: createCodeTool({ tools: this.#tools(), executor }) },
      stopWhen: isStepCount(5),
      abortSignal: options?.abortSignal,
    });
    return answer.toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
