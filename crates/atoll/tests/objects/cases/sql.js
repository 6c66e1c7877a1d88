// storage.sql: cursors, parameters, values, several statements, transactions of one turn.

import { outcomes, plain, table } from "../support.js";

const buffer = (...values) => new Uint8Array(values).buffer;

function numbers(sql, count = 3) {
  sql.exec("create table n (i integer primary key, t text)");
  for (let i = 1; i <= count; i++) sql.exec("insert into n values (?, ?)", i, `n${i}`);
}

const one = (sql, query, ...values) => Object.values(sql.exec(query, ...values).one())[0];

export const sql = {
  "sql: rows": ({ sql }) => {
    numbers(sql);
    return sql.exec("select i, t from n order by i").toArray();
  },
  "sql: one": ({ sql }) => {
    numbers(sql);
    return outcomes(
      () => sql.exec("select * from n where i = 1").one(),
      () => sql.exec("select * from n where i = 9").one(),
      () => sql.exec("select * from n").one(),
      () => sql.exec("create table x (a)").one(),
    );
  },
  "sql: raw": ({ sql }) => {
    numbers(sql);
    const raw = sql.exec("select * from n").raw();
    return [Object.prototype.toString.call(raw), typeof raw.next, typeof raw.toArray, raw[Symbol.iterator]() === raw, raw.next(), [...raw], raw.next()];
  },
  "sql: raw has every column": ({ sql }) => {
    const cursor = sql.exec("select 1 as a, 2 as a, 3 as b, 4 as \"\", 5");
    const names = cursor.columnNames;
    return [names, [...cursor.raw()], sql.exec("select 1 as a, 2 as a").toArray(), sql.exec("select 1 as a, 2 as a").one()];
  },
  "sql: names of columns": ({ sql }) => {
    numbers(sql);
    const names = (query) => sql.exec(query).columnNames;
    return [names("select * from n"), names("select i + 1, count(*) from n"), names("select n.i, t as \"some name\" from n"), names("insert into n values (9, 'x')"), names("create table z (a)"), names("pragma foreign_keys")];
  },
  "sql: defaults of columns": ({ sql }) => {
    sql.exec("create table d (a, at text default CURRENT_TIMESTAMP, day text DEFAULT Current_Date, low text default (LOWER('A')))");
    sql.exec("insert into d (a) values (1)");
    return sql.exec("select typeof(at) as at, typeof(day) as day, low from d").toArray();
  },
  "sql: iteration": ({ sql }) => {
    numbers(sql);
    const cursor = sql.exec("select i from n order by i");
    const seen = [];
    for (const row of cursor) {
      seen.push(row);
      if (seen.length === 2) break;
    }
    return [seen, cursor.next(), cursor.next(), cursor.next(), cursor.toArray()];
  },
  "sql: what is left of a cursor": ({ sql }) => {
    numbers(sql);
    const cursor = sql.exec("select i from n order by i");
    return [cursor.next(), cursor.toArray(), cursor.toArray(), cursor.next()];
  },
  "sql: one after next": ({ sql }) => {
    numbers(sql, 2);
    return outcomes(
      () => {
        const cursor = sql.exec("select i from n");
        cursor.next();
        return cursor.one();
      },
      () => {
        const cursor = sql.exec("select i from n");
        cursor.toArray();
        return cursor.one();
      },
    );
  },
  "sql: rows are plain": ({ sql }) => {
    const row = sql.exec("select 1 as a, null as b, 'x' as __proto__, 2 as constructor").one();
    return [Object.getPrototypeOf(row) === Object.prototype, Object.keys(row), JSON.stringify(row), Object.isFrozen(row)];
  },
  "sql: rows read and written": ({ sql }) => {
    const counts = (query, ...values) => {
      const cursor = sql.exec(query, ...values);
      cursor.toArray();
      return [cursor.rowsRead, cursor.rowsWritten];
    };
    return {
      create: counts("create table n (i integer primary key, t text)"),
      insert: counts("insert into n values (1, 'a'), (2, 'b'), (3, 'c')"),
      scan: counts("select * from n"),
      lookup: counts("select * from n where i = 2"),
      "lookup of none": counts("select * from n where i = 9"),
      count: counts("select count(*) from n"),
      update: counts("update n set t = 'z' where i > 1"),
      "insert again": counts("insert into n values (4, 'd'), (5, 'e')"),
      "delete one": counts("delete from n where i = 1"),
      "delete all": counts("delete from n"),
      constant: counts("select 1"),
    };
  },
  "sql: rows of an index": ({ sql }) => {
    const counts = (query, ...values) => {
      const cursor = sql.exec(query, ...values);
      cursor.toArray();
      return [cursor.rowsRead, cursor.rowsWritten];
    };
    sql.exec("create table n (i integer primary key, t text); create index by_t on n (t)");
    return [counts("insert into n values (1, 'a')"), counts("update n set t = 'b'"), counts("select i from n where t = 'b'"), counts("select * from n order by t"), counts("delete from n")];
  },
  "sql: rows are counted as they come": ({ sql }) => {
    numbers(sql);
    const cursor = sql.exec("select * from n");
    const before = cursor.rowsRead;
    cursor.next();
    const between = cursor.rowsRead;
    cursor.toArray();
    return [before, between, cursor.rowsRead, cursor.rowsWritten];
  },
  "sql: inserts run without being read": ({ sql }) => {
    sql.exec("create table n (i)");
    sql.exec("insert into n values (1), (2), (3)");
    sql.exec("insert into n select i + 10 from n");
    return sql.exec("select * from n").toArray();
  },
  "sql: returning": ({ sql }) => {
    sql.exec("create table n (i integer primary key, t)");
    return [sql.exec("insert into n (t) values ('a'), ('b') returning i, t").toArray(), sql.exec("update n set t = upper(t) returning t").toArray(), sql.exec("delete from n where i = 1 returning *").one()];
  },
  "sql: a table that changes under a cursor": ({ sql }) => {
    numbers(sql);
    return outcomes(
      () => {
        const seen = [];
        for (const { i } of sql.exec("select i from n where i < 10 order by i")) {
          seen.push(i);
          sql.exec("delete from n where i = ?", i + 1);
        }
        return seen;
      },
      () => {
        const cursor = sql.exec("select * from n");
        cursor.next();
        sql.exec("drop table n");
        return cursor.toArray();
      },
      () => sql.exec("select count(*) as n from sqlite_master").one(),
    );
  },
  "sql: two cursors of one query": ({ sql }) => {
    numbers(sql);
    const query = "select i from n order by i";
    const first = sql.exec(query);
    first.next();
    const second = sql.exec(query);
    return outcomes(() => second.next(), () => first.next(), () => second.toArray(), () => first.toArray());
  },
  "sql: a cursor across an await": async ({ sql, storage }) => {
    numbers(sql);
    const cursor = sql.exec("select i from n order by i");
    const first = cursor.next();
    await storage.sync();
    return outcomes(() => first, () => cursor.toArray());
  },

  "sql: several statements": ({ sql }) => {
    const cursor = sql.exec("create table a (x); insert into a values (1); insert into a values (2); select x from a order by x;");
    return [cursor.columnNames, cursor.toArray(), cursor.rowsRead, cursor.rowsWritten];
  },
  "sql: several statements, with values": ({ sql }) =>
    outcomes(
      () => sql.exec("create table a (x, y); insert into a values (?, ?)", 1, "b").toArray(),
      () => sql.exec("select * from a").toArray(),
      () => sql.exec("insert into a values (?, ?); select * from a", 1, 2).toArray(),
      () => sql.exec("insert into a values (?, ?); select * from a where x = ?", 1, 2, 3).toArray(),
    ),
  "sql: several statements, one wrong": ({ sql }) =>
    outcomes(
      () => sql.exec("create table a (x); insert into a values (1); insert into nowhere values (2); insert into a values (3)"),
      () => sql.exec("select * from a").toArray(),
      () => sql.exec("insert into a values (4); this is wrong"),
      () => sql.exec("select * from a").toArray(),
    ),
  "sql: statements that are none": ({ sql }) =>
    table({
      empty: () => sql.exec("").toArray(),
      space: () => sql.exec("  \n").toArray(),
      semicolon: () => sql.exec(";").toArray(),
      semicolons: () => sql.exec(";; select 1 as a;;").toArray(),
      comment: () => sql.exec("-- nothing").toArray(),
      "comment after": () => sql.exec("select 1 as a -- rest").toArray(),
      "comment after a semicolon": () => sql.exec("select 1 as a; -- rest").toArray(),
      "block comment": () => sql.exec("select /* x; y */ 1 as a;\n/* end */ ").toArray(),
      "zero inside": () => sql.exec("select 1 as a\0; select 2 as a").toArray(),
      nothing: () => sql.exec(),
      number: () => sql.exec(5),
      null: () => sql.exec(null),
      object: () => sql.exec({ toString: () => "select 1 as a" }).toArray(),
    }),

  "sql: values going in": ({ sql }) => {
    const kind = (value) => sql.exec("select typeof(?1) as kind, quote(?1) as text", value).one();
    return table({
      integer: () => kind(5),
      negative: () => kind(-5),
      fraction: () => kind(1.5),
      "minus zero": () => kind(-0),
      "largest safe": () => kind(Number.MAX_SAFE_INTEGER),
      "beyond safe": () => kind(2 ** 60),
      huge: () => kind(1e300),
      NaN: () => kind(NaN),
      infinity: () => kind(Infinity),
      text: () => kind("it's"),
      "empty text": () => kind(""),
      "text with a zero": () => sql.exec("select length(?1) as a, hex(?1) as b", "a\0b").one(),
      "lone surrogate": () => sql.exec("select hex(?1) as a", "\ud800x").one(),
      emoji: () => sql.exec("select length(?1) as a, hex(?1) as b", "🎨").one(),
      null: () => kind(null),
      undefined: () => kind(undefined),
      true: () => kind(true),
      false: () => kind(false),
      buffer: () => kind(buffer(1, 2, 255)),
      "empty buffer": () => kind(buffer()),
      bytes: () => kind(new Uint8Array([1, 2])),
      "part of a buffer": () => kind(new Uint8Array(buffer(1, 2, 3, 4), 1, 2)),
      floats: () => kind(new Float32Array([1])),
      view: () => kind(new DataView(buffer(9, 8))),
      bigint: () => kind(5n),
      "huge bigint": () => kind(2n ** 70n),
      date: () => kind(new Date(0)),
      object: () => kind({}),
      array: () => kind([1]),
      symbol: () => kind(Symbol("a")),
      function: () => kind(() => {}),
      "boxed number": () => kind(Object(5)),
      "boxed text": () => kind(Object("a")),
    });
  },
  "sql: values coming out": ({ sql }) =>
    table({
      integer: () => one(sql, "select 5"),
      "largest safe": () => one(sql, "select 9007199254740991"),
      "beyond safe": () => one(sql, "select 9007199254740993"),
      largest: () => one(sql, "select 9223372036854775807"),
      fraction: () => one(sql, "select 1.5"),
      whole: () => one(sql, "select 2.0"),
      infinity: () => one(sql, "select 9e999"),
      text: () => one(sql, "select 'a'"),
      null: () => one(sql, "select null"),
      blob: () => one(sql, "select x'00ff'"),
      "empty blob": () => one(sql, "select x''"),
      "bad UTF-8": () => one(sql, "select cast(x'ff41' as text)"),
      "text with a zero": () => one(sql, "select 'a' || char(0) || 'b'"),
      boolean: () => one(sql, "select true"),
      comparison: () => one(sql, "select 1 < 2"),
    }),
  "sql: numbers of values": ({ sql }) =>
    outcomes(
      () => sql.exec("select ? as a").toArray(),
      () => sql.exec("select ? as a", 1, 2).toArray(),
      () => sql.exec("select 1 as a", 1).toArray(),
      () => sql.exec("select ?, ?, ?", 1, 2).toArray(),
      () => sql.exec("select ?2 as a, ?1 as b", 1, 2).toArray(),
      () => sql.exec("select ?1 as a, ?1 as b", 1).toArray(),
      () => sql.exec("select ?3 as a", 1).toArray(),
      () => sql.exec("select :a as a", 1).toArray(),
      () => sql.exec("select :a as a, :a as b, @c as c, $d as d", 1, 2, 3).toArray(),
      () => sql.exec("select ? as a", [1]).toArray(),
      () => sql.exec("select :a as a", { a: 1 }).toArray(),
    ),
  "sql: a blob is a copy": ({ sql }) => {
    sql.exec("create table b (v)");
    const bytes = new Uint8Array([1, 2, 3]);
    sql.exec("insert into b values (?)", bytes);
    bytes[0] = 9;
    const got = sql.exec("select v from b").one().v;
    new Uint8Array(got)[1] = 9;
    return [plain(got), sql.exec("select v from b").one().v];
  },

  "sql: errors": ({ sql }) => {
    sql.exec("create table u (a integer primary key, b text not null unique, c integer check (c > 0)) strict");
    sql.exec("create table child (a references u (a))");
    sql.exec("insert into u values (1, 'x', 1)");
    return table({
      syntax: () => sql.exec("selec 1"),
      "syntax at the end": () => sql.exec("select 1 from"),
      "no such table": () => sql.exec("select * from nowhere"),
      "no such column": () => sql.exec("select z from u"),
      "no such function": () => sql.exec("select nope(1)"),
      "wrong count of arguments": () => sql.exec("select abs()"),
      "primary key": () => sql.exec("insert into u values (1, 'y', 1)"),
      unique: () => sql.exec("insert into u values (2, 'x', 1)"),
      "not null": () => sql.exec("insert into u values (2, null, 1)"),
      check: () => sql.exec("insert into u values (2, 'y', 0)"),
      strict: () => sql.exec("insert into u values (2, 'y', 'text')"),
      "foreign key": () => sql.exec("insert into child values (9)"),
      "foreign key, deleting": () => {
        sql.exec("insert into child values (1)");
        sql.exec("delete from u where a = 1");
      },
      "table twice": () => sql.exec("create table u (a)"),
      "raised": () => sql.exec("create trigger t before insert on child begin select raise(abort, 'not today'); end; insert into child values (1)"),
      "wrong number of columns": () => sql.exec("insert into u values (1)"),
      overflow: () => sql.exec("select abs(-9223372036854775808)").toArray(),
      "bad JSON": () => sql.exec("select json('{')").toArray(),
      "after errors": () => sql.exec("select count(*) as n from u").one(),
    });
  },
  "sql: what errors are": ({ sql }) => {
    try {
      sql.exec("selec 1");
    } catch (error) {
      return [error instanceof Error, Object.getPrototypeOf(error) === Error.prototype, Object.keys(error), typeof error.stack, error.code];
    }
  },
  "sql: a failed statement is undone alone": ({ sql }) => {
    sql.exec("create table a (x unique)");
    return outcomes(
      () => sql.exec("insert into a values (1)").rowsWritten,
      () => sql.exec("insert into a values (2), (1)"),
      () => sql.exec("insert or ignore into a values (2), (1)").rowsWritten,
      () => sql.exec("select x from a order by x").toArray(),
    );
  },
  "sql: the last row": ({ sql }) => {
    sql.exec("create table a (i integer primary key autoincrement, x)");
    sql.exec("insert into a (x) values (1), (2)");
    return outcomes(() => sql.exec("select last_insert_rowid() as id").one(), () => sql.exec("select changes() as n").one(), () => sql.exec("select total_changes() as n").one(), () => sql.exec("select name, seq from sqlite_sequence").toArray());
  },
  "sql: size": ({ sql }) => {
    const before = sql.databaseSize;
    sql.exec("create table a (x)");
    const between = sql.databaseSize;
    sql.exec("insert into a values (zeroblob(100000))");
    return [before, between, sql.databaseSize > between + 90000, sql.databaseSize % 4096, typeof sql.databaseSize];
  },
  "sql: names of tables": ({ sql, kv }) => {
    sql.exec("create table a (x); create index i on a (x); create view v as select * from a");
    kv.put("k", 1);
    return [sql.exec("select type, name, tbl_name from sqlite_master order by name").toArray(), sql.exec("select name from sqlite_schema where name not like '\\_cf\\_%' escape '\\'").toArray(), sql.exec("select sql from sqlite_master where name = 'a'").one()];
  },
  "sql: writes are seen at once": async ({ sql, storage }) => {
    sql.exec("create table a (x)");
    sql.exec("insert into a values (1)");
    const first = sql.exec("select * from a").toArray();
    await storage.sync();
    return [first, sql.exec("select * from a").toArray()];
  },
};
