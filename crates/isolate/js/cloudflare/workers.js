// `cloudflare:workers`.

import { currentEvent } from "../async_context.js";
import { env } from "../env.js";
import { Fetcher as ServiceStub } from "../fetch.js";
import { exports } from "../loopback.js";
import { partsOfStub } from "../objects/namespace.js";
import { RpcPromise, RpcProperty, RpcStub } from "../rpc/stubs.js";
import { RpcTarget } from "../rpc/target.js";
import { defineInterface } from "../webidl.js";

export { env, exports, RpcPromise, RpcProperty, RpcStub, RpcTarget, ServiceStub };

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

// In Workers the class of objects' stubs derives from this one. Here it derives from what answers for every name.
const isOf = Function.prototype[Symbol.hasInstance];
Object.defineProperty(ServiceStub, Symbol.hasInstance, {
  value(value) {
    return isOf.call(this, value) || (this === ServiceStub && partsOfStub(value) !== undefined);
  },
});

/** Keeps the current event going until `promise` settles. */
export function waitUntil(promise) {
  const event = currentEvent();
  if (event === undefined) throw new Error("waitUntil() can only be called while an event is handled.");
  event.waitUntil(promise);
}
