// Durable Objects that are measured, behind paths that each do one thing.
import { DurableObject } from "cloudflare:workers";

const ROWS = 100_000;
const AT_ONCE = 32;

export class Bench extends DurableObject {
  #calls = 0;

  call() {
    return ++this.#calls;
  }

  hit() {
    const { sql } = this.ctx.storage;
    if (this.#calls++ === 0) sql.exec("create table if not exists hits (id integer primary key, count integer not null)");
    return sql.exec("insert into hits values (1, 1) on conflict (id) do update set count = count + 1 returning count").one().count;
  }

  begin() {
    this.ctx.storage.sql.exec("create table things (id integer primary key, name text); insert into things values (1, 'first')");
  }

  rows() {
    const { sql } = this.ctx.storage;
    sql.exec("drop table if exists rows; create table rows (id integer primary key, name text, size real)");
    for (let id = 1; id <= ROWS; id++) sql.exec("insert into rows values (?, ?, ?)", id, `name ${id}`, id / 3);
    let seen = 0;
    for (const { id, name } of sql.exec("select id, name, size from rows")) if (name.length > 5 && id > 0) seen++;
    return seen;
  }

  rowsInSql() {
    const { sql } = this.ctx.storage;
    sql.exec("drop table if exists rows; create table rows (id integer primary key, name text, size real)");
    sql.exec(`insert into rows with recursive ids (id) as (select 1 union all select id + 1 from ids where id < ${ROWS})
      select id, 'name ' || id, id / 3.0 from ids`);
    return sql.exec("select count(*) as seen from rows where length(name) > 5 and size > 0").one().seen;
  }

  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(_socket, message) {
    for (const socket of this.ctx.getWebSockets()) socket.send(message);
  }
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const one = env.BENCH.getByName(pathname);
    switch (pathname) {
      case "/call":
        return new Response(`${await one.call()}`);
      case "/hit":
        return new Response(`${await one.hit()}`);
      case "/rows":
        return new Response(`${await one.rows()}`);
      case "/rows-in-sql":
        return new Response(`${await one.rowsInSql()}`);
      case "/room":
        return one.fetch(request);
      case "/create": {
        let left = Number(searchParams.get("count"));
        const create = async () => {
          while (left-- > 0) await env.BENCH.get(env.BENCH.newUniqueId()).begin();
        };
        await Promise.all(Array.from({ length: AT_ONCE }, create));
        return new Response("created");
      }
    }
    if (pathname.startsWith("/rooms/")) return one.fetch(request);
    return new Response("Not found", { status: 404 });
  },
};
