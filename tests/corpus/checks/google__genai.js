import { GoogleGenAI } from "@google/genai";
import { equal, withFetch } from "../support.js";

export default async function () {
  const { text } = await withFetch(
    async () => Response.json({ candidates: [{ content: { role: "model", parts: [{ text: "hello" }] } }] }),
    () => new GoogleGenAI({ apiKey: "k" }).models.generateContent({ model: "m", contents: "hi" }),
  );
  equal(text, "hello");
}
