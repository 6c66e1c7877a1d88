// The life of an object: constructors, what memory keeps, abort, errors that end it.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, table, thrown, wait } from "../support.js";

/** How often the constructor of each object ran. */
const constructed = new Map();

/** What constructors do, by how the object's name begins. */
const constructors = {
  throws(_object, times) {
    if (times < 3) throw new RangeError(`constructor ${times}`);
  },
  "throws always"() {
    throw new Error("never");
  },
  "throws text"() {
    throw "text";
  },
  blocks(object) {
    object.log.push("constructor");
    object.ctx.blockConcurrencyWhile(async () => {
      object.log.push("section");
      object.value = await object.ctx.storage.get("value");
      await wait(5);
      object.log.push("section ends");
    });
    object.log.push("constructor ends");
  },
  "blocks and throws"(object, times) {
    object.ctx.blockConcurrencyWhile(async () => {
      await object.ctx.storage.get("value");
      if (times < 2) throw new TypeError("section");
    });
  },
  "blocks at once and throws"(object, times) {
    object.ctx.blockConcurrencyWhile(() => {
      if (times < 2) throw new TypeError("at once");
    });
  },
  "does not wait"(object) {
    object.ready = object.ctx.storage.get("value").then(() => object.log.push("read"));
    object.log.push("constructor ends");
  },
  writes(object) {
    object.ctx.storage.sql.exec("create table if not exists made (times)");
    object.ctx.storage.sql.exec("insert into made values (1)");
  },
  "writes and throws"(object, times) {
    object.ctx.storage.kv.put(`time ${times}`, times);
    if (times < 2) throw new Error("after writing");
  },
  aborts(object, times) {
    if (times < 2) object.ctx.abort("in the constructor");
  },
  waits(object) {
    object.ctx.waitUntil(wait(1).then(() => object.log.push("waited")));
  },
  fetches(object) {
    object.ctx.blockConcurrencyWhile(async () => {
      object.log.push(await (await object.env.SELF.fetch("http://x/echo", { method: "POST", body: "fetched" })).text());
    });
  },
  returns(object) {
    object.ctx.blockConcurrencyWhile(async () => 5).then((value) => object.log.push(value));
  },
};

const steps = {
  log: ({ log }) => log,
  value: (object) => [object.value],
  times: ({ times }) => times,
  remember: (object, value) => {
    object.memory = value;
    return object.memory;
  },
  recall: (object) => [object.memory],
  write: ({ ctx }, value) => ctx.storage.kv.put("value", value),
  read: ({ ctx }) => [ctx.storage.kv.get("value")],
  all: ({ ctx }) => Object.fromEntries(ctx.storage.kv.list()),
  rows: ({ ctx }) => ctx.storage.sql.exec("select count(*) as n from made").one().n,
  abort: ({ ctx }, reason) => ctx.abort(reason),
  "abort without a reason": ({ ctx }) => ctx.abort(),
  "abort with an error": ({ ctx }) => ctx.abort(new RangeError("mine")),
  "abort with options": ({ ctx }) => ctx.abort("options", { retryAlarm: false }),
  "write and abort": ({ ctx }) => {
    ctx.storage.kv.put("value", "in the same turn");
    ctx.abort("after writing");
  },
  "write, wait and abort": async ({ ctx }) => {
    ctx.storage.kv.put("value", "synced");
    await ctx.storage.sync();
    ctx.abort("after syncing");
  },
  "write and throw": ({ ctx }) => {
    ctx.storage.kv.put("value", "before an error");
    throw new Error("after writing");
  },
  "abort and catch": ({ ctx }) => {
    try {
      ctx.abort("caught");
    } catch (error) {
      return thrown(error);
    }
  },
  // Kept, so that nobody can say that it will never end.
  "wait for ever": (object) => new Promise((resolve) => (object.resolve = resolve)),
  "wait a while": async () => {
    await wait(20);
    return "waited";
  },
  "abort later": ({ ctx }) => {
    setTimeout(() => ctx.abort("later"), 1);
    return "scheduled";
  },
  "throw later": () => {
    setTimeout(() => {
      throw new Error("nobody catches");
    }, 1);
    return "scheduled";
  },
  "reject later": () => {
    Promise.reject(new Error("nobody catches"));
    return "rejected";
  },
  "reject in waitUntil": ({ ctx }) => {
    ctx.waitUntil(Promise.reject(new Error("nobody waits")));
    return "going on";
  },
  "later, in waitUntil": (object) => {
    object.ctx.waitUntil(wait(5).then(() => object.log.push("done later")));
    return "now";
  },
  "later, in a timer": (object) => {
    setTimeout(() => object.log.push("timer"), 5);
    return "now";
  },
  "block and throw": ({ ctx }) =>
    ctx.blockConcurrencyWhile(async () => {
      throw new TypeError("in a section");
    }),
  "block, throw and catch": async ({ ctx }) => {
    try {
      await ctx.blockConcurrencyWhile(async () => {
        throw new TypeError("in a section");
      });
    } catch (error) {
      return thrown(error);
    }
  },
};

export class Fickle extends DurableObject {
  log = [];

  constructor(ctx, env) {
    super(ctx, env);
    const { name } = ctx.id;
    this.times = (constructed.get(name) ?? 0) + 1;
    constructed.set(name, this.times);
    constructors[name.split(":")[0]]?.(this, this.times);
  }

  async fetch(request) {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const given = request.method === "POST" ? await request.text() : undefined;
    return Response.json((await steps[name](this, given)) ?? null);
  }

  async step(name, given) {
    return steps[name](this, given);
  }
}

const step = async (stub, name, body) => (await stub.fetch(`http://x/${encodeURIComponent(name)}`, body === undefined ? {} : { method: "POST", body })).json();

/** Steps on one object, through one stub or a new one each. */
const each = (env, name, ...names) => {
  const stub = newStub(env.FICKLE, `${name}:`);
  return outcomes(...names.map((name) => () => step(stub, name)));
};
const eachAnew = (env, name, ...names) => {
  const { id } = newStub(env.FICKLE, `${name}:`);
  return outcomes(...names.map((name) => () => step(env.FICKLE.get(id), name)));
};

export const lives = {
  "lives: memory stays": async ({ env }) => {
    const stub = newStub(env.FICKLE, "calm:");
    return outcomes(() => step(stub, "remember", "a"), () => step(stub, "recall"), () => step(env.FICKLE.get(stub.id), "recall"), () => step(stub, "times"));
  },
  "lives: a constructor that throws": ({ env }) => eachAnew(env, "throws", "log", "times", "times", "times"),
  "lives: a constructor that throws, one stub": ({ env }) => each(env, "throws", "log", "times", "times", "times"),
  "lives: a constructor that always throws": ({ env }) => eachAnew(env, "throws always", "log", "log"),
  "lives: a constructor that throws text": ({ env }) => eachAnew(env, "throws text", "log", "log"),
  "lives: a constructor that throws, to a method": async ({ env }) => {
    const { id } = newStub(env.FICKLE, "throws:");
    return outcomes(() => env.FICKLE.get(id).step("times"), () => env.FICKLE.get(id).step("times"), () => env.FICKLE.get(id).step("times"));
  },
  "lives: a constructor that throws, to many": async ({ env }) => {
    const { id } = newStub(env.FICKLE, "throws always:");
    return Promise.all(Array.from({ length: 3 }, () => step(env.FICKLE.get(id), "times").catch(thrown)));
  },
  "lives: a constructor that blocks": ({ env }) => each(env, "blocks", "log", "value"),
  "lives: a section in a constructor that throws": ({ env }) => eachAnew(env, "blocks and throws", "times", "times"),
  "lives: a section that throws at once": ({ env }) => eachAnew(env, "blocks at once and throws", "times", "times"),
  "lives: a constructor that does not wait": ({ env }) => each(env, "does not wait", "log"),
  "lives: a constructor that writes": ({ env }) => each(env, "writes", "rows", "rows"),
  "lives: a constructor that writes and throws": ({ env }) => eachAnew(env, "writes and throws", "all", "all"),
  "lives: a constructor that aborts": ({ env }) => eachAnew(env, "aborts", "times", "times"),
  "lives: a constructor that fetches": ({ env }) => each(env, "fetches", "log"),
  "lives: what a section gives": ({ env }) => each(env, "returns", "log"),

  "lives: abort": ({ env }) => eachAnew(env, "calm", "write", "abort without a reason", "times", "read"),
  "lives: abort, one stub": ({ env }) => each(env, "calm", "abort without a reason", "times", "times"),
  "lives: abort with a reason": async ({ env }) => {
    const stub = newStub(env.FICKLE, "calm:");
    return outcomes(() => step(stub, "abort", "enough"), () => step(env.FICKLE.get(stub.id), "times"));
  },
  "lives: abort with other things": ({ env }) => eachAnew(env, "calm", "abort with an error", "times", "abort with options", "times", "abort and catch", "times"),
  "lives: abort, to a method": async ({ env }) => {
    const { id } = newStub(env.FICKLE, "calm:");
    return outcomes(() => env.FICKLE.get(id).step("abort", "enough"), () => env.FICKLE.get(id).step("times"));
  },
  "lives: what was written before abort": ({ env }) => table({ "same turn": () => eachAnew(env, "calm", "write and abort", "read"), synced: () => eachAnew(env, "calm", "write, wait and abort", "read") }),
  "lives: what was written before an error": ({ env }) => eachAnew(env, "calm", "write and throw", "read", "times"),
  "lives: abort ends what waits": async ({ env }) => {
    const { id } = newStub(env.FICKLE, "calm:");
    const waiting = step(env.FICKLE.get(id), "wait for ever").catch(thrown);
    await step(env.FICKLE.get(id), "times");
    const aborting = await step(env.FICKLE.get(id), "abort", "enough").catch(thrown);
    return [aborting, await waiting].map((text) => text.replace(" remote", ""));
  },
  "lives: abort from a timer": async ({ env }) => {
    const { id } = newStub(env.FICKLE, "calm:");
    const waiting = step(env.FICKLE.get(id), "wait for ever").catch(thrown);
    return [await step(env.FICKLE.get(id), "abort later"), (await waiting).replace(" remote", ""), await step(env.FICKLE.get(id), "times")];
  },
  "lives: errors that nobody catches": async ({ env }) => {
    const stub = newStub(env.FICKLE, "calm:");
    return outcomes(() => step(stub, "throw later"), () => step(stub, "wait a while"), () => step(stub, "reject later"), () => step(stub, "reject in waitUntil"), () => step(stub, "times"));
  },
  "lives: work after the answer": async ({ env }) => {
    const stub = newStub(env.FICKLE, "calm:");
    return outcomes(() => step(stub, "later, in waitUntil"), () => step(stub, "later, in a timer"), () => step(stub, "wait a while"), () => step(stub, "log"));
  },
  "lives: waitUntil in a constructor": async ({ env }) => each(env, "waits", "log", "wait a while", "log"),
  "lives: a section that throws": ({ env }) => eachAnew(env, "calm", "block and throw", "times", "block, throw and catch", "times"),
};
