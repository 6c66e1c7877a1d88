// storage.sql: what is allowed and what is not, and what SQLite was built with.

import { outcomes, table } from "../support.js";

const refused = (sql, queries) => table(Object.fromEntries(queries.map((query) => [query, () => sql.exec(query).toArray()])));
const values = (sql, expressions) => table(Object.fromEntries(expressions.map((text) => [text, () => sql.exec(`select ${text} as v`).one().v])));

export const sqlLimits = {
  "sql: transactions are refused": ({ sql }) =>
    refused(sql, ["begin", "BEGIN TRANSACTION", "begin immediate", "commit", "end", "rollback", "savepoint a", "release a", "rollback to a", "select 1; begin"]),
  "sql: what leaves the database is refused": ({ sql }) =>
    refused(sql, ["attach database 'x.db' as x", "detach database main", "vacuum", "vacuum into 'x.db'", "select load_extension('x')", "select readfile('/etc/passwd')", "select writefile('x', 'y')", "create virtual table c using csv(filename='x')", "create virtual table c using dbstat", "select * from dbstat", "create virtual table c using nope"]),
  "sql: reserved names": ({ sql, kv }) => {
    kv.put("k", 1);
    return refused(sql, [
      "create table _cf_mine (a)",
      "create table _CF_mine (a)",
      "select * from _cf_KV",
      "insert into _cf_KV values ('a', 'b')",
      "drop table _cf_KV",
      "create index _cf_i on a (b)",
      "create view _cf_v as select 1",
      "create trigger _cf_t after insert on a begin select 1; end",
      "create table t (a); alter table t rename to _cf_t",
      "create table u (_cf_a); select _cf_a from u",
      "select 1 as _cf_a",
      "select * from pragma_table_info('_cf_KV')",
      "select name from sqlite_master where name like '\\_cf%' escape '\\'",
      "create table sqlite_mine (a)",
    ]);
  },
  "sql: temporary tables": ({ sql }) => refused(sql, ["create temp table t (a)", "create temporary view v as select 1", "create temp trigger t after insert on a begin select 1; end", "select * from temp.sqlite_master"]),
  "sql: pragmas that are answered": ({ sql }) => {
    sql.exec("create table p (a integer primary key, b text default 'x'); create index pb on p (b); create table q (a references p (a))");
    return refused(sql, [
      "pragma table_info(p)",
      "pragma table_xinfo(p)",
      "pragma table_list(p)",
      "pragma index_list(p)",
      "pragma index_info(pb)",
      "pragma index_xinfo(pb)",
      "pragma foreign_key_list(q)",
      "pragma foreign_key_check",
      "pragma foreign_keys",
      "pragma page_size",
      "pragma quick_check",
      "pragma optimize",
      "pragma defer_foreign_keys",
      "pragma defer_foreign_keys = on",
      "pragma case_sensitive_like = on",
      "pragma recursive_triggers",
      "pragma legacy_alter_table",
      "pragma ignore_check_constraints",
      "pragma reverse_unordered_selects",
      "select name from pragma_table_info('p')",
      "select name from pragma_index_list('p')",
    ]);
  },
  "sql: pragmas that are refused": ({ sql }) =>
    refused(sql, [
      "pragma journal_mode",
      "pragma journal_mode = delete",
      "pragma synchronous = off",
      "pragma writable_schema = on",
      "pragma page_size = 512",
      "pragma user_version",
      "pragma user_version = 5",
      "pragma application_id",
      "pragma schema_version",
      "pragma integrity_check",
      "pragma cache_size",
      "pragma max_page_count = 5",
      "pragma page_count",
      "pragma compile_options",
      "pragma function_list",
      "pragma module_list",
      "pragma pragma_list",
      "pragma collation_list",
      "pragma database_list",
      "pragma wal_checkpoint",
      "pragma temp_store = 2",
      "pragma trusted_schema",
      "pragma hard_heap_limit",
      "pragma encoding",
      "pragma auto_vacuum",
      "pragma incremental_vacuum",
      "pragma freelist_count",
      "pragma secure_delete",
      "pragma locking_mode",
      "pragma nope",
      "select * from pragma_function_list",
      "select * from pragma_database_list",
    ]),
  "sql: functions of text": ({ sql }) =>
    values(sql, ["upper('ä')", "lower('ABC')", "length('日本')", "octet_length('日本')", "substr('hello', 2, 3)", "instr('abc', 'c')", "replace('aab', 'a', 'x')", "trim('  a ')", "ltrim('xa', 'x')", "printf('%05d %s', 5, 'a')", "format('%.2f', 1.005)", "char(65, 128512)", "unicode('a')", "hex('a')", "unhex('41')", "quote('a''b')", "'a' like 'A'", "'a' glob 'A'", "like('a%', 'abc')", "concat('a', 1)", "concat_ws('-', 'a', 'b')", "soundex('a')", "iif(1, 'a', 'b')", "coalesce(null, 1)", "nullif(1, 1)", "ifnull(null, 2)", "typeof(1)", "zeroblob(2)", "string_agg('a', ',')", "'a' regexp 'b'", "unistr('\\u0041')"]),
  "sql: functions of numbers": ({ sql }) =>
    values(sql, ["abs(-1)", "round(2.567, 2)", "min(1, 2)", "max(1, 2)", "sign(-5)", "pi()", "sqrt(2)", "pow(2, 10)", "exp(1)", "ln(10)", "log(100)", "log2(8)", "log(2, 8)", "sin(1)", "acos(2)", "floor(1.7)", "ceil(1.2)", "trunc(-1.7)", "mod(7, 3)", "7 % 3", "1 / 0", "degrees(1)", "atan2(1, 1)", "tanh(0.5)", "typeof(random())", "length(randomblob(4))", "5 / 2", "1 << 62", "9223372036854775807 + 1"]),
  "sql: functions of time": ({ sql }) =>
    values(sql, ["date(0, 'unixepoch')", "time('2024-01-01 10:20:30')", "datetime('2024-01-31', '+1 month')", "julianday('2000-01-01')", "unixepoch('2000-01-01')", "strftime('%Y-%W %j', '2024-05-06')", "timediff('2024-01-02', '2024-01-01')", "typeof(datetime('now'))", "typeof(current_timestamp)", "abs(unixepoch('now') - unixepoch(current_timestamp)) < 2", "datetime(0, 'unixepoch', 'localtime')"]),
  "sql: functions that are not there": ({ sql }) =>
    values(sql, ["sqlite_version()", "sqlite_source_id()", "sqlite_compileoption_used('x')", "sqlite_compileoption_get(1)", "load_extension('a')", "fts3_tokenizer('a')", "sqlite_offset(1)", "likelihood(1, 0.5)", "likely(1)", "unlikely(1)", "subtype(1)", "edit('a')", "sqlite_log(1, 'a')", "generate_series(1, 3)", "sha3('a')", "base64('a')", "median(1)", "percentile(1, 50)"]),
  "sql: JSON": ({ sql }) =>
    values(sql, ["json('{\"a\" : 1}')", "json_extract('{\"a\":[1,2]}', '$.a[1]')", "'{\"a\":{\"b\":null}}' -> 'a'", "'{\"a\":5}' ->> 'a'", "json_array(1, 'a', null)", "json_object('a', 1)", "json_set('{}', '$.a', json('[1]'))", "json_insert('{\"a\":1}', '$.b', 2)", "json_remove('[1,2,3]', '$[1]')", "json_patch('{\"a\":1}', '{\"b\":2}')", "json_type('[1]')", "json_valid('{')", "json_valid('{a:1}', 2)", "json_quote('a')", "json_array_length('[1,2]')", "json_group_array(1)", "json_group_object('a', 1)", "typeof(jsonb('[1]'))", "json(jsonb('[1, 2]'))", "json_pretty('[1]')", "json_error_position('[1')"]),
  "sql: tables of JSON": ({ sql }) => [sql.exec("select key, value, type, fullkey from json_each('{\"a\":1,\"b\":[2]}')").toArray(), sql.exec("select fullkey, atom from json_tree('[1,[2]]') where atom is not null").toArray()],
  "sql: windows": ({ sql }) => {
    sql.exec("create table n (i); insert into n values (3), (1), (2), (2)");
    return [
      sql.exec("select i, row_number() over (order by i) as r, rank() over (order by i) as k, dense_rank() over (order by i) as d, sum(i) over (order by i rows between 1 preceding and current row) as s from n").toArray(),
      sql.exec("select lag(i, 1, 0) over w as lag, lead(i) over w as lead, first_value(i) over w as f, last_value(i) over w as l, nth_value(i, 2) over w as n, ntile(2) over w as t, percent_rank() over w as p, cume_dist() over w as c from n window w as (order by i)").toArray(),
      sql.exec("select group_concat(i, '+') filter (where i > 1) as g, avg(i) as a, total(i) as t, count(distinct i) as c from n").one(),
    ];
  },
  "sql: full text": ({ sql }) => {
    sql.exec("create virtual table docs using fts5(title, body, tokenize = 'porter unicode61')");
    sql.exec("insert into docs values ('Reefs', 'Corals are building reefs'), ('Lagoons', 'A lagoon is a body of water')");
    return outcomes(
      () => sql.exec("select title from docs where docs match 'build'").toArray(),
      () => sql.exec("select highlight(docs, 1, '[', ']') as h, snippet(docs, 1, '<', '>', '..', 3) as s from docs where docs match 'water'").toArray(),
      () => sql.exec("select title, round(bm25(docs), 3) as b from docs where docs match 'lagoon or reefs' order by rank").toArray(),
      () => sql.exec("select * from docs where docs match '\"'").toArray(),
      () => sql.exec("create virtual table grams using fts5(a, tokenize = 'trigram')").toArray(),
      () => sql.exec("insert into docs(docs) values ('optimize')").toArray(),
      () => sql.exec("create virtual table v using fts5vocab(docs, row)").toArray(),
      () => sql.exec("create virtual table old using fts4(a)").toArray(),
    );
  },
  "sql: r-trees": ({ sql }) => {
    sql.exec("create virtual table boxes using rtree(id, minX, maxX, minY, maxY)");
    sql.exec("insert into boxes values (1, 0, 1, 0, 1), (2, 5, 6, 5, 6)");
    return outcomes(() => sql.exec("select id from boxes where maxX >= 4").toArray(), () => sql.exec("insert into boxes values (3, 2, 1, 0, 0)"), () => sql.exec("create virtual table g using geopoly(a)").toArray(), () => sql.exec("create virtual table i using rtree_i32(id, a, b)").toArray());
  },
  "sql: kinds of statements": ({ sql }) =>
    refused(sql, [
      "create table t (a integer primary key, b text generated always as (a * 2) stored) strict",
      "create table w (a text primary key) without rowid",
      "insert into t (a) values (1) on conflict (a) do update set a = 2",
      "insert into t (a) values (1) on conflict do nothing",
      "replace into w values ('x')",
      "with recursive c(x) as (select 1 union all select x + 1 from c where x < 5) select sum(x) as s from c",
      "select * from t full outer join w on t.a = w.a",
      "alter table w add column b",
      "alter table w rename column b to c",
      "alter table w drop column c",
      "update t set a = 5 from w where w.a = 'x' returning *",
      "create index e on t (a + 1) where a > 0",
      "create trigger tr after insert on w begin update t set a = a + 1; end",
      "insert into w values ('y') returning a",
      "select a from t",
      "analyze",
      "reindex",
      "explain select 1",
      "explain query plan select * from t",
      "select * from sqlite_stat1",
      "delete from w order by a limit 1",
      "update w set a = a || '!' order by a limit 1",
      "select 1 where 'a' = \"a\"",
      "values (1, 2), (3, 4)",
      "select 0x1F as hex, 1_000 as grouped",
      "select a, count(*) over () from w",
      "drop table w",
      "create table if not exists t (a)",
    ]),
  "sql: limits": ({ sql }) => {
    const list = (count, text = "1") => Array(count).fill(text).join(", ");
    return table({
      "100 columns": () => sql.exec(`create table c100 (${Array.from({ length: 100 }, (_, i) => `c${i}`).join(", ")})`).toArray(),
      "101 columns": () => sql.exec(`create table c101 (${Array.from({ length: 101 }, (_, i) => `c${i}`).join(", ")})`).toArray(),
      "101 result columns": () => sql.exec(`select ${list(101)}`).columnNames.length,
      "100 values": () => sql.exec(`select max(${list(100, "?")}) as m`, ...Array(100).fill(1)).one(),
      "101 values": () => sql.exec(`select ?101 as m`, ...Array(101).fill(1)).one(),
      "127 arguments": () => sql.exec(`select max(${list(127)}) as m`).one(),
      "128 arguments": () => sql.exec(`select max(${list(128)}) as m`).one(),
      "a long statement": () => sql.exec(`select ${" ".repeat(100_000)} 1 as a`).one(),
      "nearly as long": () => sql.exec(`select ${" ".repeat(99_900)} 1 as a`).one(),
      "a long pattern": () => sql.exec("select 'a' like ? as a", "a".repeat(50)).one(),
      "a longer pattern": () => sql.exec("select 'a' like ? as a", "a".repeat(51)).toArray(),
      "a glob that is long": () => sql.exec("select 'a' glob ? as a", "a".repeat(51)).toArray(),
      "deep expressions": () => sql.exec(`select ${"(1 + ".repeat(99)}1${")".repeat(99)} as a`).one(),
      "deeper expressions": () => sql.exec(`select ${"(1 + ".repeat(101)}1${")".repeat(101)} as a`).one(),
      "5 selects": () => sql.exec(Array(5).fill("select 1 as a").join(" union all ")).toArray().length,
      "6 selects": () => sql.exec(Array(6).fill("select 1 as a").join(" union all ")).toArray().length,
      "many rows of values": () => sql.exec(`create table v (a); insert into v values ${Array(600).fill("(1)").join(", ")}`).rowsWritten,
      "2 MB": () => sql.exec("select length(zeroblob(2000000)) as a").one(),
      "1 GB": () => sql.exec("select length(zeroblob(1000000000)) as a").one(),
    });
  },
  "sql: triggers that trigger themselves": ({ sql }) => {
    sql.exec("create table t (i); pragma recursive_triggers = on; create trigger tr after insert on t when new.i < 50 begin insert into t values (new.i + 1); end");
    return outcomes(() => sql.exec("insert into t values (1)"), () => sql.exec("select count(*) as n from t").one(), () => sql.exec("insert into t values (45)"), () => sql.exec("select count(*) as n from t").one());
  },
  "sql: foreign keys that wait": ({ sql, storage }) =>
    outcomes(
      () => sql.exec("create table p (a integer primary key); create table c (a references p (a) deferrable initially deferred)").toArray(),
      () => storage.transactionSync(() => sql.exec("insert into c values (1); insert into p values (1)").toArray()),
      () => sql.exec("select * from c").toArray(),
    ),
  "sql: functions to aggregate": ({ sql }) =>
    values(sql, ["(select sum(x) from (select 1 as x union all select 2))", "(select group_concat(x, '|' order by x desc) from (select 1 as x union all select 2))", "(select max(x) from (select 1 as x where 0))", "(select total(x) from (select 1 as x where 0))", "(select count(*) from (select 1 as x where 0))", "(select sum(x) from (select 9223372036854775807 as x union all select 1))"]),
};
