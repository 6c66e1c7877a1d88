import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createAI } from "agents/models/ai-sdk";
import { embed, generateText, streamText } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { media } from "./media";

/** The binding by itself, and through each provider. */
export async function models(request: Request, env: Env) {
  const url = new URL(request.url);
  const prompt = url.searchParams.get("prompt") ?? "Count to 5";
  const messages = [{ role: "user", content: prompt }];
  switch (url.pathname.slice("/models/".length)) {
    case "plain":
      return Response.json(await env.AI.run("@cf/test/scripted", { prompt }));
    case "stream":
      return new Response(await env.AI.run("@cf/test/scripted", { messages, stream: true }));
    case "raw":
      return env.AI.run("@cf/test/scripted", { messages, stream: true }, { returnRawResponse: true });
    case "fetch":
      return env.AI.fetch(url.searchParams.get("url"));
    case "embedding":
      return Response.json(await env.AI.run("@cf/baai/bge-base-en-v1.5", { text: ["a", "b"] }));
    case "gateway": {
      const query = { model: "m", messages };
      return env.AI.gateway("default").run({ provider: "openai", endpoint: "chat/completions", headers: {}, query });
    }
    case "unsupported":
      return new Response(await env.AI.gateway("default").getUrl().catch(String));
    case "workers-ai": {
      const model = createWorkersAI({ binding: env.AI })("@cf/test/scripted");
      const result = streamText({ model, prompt });
      return new Response(result.textStream.pipeThrough(new TextEncoderStream()));
    }
    case "workers-ai-generate": {
      const { text, usage } = await generateText({ model: createWorkersAI({ binding: env.AI })("@cf/test/scripted"), prompt });
      return Response.json({ text, tokens: usage.outputTokens });
    }
    case "create-ai": {
      const result = streamText({ model: createAI({ binding: env.AI })("atoll/scripted"), prompt });
      const text = await result.text;
      return Response.json({ text, runId: (await result.providerMetadata)?.cloudflare?.runId });
    }
    case "create-ai-embedding": {
      const model = createAI({ binding: env.AI }).embedding("@cf/baai/bge-base-en-v1.5");
      return Response.json((await embed({ model, value: "a" })).embedding.length);
    }
    case "compatible": {
      const provider = createOpenAICompatible({ name: "scripted", baseURL: url.searchParams.get("url")! });
      const result = streamText({ model: provider("scripted"), prompt });
      return new Response(result.textStream.pipeThrough(new TextEncoderStream()));
    }
    default:
      return media(url, env);
  }
}
