import Anthropic from "@anthropic-ai/sdk";
import { equal } from "../support.js";

export default async function () {
  const lines = ['event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n', 'event: message_stop\ndata: {"type":"message_stop"}\n\n'].join("");
  const client = new Anthropic({ apiKey: "k", fetch: async () => new Response(lines, { headers: { "content-type": "text/event-stream" } }) });
  const events = [];
  for await (const event of await client.messages.create({ model: "m", max_tokens: 1, messages: [{ role: "user", content: "x" }], stream: true })) events.push(event.type);
  equal(events, ["content_block_delta", "message_stop"]);
}
