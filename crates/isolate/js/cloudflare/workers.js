// `cloudflare:workers`.

import { currentEvent } from "../async_context.js";
import { env } from "../env.js";
import { exports } from "../loopback.js";
import { RpcPromise, RpcProperty, RpcStub } from "../rpc/stubs.js";
import { RpcTarget } from "../rpc/target.js";
import { defineInterface } from "../webidl.js";

export { env, exports, RpcPromise, RpcProperty, RpcStub, RpcTarget };

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

for (const Class of [WorkerEntrypoint, DurableObject, WorkflowEntrypoint]) defineInterface(Class);

/** Keeps the current event going until `promise` settles. */
export function waitUntil(promise) {
  const event = currentEvent();
  if (event === undefined) throw new Error("waitUntil() can only be called while an event is handled.");
  event.waitUntil(promise);
}
