// Looks into a copy of an object's database. Runs in a jail that is made for it and holds nothing else.

import { DurableObject } from "cloudflare:workers";
import { inspect } from "node:util";

const FIRST_KEYS = 10;
const MAX_VALUE_LENGTH = 100;

/** A value of SQL as JSON has it. */
function plain(value) {
  if (value instanceof ArrayBuffer) return { hex: new Uint8Array(value).toHex() };
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function brief(value) {
  const text = inspect(value, { breakLength: Infinity, compact: true, depth: 3, maxStringLength: MAX_VALUE_LENGTH });
  const letters = [...text.slice(0, MAX_VALUE_LENGTH * 2)];
  return letters.length > MAX_VALUE_LENGTH ? `${letters.slice(0, MAX_VALUE_LENGTH).join("")}…` : text;
}

export class Reader extends DurableObject {
  async fetch(request) {
    const { query, limit } = await request.json();
    try {
      return Response.json(query === null ? this.#describe() : this.#run(query, limit));
    } catch (error) {
      return Response.json({ error: error.message }, { status: 400 });
    }
  }

  #run(query, limit) {
    const cursor = this.ctx.storage.sql.exec(query);
    const columns = cursor.columnNames;
    const rows = [];
    for (const row of cursor.raw()) {
      if (rows.length === limit) return { columns, rows, more: true };
      rows.push(row.map(plain));
    }
    return { columns, rows, more: false };
  }

  #describe() {
    const { sql, kv } = this.ctx.storage;
    const named = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    const names = [...named].map((row) => row.name);
    const own = names.filter((name) => !/^(_cf_|sqlite_)/i.test(name));
    const tables = own.map((name) => {
      try {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        return { name, rows: sql.exec(`SELECT count(*) AS count FROM ${quoted}`).one().count };
      } catch {
        return { name, rows: null };
      }
    });
    let keys = 0;
    const first_keys = [];
    let trouble = null;
    try {
      for (const [key, value] of kv.list()) {
        if (keys < FIRST_KEYS) first_keys.push([key, brief(value)]);
        keys++;
      }
    } catch (error) {
      trouble = error.message;
    }
    return { tables, keys, first_keys, trouble };
  }
}

export default {};
