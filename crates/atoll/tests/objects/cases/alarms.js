// Alarms: setting, reading, deleting, and what happens when they come.

import { DurableObject } from "cloudflare:workers";
import { deferred, newStub, outcomes, plain, table, thrown } from "../support.js";

const FAR = Date.UTC(2100, 0, 1);

/** What the alarm handler does, by how the object's name begins. */
const handlers = {
  async again(object) {
    if (object.fired.length < 3) await object.ctx.storage.setAlarm(Date.now());
  },
  async fails(object, info) {
    if (info.retryCount === 0) {
      object.ctx.storage.kv.put("from the failed", 1);
      throw new Error("the first time");
    }
  },
  async writes({ ctx }) {
    ctx.storage.kv.put("from the alarm", 1);
  },
};

export class Clock extends DurableObject {
  fired = [];
  waiting = deferred();

  constructor(ctx, env) {
    super(ctx, env);
    if (ctx.id.name.startsWith("from the constructor")) ctx.storage.setAlarm(Date.now() - 1000);
  }

  async alarm(...given) {
    const [info] = given;
    this.infoKind = Object.prototype.toString.call(info);
    const kind = this.ctx.id.name.split(":")[0];
    this.fired.push({
      given: given.length,
      info: { ...info, scheduledTime: typeof info?.scheduledTime },
      pending: await this.ctx.storage.getAlarm(),
      asked: this.fired.length > 0 || info.scheduledTime === this.asked,
    });
    const wanted = kind === "again" ? 3 : kind === "fails" ? 2 : 1;
    try {
      await handlers[kind]?.(this, info);
    } finally {
      if (this.fired.length >= wanted) this.waiting.resolve();
    }
  }

  /** Waits for the alarm, and tells what it saw. */
  async heard() {
    await this.waiting.promise;
    return [this.fired, await this.ctx.storage.getAlarm(), Object.fromEntries(this.ctx.storage.kv.list())];
  }

  async kind() {
    await this.waiting.promise;
    return this.infoKind;
  }

  async set(offset) {
    this.asked = Date.now() + offset;
    await this.ctx.storage.setAlarm(this.asked);
  }

  async times() {
    const { storage } = this.ctx;
    const after = (time, options) => async () => {
      const given = await storage.setAlarm(time, options);
      const read = await storage.getAlarm();
      await storage.deleteAlarm();
      return [given, read];
    };
    return table({
      number: after(FAR),
      date: after(new Date(FAR)),
      fraction: after(FAR + 0.75),
      "with options": after(FAR, { allowConcurrency: true, allowUnconfirmed: true }),
      text: after(`${FAR}`),
      "text of a date": after("2100-01-01"),
      NaN: after(NaN),
      infinity: after(Infinity),
      negative: after(-5),
      zero: after(0),
      "bad date": after(new Date(NaN)),
      null: after(null),
      undefined: after(undefined),
      nothing: () => storage.setAlarm(),
      object: after({}),
      bigint: after(5n),
      "beyond dates": after(9e15),
    });
  }

  async reading() {
    const { storage } = this.ctx;
    return outcomes(
      () => storage.getAlarm(),
      () => storage.deleteAlarm(),
      () => storage.setAlarm(FAR),
      () => storage.getAlarm(),
      () => storage.setAlarm(FAR + 1),
      () => storage.getAlarm(),
      () => storage.getAlarm({ allowConcurrency: true }),
      () => storage.deleteAlarm(),
      () => storage.getAlarm(),
      () => storage.deleteAlarm(),
      () => storage.setAlarm(FAR) instanceof Promise,
      () => storage.deleteAlarm({ allowUnconfirmed: true }),
    );
  }

  async withoutWaiting() {
    const { storage } = this.ctx;
    storage.setAlarm(FAR);
    const first = storage.getAlarm();
    storage.deleteAlarm();
    return Promise.all([first, storage.getAlarm()]);
  }

  async transactions() {
    const { storage } = this.ctx;
    return outcomes(
      () =>
        storage.transaction(async (transaction) => {
          await transaction.setAlarm(FAR);
          return transaction.getAlarm();
        }),
      () => storage.getAlarm(),
      () =>
        storage.transaction(async (transaction) => {
          await transaction.setAlarm(FAR + 5);
          throw new Error("undo");
        }),
      () => storage.getAlarm(),
      () =>
        storage.transaction(async (transaction) => {
          await transaction.deleteAlarm();
          transaction.rollback();
        }),
      () => storage.getAlarm(),
      () =>
        storage.transactionSync(() => {
          storage.setAlarm(FAR + 7);
          throw new Error("undo");
        }),
      () => storage.getAlarm(),
    );
  }

  async deleteAll() {
    const { storage } = this.ctx;
    await storage.setAlarm(FAR);
    await storage.deleteAll();
    return storage.getAlarm();
  }

  async setAndDelete() {
    await this.ctx.storage.setAlarm(Date.now());
    await this.ctx.storage.deleteAlarm();
    return this.ctx.storage.getAlarm();
  }

  async firedSoFar() {
    return this.fired.length;
  }

  async pending() {
    return this.ctx.storage.getAlarm();
  }
}

const alarm = async (env, name, offset) => {
  const stub = newStub(env.CLOCK, `${name}:`);
  await stub.set(offset);
  return plain(await stub.heard());
};

export const alarms = {
  "alarms: times": ({ env }) => newStub(env.CLOCK).times(),
  "alarms: reading and deleting": ({ env }) => newStub(env.CLOCK).reading(),
  "alarms: without waiting": ({ env }) => newStub(env.CLOCK).withoutWaiting(),
  "alarms: in transactions": ({ env }) => newStub(env.CLOCK).transactions(),
  "alarms: deleteAll": ({ env }) => newStub(env.CLOCK).deleteAll(),
  "alarms: deleted before it comes": async ({ env }) => {
    const stub = newStub(env.CLOCK);
    const pending = await stub.setAndDelete();
    return [pending, await alarm(env, "plain", 20).then(() => stub.firedSoFar())];
  },
  "alarms: one comes": ({ env }) => alarm(env, "plain", 5),
  "alarms: what the handler is given": async ({ env }) => {
    const stub = newStub(env.CLOCK, "plain:");
    await stub.set(1);
    return stub.kind();
  },
  "alarms: in the past": ({ env }) => alarm(env, "plain", -10_000),
  "alarms: now": ({ env }) => alarm(env, "plain", 0),
  "alarms: one after the other": ({ env }) => alarm(env, "again", 1),
  "alarms: what it writes": ({ env }) => alarm(env, "writes", 1),
  "alarms: one that fails is tried again": ({ env }) => alarm(env, "fails", 1),
  "alarms: from the constructor": async ({ env }) => plain(await newStub(env.CLOCK, "from the constructor").heard()),
  "alarms: the last one set counts": async ({ env }) => {
    const stub = newStub(env.CLOCK, "plain:");
    await stub.set(FAR - Date.now());
    await stub.set(1);
    return [await stub.heard().then(plain), await stub.firedSoFar()];
  },
  "alarms: a class without a handler": async ({ env }) => {
    const stub = env.METHODS.getByName("has a handler");
    return outcomes(() => newStub(env.PROBE).fetch(`http://x/${encodeURIComponent("alarms: without a handler")}`).then((response) => response.json()), () => stub.echo(1));
  },
};

export const alarmsInside = {
  "alarms: without a handler": ({ storage }) => outcomes(() => storage.setAlarm(FAR), () => storage.getAlarm(), () => storage.deleteAlarm(), () => storage.setAlarm(new Date(FAR)).catch(thrown)),
};
