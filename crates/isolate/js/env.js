// The worker's `env`: one object for handlers, classes and `import { env } from "cloudflare:workers"`.

import { makeFetcher } from "./fetch.js";

export const env = {};

/** Defines one property of `env`. */
export function bind(name, kind, value) {
  env[name] = kind === "json" ? JSON.parse(value) : kind === "fetcher" ? makeFetcher(value) : value;
}

/** Defines one property of `env` as the value that it has. */
export function bindValue(name, value) {
  env[name] = value;
}
