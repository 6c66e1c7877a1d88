import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { z } from "zod";
import { equal } from "../support.js";

export default async function () {
  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
  const answers = [
    { content: [{ type: "tool-call", toolCallId: "1", toolName: "add", input: '{"a":1,"b":2}' }], finishReason: { unified: "tool-calls" }, usage, warnings: [] },
    { content: [{ type: "text", text: "three" }], finishReason: { unified: "stop" }, usage, warnings: [] },
  ];
  const model = new MockLanguageModelV3({ doGenerate: async () => answers.shift() });
  const tools = { add: tool({ description: "adds", inputSchema: z.object({ a: z.number(), b: z.number() }), execute: async ({ a, b }) => a + b }) };
  const { text, steps } = await generateText({ model, prompt: "1 + 2", tools, stopWhen: stepCountIs(3) });
  equal([text, steps.length, steps[0].toolResults[0].output], ["three", 2, 3]);
}
