// What `env.AI.run()` asks of a server that speaks OpenAI's API.

/**
 * One question. `bare` is what to ask when the server refuses something in `request` (400): the same without what OpenAI's
 * API, or a part of its models, has no word for.
 * @typedef {object} Asking
 * @property {{ path: string, type?: string, body: string | Uint8Array }} request
 * @property {Asking["request"]} [bare]
 * @property {boolean} [isNative] The answer is the server's own, which `returnRawResponse` gives as it is.
 * @property {(response: Response) => Promise<unknown>} toResult What `run()` gives; a `Response` stands for its body.
 */

export const absent = (what) => new Error(`${what} is not supported: Atoll asks a server that speaks OpenAI's API (\`model\` in atoll.jsonc).`);

export const defined = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

/** A request with this JSON. */
export const json = (path, body) => ({ path, type: "application/json", body: JSON.stringify(defined(body)) });
