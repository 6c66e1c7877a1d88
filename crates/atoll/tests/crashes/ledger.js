// What is hammered while it is killed: each object numbers what it is told, in one turn with a second copy of the sum.

import { DurableObject } from "cloudflare:workers";

export class Ledger extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS entries (client INTEGER, number INTEGER, note TEXT, PRIMARY KEY (client, number));
      CREATE TABLE IF NOT EXISTS calls (due INTEGER, rung INTEGER);
    `);
  }

  async add(client, number) {
    const note = "n".repeat(number % 20 === 0 ? 20_000 : 100);
    this.sql.exec("INSERT INTO entries VALUES (?, ?, ?)", client, number, note);
    const total = ((await this.ctx.storage.get("total")) ?? 0) + 1;
    this.ctx.storage.put("total", total);
    if (number % 5 === 0) {
      this.sql.exec("INSERT INTO calls (due) VALUES (?)", Date.now() + (number % 100));
      this.ctx.storage.setAlarm(this.next());
    }
    return total;
  }

  /** When the next call is due. */
  next() {
    return this.sql.exec("SELECT min(due) AS due FROM calls WHERE rung IS NULL").one().due;
  }

  async alarm() {
    const now = Date.now();
    this.sql.exec("UPDATE calls SET rung = ? WHERE rung IS NULL AND due <= ?", now, now);
    const next = this.next();
    if (next !== null) this.ctx.storage.setAlarm(next);
  }

  look() {
    return { total: this.ctx.storage.kv.get("total") ?? 0, count: this.count() };
  }

  count() {
    return this.sql.exec("SELECT count(*) AS count FROM entries").one().count;
  }

  /** Everything, once all calls that are due have come. */
  async all() {
    while (this.next() !== null) await scheduler.wait(20);
    const rows = this.sql.exec("SELECT client, number FROM entries ORDER BY client, number").raw().toArray();
    const check = this.sql.exec("PRAGMA quick_check").raw().toArray().flat();
    const early = this.sql.exec("SELECT count(*) AS count FROM calls WHERE rung < due").one().count;
    return { ...this.look(), rows, check, early };
  }
}

export default {
  async fetch(request, env) {
    const [, method, object, ...args] = new URL(request.url).pathname.split("/");
    try {
      return Response.json(await env.LEDGER.getByName(object)[method](...args.map(Number)));
    } catch ({ message, retryable, durableObjectReset }) {
      return Response.json({ message, retryable, durableObjectReset }, { status: 500 });
    }
  },
};
