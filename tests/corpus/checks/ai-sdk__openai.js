import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import { equal } from "../support.js";

export default async function () {
  const fetch = async () => Response.json({ id: "r", created_at: 1, model: "m", output: [{ type: "message", id: "m1", role: "assistant", content: [{ type: "output_text", text: "hello", annotations: [] }] }], usage: { input_tokens: 1, output_tokens: 1 } });
  const { text } = await generateText({ model: createOpenAI({ apiKey: "k", fetch })("gpt-x"), prompt: "hi" });
  equal(text, "hello");
}
