// The AI binding (https://developers.cloudflare.com/workers-ai/configuration/bindings/), before any server that speaks
// OpenAI's API: the host knows where that is, has the key, and reads streamed answers on its own account.

import { absent } from "./ai/asking.js";
import { makeService } from "./ai/markdown.js";
import { toRequest } from "./ai/requests.js";
import { makeFetcher } from "./fetch.js";
import { Headers } from "./headers.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { URL } from "./url.js";
import { defineInterface, illegalConstructor } from "./webidl.js";

const token = Symbol("Ai");
/** Where the binding's own `fetch()` goes, as in Workers. */
const ORIGIN = "https://workers-binding.ai";
/** How many models `models()` gives at once when it is not told. */
const MODELS_PER_PAGE = 50;

/** What Workers AI throws when a model's server answers with an error. */
class InferenceUpstreamError extends Error {
  name = "InferenceUpstreamError";
}

const failed = (response, path) =>
  response.text().then((text) => {
    const [, endpoint] = /^\/v1\/([^?]*)/.exec(path);
    const isAbsent = response.status === 404 || response.status === 405;
    const hint = `The server of models has no such model, or nothing at ${endpoint} (${response.status}). It says: `;
    throw new InferenceUpstreamError(isAbsent ? hint + text : text);
  });

/** A model in the form of Workers AI's catalogue, with nothing in it that OpenAI's list does not say. */
const toModel = ({ id, owned_by: owner }) => ({
  id,
  source: 0,
  name: id,
  description: "",
  task: { id: "", name: "", description: "" },
  tags: [],
  properties: owner === undefined ? [] : [{ property_id: "owned_by", value: owner }],
});

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
    const ask = ({ request, bare, isNative, toResult }) =>
      this.#ask(request, extraHeaders, signal)
        .then((response) => (response.status === 400 && bare !== undefined ? this.#ask(bare, extraHeaders, signal) : response))
        .then((response) => {
          if (returnRawResponse && (isNative || !response.ok)) return response;
          if (!response.ok) return failed(response, request.path);
          if (response.headers.get("content-type")?.startsWith("text/event-stream")) return response.body;
          return toResult(response).then((result) => {
            if (returnRawResponse) return result instanceof Response ? result : Response.json(result);
            return result instanceof Response ? result.body : result;
          });
        });
    const asking = toRequest(model, inputs, openaiEndpoint);
    return asking instanceof Promise ? asking.then(ask) : ask(asking);
  }

  #ask({ path, type, body }, extraHeaders, signal) {
    return this.fetch(ORIGIN + path, { method: "POST", headers: { ...extraHeaders, "content-type": type }, body, signal });
  }

  gateway(id) {
    return new AiGateway(token, this, String(id));
  }

  /** What the server lists. It does not say what its models are for. */
  models(params = undefined) {
    return Promise.try(() => {
      const { author, search, page = 1, per_page: size = MODELS_PER_PAGE, ...rest } = params ?? {};
      const other = ["task", "source"].find((name) => rest[name] !== undefined);
      if (other !== undefined) throw absent(`env.AI.models() by \`${other}\``);
      return this.fetch(`${ORIGIN}/v1/models`).then((response) => {
        if (!response.ok) return failed(response, "/v1/models");
        return response.json().then(({ data }) => {
          const wanted = data.filter(
            ({ id, owned_by: owner }) => (author === undefined || owner === author) && (search === undefined || id.includes(search)),
          );
          return wanted.slice((page - 1) * size, page * size).map(toModel);
        });
      });
    });
  }
  toMarkdown(files = undefined, options = undefined) {
    const service = makeService();
    return files === undefined ? service : service.transform(files, options);
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
