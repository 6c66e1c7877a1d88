// The worker's own entrypoints, and what those learn who follow a worker that is called.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { outcomes } from "./support.js";

const told = [];

export class Follower extends WorkerEntrypoint {
  tail(items) {
    told.push(...items);
  }
}

export class Plain extends DurableObject {}

const FOLLOWED = `
import { WorkerEntrypoint } from "cloudflare:workers";
export class Methods extends WorkerEntrypoint {
  add(a, b) { return a + b; }
  fail() { throw new TypeError("at once"); }
  async failLater() { await scheduler.wait(1); throw new TypeError("later"); }
  failAtText() { throw "text"; }
  get property() { throw new RangeError("property"); }
  return() { return new WeakMap(); }
  log() { console.log("said"); throw new Error("after that"); }
  leave() { this.ctx.waitUntil(Promise.reject(new Error("left"))); throw new Error("thrown"); }
}
export default { fetch() { throw new RangeError("request"); } };
`;

async function trace(work) {
  try {
    await work();
  } catch {
    // What the caller gets is another case.
  }
  while (told.length === 0) await scheduler.wait(1);
  const [{ event, outcome, exceptions, logs }] = told.splice(0);
  return [event?.rpcMethod, outcome, exceptions.map(({ name, message }) => `${name}: ${message}`), logs.length];
}

export const cases = {
  "tails: calls": async ({ env, ctx }) => {
    const worker = env.LOADER.get("followed", () => ({
      compatibilityDate: "2026-06-11",
      mainModule: "main.js",
      modules: { "main.js": FOLLOWED },
      tails: [ctx.exports.Follower({})],
    }));
    const methods = worker.getEntrypoint("Methods");
    const works = [
      () => methods.add(1, 2),
      () => methods.fail(),
      () => methods.failLater(),
      () => methods.failAtText(),
      () => methods.property,
      () => methods.return(),
      () => methods.log(),
      () => methods.leave(),
      () => methods.absent(),
      () => worker.getEntrypoint().fetch("http://followed/"),
    ];
    const traces = [];
    for (const work of works) traces.push(await trace(work));
    return traces;
  },
  "exports: called": ({ ctx }) => {
    const given = [[], [undefined], [null], [1], ["text"], [true], [{}], [[]], [{}, 1]];
    for (const props of [undefined, null, 1, "text", {}, [1]]) given.push([{ props }]);
    const made = (name) => given.map((args) => () => typeof ctx.exports[name](...args));
    return outcomes(...made("Follower"), ...made("Plain"), ...made("default"));
  },
};
