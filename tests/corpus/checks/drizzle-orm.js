import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { equal, ok } from "../support.js";

export default async function () {
  const users = sqliteTable("users", { id: integer().primaryKey(), name: text() });
  let asked;
  const db = drizzle(async (query, params) => { asked = [query, params]; return { rows: [[1, "ada"]] }; });
  equal(await db.select().from(users).where(eq(users.id, 1)), [{ id: 1, name: "ada" }]);
  equal(asked[1], [1]);
  ok(sql`1`);
}
