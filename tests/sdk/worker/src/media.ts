import { createAI } from "agents/models/ai-sdk";
import { fetchWeb } from "agents/webfetch";
import { generateImage, generateSpeech, rerank, transcribe } from "ai";
import { createWorkersAI } from "workers-ai-provider";

const AUDIO = "audio/wav";

async function speak(env: Env, text: string) {
  const stream = await env.AI.run("@cf/deepgram/aura-1", { text, encoding: "linear16" });
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function bytesOf(answer: any): Promise<string> {
  return answer instanceof ReadableStream ? new Uint8Array(await new Response(answer).arrayBuffer()).toBase64() : answer.image;
}

/** The picture in each form that it may have, with the mask if there is one. */
function edits(url: URL) {
  const [image, mask] = ["image", "mask"].map((name) => url.searchParams.get(name) ?? undefined);
  const bytes = Uint8Array.fromBase64(image!);
  const array = { image: Array.from(bytes), mask: mask && Array.from(Uint8Array.fromBase64(mask)), strength: 0.5, num_steps: 9 };
  if (mask !== undefined) return [array, { image: bytes, mask }];
  const others = [{ image_b64: image }, { image: `data:image/png;base64,${image}` }, { image: bytes.buffer }, { image: new Blob([bytes]) }];
  return [array, ...others, { image: new Response(bytes).body }];
}

/** Images, speech, transcription and reranking: through the AI SDK's providers, then by the binding itself. */
export async function media(url: URL, env: Env): Promise<Response> {
  const provider: any = url.searchParams.has("createAI") ? createAI({ binding: env.AI }) : createWorkersAI({ binding: env.AI });
  const model = url.searchParams.get("model")!;
  const prompt = url.searchParams.get("prompt") ?? "a harbour at night";
  const run = (inputs: object, options?: object) => env.AI.run(model, inputs, options);
  switch (url.pathname.slice("/models/".length)) {
    case "sdk-image": {
      const { image } = await generateImage({ model: provider.image(model), prompt, size: "64x32", seed: 7 });
      return new Response(image.uint8Array as Uint8Array<ArrayBuffer>);
    }
    case "sdk-speech": {
      const { audio } = await generateSpeech({ model: provider.speech(model), text: prompt });
      return new Response(audio.uint8Array as Uint8Array<ArrayBuffer>, { headers: { "content-type": audio.mediaType } });
    }
    case "sdk-transcription": {
      const audio = await speak(env, prompt);
      const { text, segments, language } = await transcribe({
        model: provider.transcription(model, { language: "en", prompt: "ships" }),
        providerOptions: { cloudflare: { language: "en", initialPrompt: "ships" } },
        audio,
      });
      return Response.json({ text, segments, language });
    }
    case "sdk-reranking": {
      const documents = ["a cat", "the harbour at night", "night"];
      const { ranking } = await rerank({ model: provider.reranking(model), query: prompt, documents, topN: 2 });
      return Response.json(ranking.map(({ originalIndex, score }) => [originalIndex, score]));
    }
    case "image": {
      const image = await run({ prompt, steps: 4 });
      if (image instanceof ReadableStream) return new Response(image, { headers: { kind: "stream" } });
      return Response.json(image);
    }
    case "raw-image":
      return run({ prompt }, { returnRawResponse: true });
    case "image-form": {
      const form = new FormData();
      form.append("prompt", prompt);
      form.append("width", "16");
      form.append("height", "8");
      const { body, headers } = new Response(form);
      return Response.json(await run({ multipart: { body, contentType: headers.get("content-type") } }));
    }
    case "edit":
      return Response.json(await Promise.all(edits(url).map((inputs) => run({ prompt, ...inputs }).then(bytesOf, String))));
    case "edit-form": {
      const form = new FormData();
      form.append("prompt", prompt);
      for (const [name, value] of url.searchParams) {
        if (/^(input_image_\d|mask|other)$/.test(name)) form.append(name, new File([Uint8Array.fromBase64(value)], "a.png"));
      }
      const { body, headers } = new Response(form);
      return Response.json(await run({ multipart: { body, contentType: headers.get("content-type") } }).catch(String));
    }
    case "sdk-edit": {
      const [image, mask] = ["image", "mask"].map((name) => Uint8Array.fromBase64(url.searchParams.get(name)!));
      const made = await generateImage({ model: provider.image(model), prompt: { text: prompt, images: [image!], mask } });
      return Response.json(made.image.base64);
    }
    case "speech": {
      const said = await run({ prompt, lang: "en" });
      return said instanceof ReadableStream ? new Response(said, { headers: { kind: "stream" } }) : Response.json(said);
    }
    case "heard": {
      const bytes = await speak(env, prompt);
      const inputs = [Array.from(bytes), bytes.toBase64(), { body: bytes.toBase64(), contentType: AUDIO }, { body: new Response(bytes).body, contentType: AUDIO }];
      return Response.json(await Promise.all(inputs.map((audio) => run({ audio }))));
    }
    case "described":
      return Response.json(await run({ image: [0x89, 0x50, 0x4e, 0x47], prompt: "Count to 3" }));
    case "markdown": {
      const document = (name: string, text: string, type = "") => ({ name, blob: new Blob([text], { type }) });
      const page = document("a.html", "<title>T</title><header>no</header><h1>A</h1><ul><li><a href=/b>b</a></ul><table><tr><th>c<tr><td>d</table>");
      const html = { hostname: "a.test", cssSelector: "ul" };
      return Response.json([
        ...(await env.AI.toMarkdown([page])),
        await env.AI.toMarkdown(page, { conversionOptions: { html } }),
        await env.AI.toMarkdown().transform(page, { conversionOptions: { output: { format: "text" } } }),
        ...(await env.AI.toMarkdown([
          document("b.csv", 'a,"b,""c"""\r\n1,2|3\n4\n'),
          document("c", '{"a":1}', "application/json; charset=utf-8"),
          document("d.pdf", "%PDF", "application/pdf"),
        ])),
      ]);
    }
    case "web-fetch":
      return Response.json(await fetchWeb({ url: url.searchParams.get("url")! }, { binding: env.AI, allowPrivateHosts: true }));
    case "list":
      return Response.json([await env.AI.models(), await env.AI.models({ search: "none" })]);
    case "refused": {
      const refused = [{ prompt, image: ["a"] }, { prompt, width: 1 }, { text: "a", target_lang: "de" }, { prompt: "fail", width: 8, height: 8 }];
      return Response.json(await Promise.all(refused.map((inputs) => run(inputs).then(String, String))));
    }
    default:
      return new Response("Not found", { status: 404 });
  }
}
