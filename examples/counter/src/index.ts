import { DurableObject } from "cloudflare:workers";
import { page } from "./page";

interface Env {
  COUNTERS: DurableObjectNamespace<Counter>;
}

export type Day = { day: string; visits: number };

/** Counts the visits of one page, day by day. */
export class Counter extends DurableObject<Env> {
  private sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql.exec("create table if not exists days (day text primary key, visits integer not null)");
  }

  /** One more. Nothing else happens to this object meanwhile, so no visit is lost. */
  visit(): number {
    const today = new Date().toISOString().slice(0, 10);
    this.sql.exec(
      "insert into days values (?, 1) on conflict (day) do update set visits = visits + 1",
      today,
    );
    return this.sql.exec<{ total: number }>("select sum(visits) as total from days").one().total;
  }

  /** The latest days that had visits, the oldest first. */
  days(count: number): Day[] {
    return this.sql.exec<Day>("select day, visits from days order by day desc limit ?", count).toArray().reverse();
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/favicon.ico") return new Response(null, { status: 404 });
    const counter = env.COUNTERS.getByName(pathname);
    const total = await counter.visit();
    if (request.method === "POST") return new Response(`${total}\n`);
    return new Response(page(pathname, total, await counter.days(14)), {
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  },
} satisfies ExportedHandler<Env>;
