import OpenAI from "openai";
import { equal } from "../support.js";

export default async function () {
  const fetch = async (url, init) => Response.json({ id: "1", object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: `to ${new URL(url).pathname}` }, finish_reason: "stop" }], model: JSON.parse(init.body).model });
  const client = new OpenAI({ apiKey: "k", fetch });
  const answer = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
  equal(answer.choices[0].message.content, "to /v1/chat/completions");
}
