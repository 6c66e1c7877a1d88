// The AI binding (https://developers.cloudflare.com/workers-ai/configuration/bindings/), before any server that speaks
// OpenAI's API: the host knows where that is, has the key, and reads streamed answers on its own account.

import { makeFetcher } from "./fetch.js";
import { Headers } from "./headers.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { URL } from "./url.js";
import { defineInterface, illegalConstructor } from "./webidl.js";

const token = Symbol("Ai");
/** Where the binding's own `fetch()` goes, as in Workers. */
const ORIGIN = "https://workers-binding.ai";
const CHAT = "/v1/chat/completions";
const EMBEDDINGS = "/v1/embeddings";
const OPENAI = new Set([CHAT, "/v1/responses", EMBEDDINGS]);
/** Inputs of models that OpenAI's chat, responses and embeddings have nothing for. */
const OTHER = ["image", "audio", "contexts", "query", "source_lang", "target_lang"];

const absent = (what) => new Error(`${what} is not supported: Atoll asks a server that speaks OpenAI's API (\`model\` in atoll.jsonc).`);

/** What Workers AI throws when a model's server answers with an error. */
class InferenceUpstreamError extends Error {
  name = "InferenceUpstreamError";
}

const defined = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

/** Workers AI also takes tools without OpenAI's wrapping. */
const toTool = (tool) => (tool?.type === undefined && tool?.name !== undefined ? { type: "function", function: tool } : tool);

/** The endpoint and the body for these inputs. */
function toRequest(model, inputs, openaiEndpoint) {
  if (openaiEndpoint !== undefined) {
    if (!OPENAI.has(openaiEndpoint)) throw absent(`env.AI.run() with the request format of ${openaiEndpoint}`);
    return [openaiEndpoint, defined({ ...inputs, model })];
  }
  if (inputs.requests !== undefined) throw absent("env.AI.run() with a batch of requests");
  if (Array.isArray(inputs.messages)) {
    const tools = Array.isArray(inputs.tools) ? inputs.tools.map(toTool) : undefined;
    return [CHAT, defined({ ...inputs, tools, model })];
  }
  const other = OTHER.find((name) => inputs[name] !== undefined);
  if (other !== undefined) throw absent(`env.AI.run() with \`${other}\``);
  if (typeof inputs.prompt === "string") {
    const { prompt, ...rest } = inputs;
    return [CHAT, defined({ ...rest, model, messages: [{ role: "user", content: prompt }] })];
  }
  if (inputs.input !== undefined) return ["/v1/responses", defined({ ...inputs, model })];
  if (inputs.text !== undefined) return [EMBEDDINGS, { model, input: inputs.text }];
  throw new TypeError("env.AI.run() needs `messages`, `prompt`, `input` or `text`.");
}

/** An answer as Workers AI gives it. */
function toResult(endpoint, answer) {
  if (endpoint === EMBEDDINGS && Array.isArray(answer.data)) {
    const data = answer.data.map(({ embedding }) => embedding);
    return { shape: [data.length, data[0]?.length ?? 0], data, pooling: "cls", usage: answer.usage };
  }
  const message = answer.choices?.[0]?.message;
  return message === undefined ? answer : { response: message.content ?? "", ...answer };
}

/** The gateway of this name: it passes requests on to the one server that there is. */
class AiGateway {
  #ai;
  #id;

  constructor(key, ai, id) {
    if (key !== token) throw illegalConstructor();
    this.#ai = ai;
    this.#id = id;
  }

  /** Asks one after the other until one answers. */
  run(data, options = undefined) {
    const entries = Array.isArray(data) ? data : [data];
    const ask = (step) => {
      const { provider, endpoint, query } = entries[step];
      const url = `${ORIGIN}/ai-gateway/gateways/${encodeURIComponent(this.#id)}/${provider}/${endpoint}`;
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(query) };
      return this.#ai.fetch(url, { ...init, signal: options?.signal }).then((response) => {
        if (!response.ok && step < entries.length - 1) return ask(step + 1);
        const headers = new Headers(response.headers);
        headers.set("cf-aig-step", String(step));
        return new Response(response.body, { status: response.status, headers });
      });
    };
    return Promise.try(() => {
      if (entries.length === 0) throw new TypeError("AiGateway.run() needs a request.");
      return ask(0);
    });
  }

  async getUrl() {
    throw absent("AiGateway.getUrl()");
  }
  async getLog() {
    throw absent("AiGateway.getLog()");
  }
  async patchLog() {
    throw absent("AiGateway.patchLog()");
  }
}
defineInterface(AiGateway, { receiver: true });

/** `env.AI` */
export class Ai {
  #fetcher;
  /** No gateway keeps a log here. */
  aiGatewayLogId = null;
  lastRequestId = null;
  lastRequestHttpStatusCode = null;

  constructor(key, capability) {
    if (key !== token) throw illegalConstructor();
    this.#fetcher = makeFetcher(capability);
  }

  // What follows a call is a reaction, not the rest of an async function: reactions run for the same event.

  /** What the host answers at the binding's own address. */
  fetch(input, init = undefined) {
    return Promise.try(() => {
      const request = new Request(input, init);
      const { origin, pathname } = new URL(request.url);
      if (origin !== ORIGIN) throw new TypeError(`The AI binding fetches from ${ORIGIN} only, not from ${origin}.`);
      return this.#fetcher.fetch(request).then((response) => {
        const id = response.headers.get("cf-aig-run-id");
        if (id !== null && !pathname.endsWith("/cancel")) {
          // An isolate that is gone wants the rest later. Only who says so does not want it.
          init?.signal?.addEventListener("abort", () => this.#cancel(id), { once: true });
        }
        this.lastRequestHttpStatusCode = response.status;
        return response;
      });
    });
  }

  #cancel(id) {
    this.#fetcher.fetch(`${ORIGIN}/ai-gateway/gateways/default/run/${id}/cancel`, { method: "POST" }).catch(() => {});
  }

  run(model, inputs, options = undefined) {
    return Promise.try(() => this.#run(model, inputs, options ?? {}));
  }

  #run(model, inputs, { openaiEndpoint, returnRawResponse, extraHeaders, signal, websocket, queueRequest }) {
    if (typeof model !== "string") throw new TypeError("env.AI.run() needs the name of a model.");
    if (typeof inputs !== "object" || inputs === null) throw new TypeError("env.AI.run() needs inputs.");
    if (websocket) throw absent("env.AI.run() over a WebSocket");
    if (queueRequest) throw absent("env.AI.run() with a queue");
    const [endpoint, body] = toRequest(model, inputs, openaiEndpoint);
    const init = {
      method: "POST",
      headers: { ...extraHeaders, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    };
    return this.fetch(ORIGIN + endpoint, init).then((response) => {
      const isNative = openaiEndpoint === undefined && response.ok;
      if (returnRawResponse && !(isNative && endpoint === EMBEDDINGS)) return response;
      if (!response.ok) {
        return response.text().then((text) => {
          throw new InferenceUpstreamError(text);
        });
      }
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) return response.body;
      return response.json().then((answer) => {
        const result = isNative ? toResult(endpoint, answer) : answer;
        return returnRawResponse ? Response.json(result) : result;
      });
    });
  }

  gateway(id) {
    return new AiGateway(token, this, String(id));
  }

  async models() {
    throw absent("env.AI.models()");
  }
  async toMarkdown() {
    throw absent("env.AI.toMarkdown()");
  }
  aiSearch() {
    throw absent("env.AI.aiSearch()");
  }
  autorag() {
    throw absent("env.AI.autorag()");
  }
}
defineInterface(Ai, { receiver: true });

/** The value of an AI binding. @param {number} capability */
export const makeAi = (capability) => new Ai(token, capability);
