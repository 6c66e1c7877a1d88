import { test, equal, deepEqual, throws, rejects, assert } from "atoll:test";
import { endTurn, newStorage } from "atoll:test-storage";

const committed = () => {
  return endTurn().at(-1);
};

test("rows come as objects, arrays, one by one, and exactly one", () => {
  const { sql } = newStorage();
  sql.exec("CREATE TABLE fruit (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO fruit (name) VALUES ('fig'), ('kiwi')");
  deepEqual(sql.exec("SELECT * FROM fruit").toArray(), [{ id: 1, name: "fig" }, { id: 2, name: "kiwi" }]);
  deepEqual([...sql.exec("SELECT * FROM fruit").raw()], [[1, "fig"], [2, "kiwi"]]);
  deepEqual([...sql.exec("SELECT name FROM fruit")], [{ name: "fig" }, { name: "kiwi" }]);
  equal(sql.exec("SELECT name FROM fruit WHERE id = ?", 2).one().name, "kiwi");
  throws(() => sql.exec("SELECT * FROM fruit").one(), /got multiple results/);
  throws(() => sql.exec("SELECT * FROM fruit WHERE 0").one(), /got no results/);
});

test("a cursor counts rows and names columns", () => {
  const { sql } = newStorage();
  sql.exec("CREATE TABLE t (a PRIMARY KEY, b)");
  const insert = sql.exec("INSERT INTO t VALUES (1, 2), (3, 4) RETURNING a");
  deepEqual(insert.columnNames, ["a"]);
  equal(insert.rowsWritten, 4);
  deepEqual(insert.toArray(), [{ a: 1 }, { a: 3 }]);
});

test("what belongs to the runtime is refused", () => {
  const { sql } = newStorage();
  for (const query of ["CREATE TABLE _cf_mine (a)", "ATTACH 'x' AS y", "PRAGMA journal_mode = WAL", "CREATE TEMP TABLE t (a)"]) {
    throws(() => sql.exec(query), /^not authorized/);
  }
  for (const query of ["BEGIN", "COMMIT", "SAVEPOINT a"]) throws(() => sql.exec(query), /state\.storage\.transactionSync/);
  sql.exec("CREATE TABLE t (a)");
  throws(() => sql.exec("ALTER TABLE t RENAME TO _cf_t"), /^not authorized/);
});

test("a counter's commit is small, and a read commits nothing", () => {
  const { sql } = newStorage();
  sql.exec("CREATE TABLE hits (n); INSERT INTO hits VALUES (0)");
  equal(committed()[1], 2);
  for (let turn = 0; turn < 3; turn++) {
    sql.exec("UPDATE hits SET n = n + 1");
    const bytes = committed()[2];
    assert(bytes > 0 && bytes < 200, `${bytes} bytes`);
  }
  equal(sql.exec("SELECT n FROM hits").one().n, 3);
  equal(committed(), undefined);
});

test("a turn that breaks a deferred constraint is undone and resets the object", () => {
  const { sql } = newStorage();
  sql.exec("CREATE TABLE parent (id PRIMARY KEY); CREATE TABLE child (of REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
  committed();
  sql.exec("INSERT INTO child VALUES (1)");
  assert(/constraints were violated: FOREIGN KEY constraint failed/.test(committed()[4]));
  throws(() => sql.exec("SELECT 1"), /constraints were violated/);
});

test("transactions nest, and roll back with what they did", async () => {
  const storage = newStorage();
  const { sql } = storage;
  sql.exec("CREATE TABLE t (a)");
  throws(
    () =>
      storage.transactionSync(() => {
        sql.exec("INSERT INTO t VALUES (1)");
        storage.transactionSync(() => sql.exec("INSERT INTO t VALUES (2)"));
        throw new RangeError("no");
      }),
    RangeError,
  );
  equal(sql.exec("SELECT count(*) AS n FROM t").one().n, 0);
  const result = await storage.transaction(async (txn) => {
    await txn.put("key", 1);
    await txn.setAlarm(9e12);
    txn.rollback();
    return "done";
  });
  equal(result, "done");
  equal(await storage.get("key"), undefined);
  equal(await storage.getAlarm(), null);
});

test("keys keep values, in the order of their bytes", async () => {
  const storage = newStorage();
  await storage.put({ b: new Map([[1, 2]]), a: 1, "\u{1f600}": 4, "\uffff": 3, skipped: undefined });
  deepEqual([...(await storage.list()).keys()], ["a", "b", "\uffff", "\u{1f600}"]);
  deepEqual([...(await storage.list({ prefix: "b" })).values()], [new Map([[1, 2]])]);
  deepEqual([...(await storage.list({ startAfter: "a", limit: 1 })).keys()], ["b"]);
  deepEqual([...storage.kv.list({ reverse: true, end: "c" })], [["b", new Map([[1, 2]])], ["a", 1]]);
  equal(await storage.delete(["a", "nothing"]), 1);
  equal(storage.kv.get("a"), undefined);
  await rejects(storage.put("a"), TypeError);
  for (let index = 0; index < 600; index++) storage.kv.put(`n${String(index).padStart(3, "0")}`, index);
  equal((await storage.list({ prefix: "n" })).size, 600);
});

test("an alarm is committed alone or with pages, and deleteAll leaves nothing", async () => {
  const storage = newStorage();
  await storage.setAlarm(9e12);
  equal(committed()[3], 9e12);
  storage.sql.exec("CREATE TABLE t (a)");
  await storage.deleteAll();
  equal(await storage.getAlarm(), null);
  throws(() => storage.sql.exec("SELECT * FROM t"), /no such table/);
});

test("a query is found again by its string, whatever happened to it meanwhile", () => {
  const { sql } = newStorage();
  const query = "SELECT * FROM t";
  sql.exec("CREATE TABLE t (a)");
  for (const value of [1, 2, 3]) {
    sql.exec("INSERT INTO t VALUES (?)", value);
    equal(sql.exec(query).toArray().length, value);
  }
  const [first, second] = [sql.exec(query), sql.exec(query)];
  deepEqual([first.next().value, second.next().value, first.next().value], [{ a: 1 }, { a: 1 }, { a: 2 }]);
  deepEqual([...first.raw()], [[3]]);
  sql.exec("ALTER TABLE t ADD COLUMN b DEFAULT 'é'");
  deepEqual(sql.exec(query).next().value, { a: 1, b: "é" });
  deepEqual(sql.exec("SELECT 'é' AS x").one(), { x: "é" });
});

test("UPDATE and DELETE can be limited", () => {
  const { sql, kv } = newStorage();
  kv.put("key", 1);
  const all = () => [...sql.exec("SELECT a, b FROM t ORDER BY a").raw()].join(" ");
  sql.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, 'x'), (3, 'y'), (4, 'y')");
  sql.exec("UPDATE t SET b = ? WHERE a > ? ORDER BY a DESC LIMIT ?", "z", 1, 2);
  equal(all(), "1,x 2,x 3,z 4,z");
  deepEqual(sql.exec("DELETE FROM t WHERE b = 'x' RETURNING a ORDER BY a LIMIT 1").toArray(), [{ a: 1 }]);
  sql.exec("delete from t order by a limit 1 offset 1; INSERT INTO t VALUES (5, 'LIMIT')");
  equal(all(), "2,x 4,z 5,LIMIT");
  sql.exec("WITH old AS (SELECT 2 AS a) DELETE FROM t WHERE a IN (SELECT a FROM old) LIMIT 5");
  equal(all(), "4,z 5,LIMIT");
  throws(() => sql.exec("DELETE FROM t LIMIT 1 RETURNING a"), /syntax error/);
  throws(() => sql.exec("DELETE FROM nosuch LIMIT 1"), /^no such table: nosuch/);
  throws(() => sql.exec("DELETE FROM _cf_KV LIMIT 1"), /prohibited|not authorized/);
  throws(() => sql.exec("SELEC 1 LIMIT 1"), /syntax error/);
});
