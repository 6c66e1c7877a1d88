import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { convertToModelMessages, isStepCount, streamText, tool, type StreamTextOnFinishCallback, type ToolSet } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

/** A chat with tools on the server, on the client, and with approval. */
export class Chat extends AIChatAgent<Env> {
  async onChatMessage(_: StreamTextOnFinishCallback<ToolSet>, options?: OnChatMessageOptions) {
    const model = createWorkersAI({ binding: this.env.AI })("@cf/test/scripted");
    const result = streamText({
      model,
      messages: await convertToModelMessages(this.messages),
      abortSignal: options?.abortSignal,
      stopWhen: isStepCount(5),
      tools: {
        addNumbers: tool({
          description: "Adds two numbers",
          inputSchema: z.object({ a: z.number(), b: z.number() }),
          execute: async ({ a, b }) => ({ sum: a + b }),
        }),
        eraseDisk: tool({
          description: "Needs approval",
          inputSchema: z.object({ disk: z.string() }),
          needsApproval: true,
          execute: async ({ disk }) => `erased ${disk}`,
        }),
        askPlace: tool({ description: "Answered by the browser", inputSchema: z.object({}) }),
      },
    });
    return result.toUIMessageStreamResponse();
  }
}
