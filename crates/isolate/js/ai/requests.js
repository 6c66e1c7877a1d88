// What `env.AI.run()` asks of a server that speaks OpenAI's API, and what is made of its answer.
//
// Workers AI knows by a model's name what it is for. Here it is the inputs that say it, and the name where they do not.

import { absent, json } from "./asking.js";
import { toImage, toImageUrl } from "./images.js";
import { toSpeech, toTranscription } from "./media.js";

export const CHAT = "/v1/chat/completions";
export const RESPONSES = "/v1/responses";
export const EMBEDDINGS = "/v1/embeddings";
const RERANK = "/v1/rerank";

/** Inputs of models that OpenAI's API has nothing for. */
const OTHER = ["input_text", "source_lang", "target_lang", "target_language", "dtype"];
/** Models for what OpenAI's API has nothing for, whose inputs look like those of others. */
const OTHER_MODELS = /distilbert|resnet|detr-|smart-turn|deepgram\/flux/;
const IMAGE_MODELS = /flux-|stable-diffusion|dreamshaper|\/leonardo\/|gpt-image|dall-e|imagen-|nano-banana/;
const IMAGE_INPUTS = ["width", "height", "num_steps", "negative_prompt", "guidance", "multipart", "image_b64", "mask", "strength"];
const SPEECH_MODELS = /\/aura-|melotts|tts/;
const DESCRIBING_MODELS = /llava|uform/;

/** Workers AI also takes tools without OpenAI's wrapping. */
const toTool = (tool) => (tool?.type === undefined && tool?.name !== undefined ? { type: "function", function: tool } : tool);

/** @returns {import("./asking.js").Asking} A conversation, or one that begins and ends with a prompt. */
function toChat(model, inputs) {
  const { prompt, image, ...rest } = inputs;
  const messages = Array.isArray(inputs.messages) ? inputs.messages : [{ role: "user", content: prompt ?? "Describe this image." }];
  const tools = Array.isArray(inputs.tools) ? inputs.tools.map(toTool) : undefined;
  const isDescription = DESCRIBING_MODELS.test(model);
  return {
    request: json(CHAT, { ...rest, tools, model, messages: image === undefined ? messages : withImage(messages, image) }),
    isNative: true,
    toResult: (response) =>
      response.json().then((answer) => {
        const message = answer.choices?.[0]?.message;
        if (message === undefined) return answer;
        const text = message.content ?? "";
        return isDescription ? { description: text, ...answer } : { response: text, ...answer };
      }),
  };
}

/** The last message of the user, which the picture belongs to. */
function withImage(messages, image) {
  const at = messages.findLastIndex(({ role }) => role === "user");
  if (at < 0) throw new TypeError("env.AI.run() with `image` needs a message of the user.");
  const { content } = messages[at];
  const parts = Array.isArray(content) ? content : [{ type: "text", text: content }];
  const picture = { type: "image_url", image_url: { url: toImageUrl(image) } };
  return messages.with(at, { ...messages[at], content: [...parts, picture] });
}

/** @returns {import("./asking.js").Asking} */
function toEmbeddings(model, { text }) {
  return {
    request: json(EMBEDDINGS, { model, input: text }),
    toResult: (response) =>
      response.json().then((answer) => {
        if (!Array.isArray(answer.data)) return answer;
        const data = answer.data.map(({ embedding }) => embedding);
        return { shape: [data.length, data[0]?.length ?? 0], data, pooling: "cls", usage: answer.usage };
      }),
  };
}

/** @returns {import("./asking.js").Asking} As Jina, Cohere and vLLM have it: OpenAI has no such thing. */
function toRanking(model, { query, contexts, top_k: top }) {
  if (typeof query !== "string" || !Array.isArray(contexts)) throw new TypeError("env.AI.run() ranks `contexts` by a `query`.");
  const documents = contexts.map((context) => context?.text ?? "");
  return {
    request: json(RERANK, { model, query, documents, top_n: top }),
    toResult: (response) =>
      response.json().then((answer) => {
        if (!Array.isArray(answer.results)) throw new Error("The server of models ranked nothing: its answer has no `results`.");
        return { response: answer.results.map(({ index, relevance_score: score }) => ({ id: index, score })) };
      }),
  };
}

/** @returns {import("./asking.js").Asking | Promise<import("./asking.js").Asking>} */
export function toRequest(model, inputs, openaiEndpoint) {
  if (openaiEndpoint !== undefined) {
    if (![CHAT, RESPONSES, EMBEDDINGS].includes(openaiEndpoint)) throw absent(`env.AI.run() with the request format of ${openaiEndpoint}`);
    return { request: json(openaiEndpoint, { ...inputs, model }), isNative: true, toResult: (response) => response.json() };
  }
  if (inputs.requests !== undefined) throw absent("env.AI.run() with a batch of requests");
  const other = OTHER.find((name) => inputs[name] !== undefined);
  if (other !== undefined) throw absent(`env.AI.run() with \`${other}\``);
  if (OTHER_MODELS.test(model)) throw absent(`env.AI.run() of ${model}`);
  if (Array.isArray(inputs.messages)) return toChat(model, inputs);
  if (inputs.audio !== undefined) return toTranscription(model, inputs);
  if (inputs.contexts !== undefined || inputs.query !== undefined) return toRanking(model, inputs);
  if (IMAGE_MODELS.test(model) || IMAGE_INPUTS.some((name) => inputs[name] !== undefined)) return toImage(model, inputs);
  if (SPEECH_MODELS.test(model)) return toSpeech(model, inputs);
  if (typeof inputs.prompt === "string" || inputs.image !== undefined) return toChat(model, inputs);
  if (inputs.input !== undefined) {
    return { request: json(RESPONSES, { ...inputs, model }), isNative: true, toResult: (response) => response.json() };
  }
  if (inputs.text !== undefined) return toEmbeddings(model, inputs);
  throw new TypeError("env.AI.run() needs `messages`, `prompt`, `input`, `text`, `audio`, `image` or `query` and `contexts`.");
}
