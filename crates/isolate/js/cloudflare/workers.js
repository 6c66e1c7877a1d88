// `cloudflare:workers`.

import { currentEvent } from "../async_context.js";
import { env } from "../env.js";
import { defineInterface } from "../webidl.js";

export { env };

export class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

export class DurableObject {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

export class WorkflowEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

export class RpcTarget {}

for (const Class of [WorkerEntrypoint, DurableObject, WorkflowEntrypoint, RpcTarget]) defineInterface(Class);

/** Keeps the current event going until `promise` settles. */
export function waitUntil(promise) {
  const event = currentEvent();
  if (event === undefined) throw new Error("waitUntil() can only be called while an event is handled.");
  event.waitUntil(promise);
}
