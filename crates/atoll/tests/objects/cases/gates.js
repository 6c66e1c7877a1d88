// What may happen to an object while it waits: the input gate, blockConcurrencyWhile.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, thrown, wait } from "../support.js";

/** Waits between reading and writing of a counter. */
const pauses = {
  none: () => {},
  microtask: () => Promise.resolve(),
  microtasks: async () => {
    for (let i = 0; i < 50; i++) await null;
  },
  storage: ({ storage }) => storage.get("other"),
  "storage, several times": async ({ storage }) => {
    for (let i = 0; i < 3; i++) await storage.list();
  },
  sync: ({ storage }) => storage.sync(),
  timer: () => wait(2),
  fetch: ({ env }) => env.SELF.fetch("http://x/echo", { method: "POST", body: "x" }).then((response) => response.text()),
  object: ({ env, ctx }) => env.GATED.getByName(`${ctx.id.name} neighbour`).add("none"),
};

export class Gated extends DurableObject {
  log = [];
  storage = this.ctx.storage;

  async add(pause) {
    const count = (await this.storage.get("count")) ?? 0;
    await pauses[pause](this);
    await this.storage.put("count", count + 1);
    return count + 1;
  }

  async addBlocking(pause) {
    return this.ctx.blockConcurrencyWhile(() => this.add(pause));
  }

  addInMemory(pause) {
    return (async () => {
      const count = this.count ?? 0;
      await pauses[pause](this);
      this.count = count + 1;
      return this.count;
    })();
  }

  async addSync() {
    const { kv } = this.storage;
    kv.put("count", (kv.get("count") ?? 0) + 1);
    return kv.get("count");
  }

  note(text) {
    this.log.push(text);
  }

  notes() {
    return this.log;
  }

  async block(milliseconds) {
    this.log.push("block");
    const value = await this.ctx.blockConcurrencyWhile(async () => {
      this.log.push("section");
      await wait(milliseconds);
      this.log.push("section ends");
      return "from the section";
    });
    this.log.push("block ends");
    return value;
  }

  async nest() {
    return this.ctx.blockConcurrencyWhile(async () => {
      this.log.push("outer");
      const inner = await this.ctx.blockConcurrencyWhile(async () => {
        this.log.push("inner");
        await wait(2);
        return "inner value";
      });
      this.log.push("outer ends");
      return [inner];
    });
  }

  async twoSections() {
    const section = (name, milliseconds) =>
      this.ctx.blockConcurrencyWhile(async () => {
        this.log.push(`${name} starts`);
        await wait(milliseconds);
        this.log.push(`${name} ends`);
        return name;
      });
    return Promise.all([section("first", 3), section("second", 1)]);
  }

  async sections() {
    const { ctx } = this;
    return outcomes(
      () => ctx.blockConcurrencyWhile(() => 5),
      () => ctx.blockConcurrencyWhile(async () => {}),
      () => ctx.blockConcurrencyWhile(async (...given) => given.length),
      () => ctx.blockConcurrencyWhile(async () => ctx.storage.put("a", 1)),
      () => ctx.blockConcurrencyWhile(async () => ({ a: 1 })),
      () => Object.prototype.toString.call(ctx.blockConcurrencyWhile(async () => {})),
    );
  }

  async callsItself() {
    const own = this.env.GATED.get(this.ctx.id);
    return this.ctx.blockConcurrencyWhile(() => Promise.race([own.notes().then(() => "it was answered"), wait(20).then(() => "it waits")]));
  }

  async storageDuringTimers() {
    this.storage.put("a", 1);
    await wait(1);
    return this.storage.get("a");
  }

  async orderOfTimers() {
    const order = [];
    const timer = wait(0).then(() => order.push("timer"));
    const storage = this.storage.get("a").then(() => order.push("storage"));
    await Promise.all([timer, storage]);
    return order;
  }
}

/** Sends the same call ten times at once. */
const tenTimes = async (env, method, pause) => {
  const stub = newStub(env.GATED);
  const results = await Promise.all(Array.from({ length: 10 }, () => stub[method](pause)));
  return results.sort((a, b) => a - b);
};

export const gates = {
  "gates: reading and writing": ({ env }) => tenTimes(env, "add", "none"),
  "gates: microtasks between": async ({ env }) => [await tenTimes(env, "add", "microtask"), await tenTimes(env, "add", "microtasks")],
  "gates: storage between": async ({ env }) => [await tenTimes(env, "add", "storage"), await tenTimes(env, "add", "storage, several times")],
  "gates: a sync between": async ({ env }) => (await tenTimes(env, "add", "sync")).at(-1) < 10,
  "gates: a timer between": async ({ env }) => (await tenTimes(env, "add", "timer")).at(-1) < 10,
  "gates: a fetch between": async ({ env }) => (await tenTimes(env, "add", "fetch")).at(-1) < 10,
  "gates: another object between": async ({ env }) => (await tenTimes(env, "add", "object")).at(-1) < 10,
  "gates: memory, microtasks between": ({ env }) => tenTimes(env, "addInMemory", "microtasks"),
  "gates: memory, storage between": ({ env }) => tenTimes(env, "addInMemory", "storage"),
  "gates: synchronous writes": ({ env }) => tenTimes(env, "addSync"),
  "gates: sections with timers and fetches": async ({ env }) => [await tenTimes(env, "addBlocking", "timer"), await tenTimes(env, "addBlocking", "fetch"), await tenTimes(env, "addBlocking", "object")],
  "gates: a section keeps others out": async ({ env }) => {
    const stub = newStub(env.GATED);
    const blocking = stub.block(10);
    await Promise.all([stub.note("a"), stub.note("b")]);
    return [await blocking, await stub.notes()];
  },
  "gates: a section within a section": async ({ env }) => {
    const stub = newStub(env.GATED);
    const nesting = stub.nest();
    await stub.note("other");
    return [await nesting, await stub.notes()];
  },
  "gates: one section after the other": async ({ env }) => {
    const stub = newStub(env.GATED);
    return [await stub.twoSections(), await stub.notes()];
  },
  "gates: what sections give": ({ env }) => newStub(env.GATED).sections(),
  "gates: a section that calls its own object": ({ env }) => newStub(env.GATED).callsItself(),
  "gates: storage and timers": async ({ env }) => outcomes(() => newStub(env.GATED).storageDuringTimers(), () => newStub(env.GATED).orderOfTimers()),
  "gates: a call while another waits": async ({ env }) => {
    const stub = newStub(env.GATED);
    const slow = stub.add("timer");
    await stub.note("meanwhile");
    return [await stub.notes(), await slow];
  },
  "gates: an error while another waits": async ({ env }) => {
    const stub = newStub(env.GATED);
    const slow = stub.add("timer").catch(thrown);
    const failed = await stub.missing().catch(thrown);
    return [failed, await slow];
  },
};
