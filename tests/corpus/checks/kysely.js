import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { equal } from "../support.js";

export default async function () {
  const db = new Kysely({ dialect: { createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler() } });
  equal(db.selectFrom("a").selectAll().where("id", "=", 1).compile().sql, 'select * from "a" where "id" = ?');
}
