// storage.transaction and storage.transactionSync.

import { deferred, outcomes, table } from "../support.js";

const rows = (sql) => sql.exec("select x from t order by x").toArray().map(({ x }) => x);

const set = (sql) => {
  sql.exec("create table t (x)");
  return (x) => void sql.exec("insert into t values (?)", x);
};

const failing = (work) => () => {
  work();
  throw new Error("undo");
};

export const transactions = {
  "transactionSync: gives what its callback gives": ({ storage }) =>
    outcomes(() => storage.transactionSync(() => 5), () => storage.transactionSync(() => undefined), () => storage.transactionSync((given) => [given]), () => storage.transactionSync(() => ({ a: 1 }))),
  "transactionSync: undone by an error": ({ storage, sql }) => {
    const add = set(sql);
    add(1);
    return outcomes(() => storage.transactionSync(failing(() => add(2))), () => rows(sql), () => storage.transactionSync(() => add(3)), () => rows(sql));
  },
  "transactionSync: tables too": ({ storage, sql }) => outcomes(() => storage.transactionSync(failing(() => sql.exec("create table gone (x)"))), () => sql.exec("select * from gone")),
  "transactionSync: within another": ({ storage, sql }) => {
    const add = set(sql);
    return outcomes(
      () =>
        storage.transactionSync(() => {
          add(1);
          try {
            storage.transactionSync(failing(() => add(2)));
          } catch {
            add(3);
          }
          storage.transactionSync(() => add(4));
        }),
      () => rows(sql),
      () =>
        storage.transactionSync(() => {
          storage.transactionSync(() => add(5));
          throw new Error("outer");
        }),
      () => rows(sql),
    );
  },
  "transactionSync: arguments": ({ storage }) => outcomes(() => storage.transactionSync(), () => storage.transactionSync(5), () => storage.transactionSync(null), () => storage.transactionSync({})),
  "transactionSync: an asynchronous callback": async ({ storage, sql }) => {
    const add = set(sql);
    return outcomes(
      () =>
        storage.transactionSync(async () => {
          add(1);
          await null;
          add(2);
        }),
      () => rows(sql),
    );
  },
  "transactionSync: throws what was thrown": ({ storage }) => {
    const error = new TypeError("mine");
    try {
      storage.transactionSync(() => {
        throw error;
      });
    } catch (caught) {
      return caught === error;
    }
  },
  "transactionSync: deep": ({ storage, sql }) => {
    const add = set(sql);
    const nest = (depth) => {
      add(depth);
      if (depth < 20) storage.transactionSync(() => nest(depth + 1));
    };
    return outcomes(() => storage.transactionSync(() => nest(1)), () => rows(sql).length);
  },
  "transactionSync: a cursor from within": ({ storage, sql }) => {
    const add = set(sql);
    add(1);
    add(2);
    let cursor;
    return outcomes(
      () =>
        storage.transactionSync(() => {
          cursor = sql.exec("select x from t");
          cursor.next();
        }),
      () => cursor.toArray(),
      () =>
        storage.transactionSync(
          failing(() => {
            cursor = sql.exec("select x from t");
            cursor.next();
          }),
        ),
      () => cursor.toArray(),
    );
  },
  "transactionSync: an error of SQL that is caught": ({ storage, sql }) => {
    sql.exec("create table u (x unique)");
    return outcomes(
      () =>
        storage.transactionSync(() => {
          sql.exec("insert into u values (1)");
          try {
            sql.exec("insert into u values (1)");
          } catch {}
          sql.exec("insert into u values (2)");
        }),
      () => sql.exec("select * from u").toArray(),
    );
  },

  "transaction: gives what its callback gives": async ({ storage }) => outcomes(() => storage.transaction(async () => 5), () => storage.transaction(() => 6), () => storage.transaction(async (transaction) => [typeof transaction, Object.prototype.toString.call(transaction), transaction.constructor.name])),
  "transaction: members": async ({ storage }) =>
    storage.transaction(async (transaction) => {
      const prototype = Object.getPrototypeOf(transaction);
      return Object.getOwnPropertyNames(prototype).sort();
    }),
  "transaction: undone by an error": async ({ storage }) => {
    await storage.put("a", 1);
    return outcomes(
      () =>
        storage.transaction(async (transaction) => {
          await transaction.put("a", 2);
          throw new Error("undo");
        }),
      () => storage.get("a"),
    );
  },
  "transaction: undone by rollback": async ({ storage }) => {
    await storage.put("a", 1);
    return outcomes(
      () =>
        storage.transaction(async (transaction) => {
          await transaction.put("a", 2);
          transaction.rollback();
          return "given";
        }),
      () => storage.get("a"),
    );
  },
  "transaction: after rollback": async ({ storage }) =>
    storage.transaction(async (transaction) => {
      transaction.rollback();
      return outcomes(() => transaction.rollback(), () => transaction.put("a", 1), () => transaction.get("a"), () => transaction.delete("a"), () => transaction.list());
    }),
  "transaction: after its end": async ({ storage }) => {
    let kept;
    await storage.transaction(async (transaction) => {
      kept = transaction;
    });
    return outcomes(() => kept.get("a"), () => kept.put("a", 1), () => kept.rollback());
  },
  "transaction: what storage does meanwhile": async ({ storage, sql }) => {
    const add = set(sql);
    return outcomes(
      () =>
        storage.transaction(async (transaction) => {
          add(1);
          await storage.put("a", 1);
          await transaction.put("b", 2);
          throw new Error("undo");
        }),
      () => rows(sql),
      () => storage.list(),
    );
  },
  "transaction: within another": async ({ storage }) =>
    outcomes(
      () =>
        storage.transaction(async () => {
          await storage.put("a", 1);
          await storage
            .transaction(async () => {
              await storage.put("a", 2);
              throw new Error("inner");
            })
            .catch(() => {});
          return storage.get("a");
        }),
      () => storage.get("a"),
    ),
  "transaction: the outer one is undone within another": async ({ storage }) => {
    const keys = async () => [...(await storage.list()).keys()];
    const within = storage.transaction(async (outer) => {
      await outer.put("a", 1);
      await storage.transaction(async (inner) => {
        await inner.put("b", 1);
        outer.rollback();
      });
      await outer.put("c", 1);
    });
    return outcomes(() => within, keys);
  },
  "transaction: one is undone after another": async ({ storage }) => {
    const keys = async () => [...(await storage.list()).keys()];
    await storage.transaction(async (outer) => {
      await outer.put("a", 1);
      await storage.transaction(async (inner) => {
        await inner.put("b", 1);
        inner.rollback();
      });
      await outer.put("c", 1);
    });
    const one = await keys();
    await storage.transaction(async (outer) => {
      await storage.transaction((inner) => inner.put("d", 1));
      outer.rollback();
    });
    return [one, await keys()];
  },
  "transaction: transactionSync within": async ({ storage, sql }) => {
    const add = set(sql);
    return outcomes(
      () =>
        storage.transaction(async () => {
          add(1);
          try {
            storage.transactionSync(failing(() => add(2)));
          } catch {}
          add(3);
        }),
      () => rows(sql),
    );
  },
  "transaction: two at once": async ({ storage }) => {
    const order = [];
    const run = (name, gate) =>
      storage.transaction(async () => {
        order.push(`${name} starts`);
        await gate;
        await storage.put(name, 1);
        order.push(`${name} ends`);
      });
    const gate = deferred();
    const both = [run("first", gate.promise), run("second", null)];
    await Promise.resolve();
    gate.resolve();
    return outcomes(() => Promise.all(both), () => order, async () => [...(await storage.list()).keys()]);
  },
  "transaction: arguments": ({ storage }) => outcomes(() => storage.transaction(), () => storage.transaction(5), () => storage.transaction(null)),
  "transaction: reads its own writes": async ({ storage }) =>
    storage.transaction(async (transaction) => {
      transaction.put({ a: 1, b: 2 });
      const got = [await transaction.get("a"), await transaction.get(["a", "b"]), await transaction.list({ reverse: true }), await transaction.delete("a"), await transaction.get("a")];
      return got;
    }),
  "transaction: what it lacks": ({ storage }) => storage.transaction(async (transaction) => ["sql", "kv", "sync", "transaction", "deleteAll", "setAlarm", "getAlarm", "deleteAlarm", "rollback"].map((name) => `${name} ${typeof transaction[name]}`)),
  "transaction: deleteAll within": ({ storage }) =>
    outcomes(() =>
      storage.transaction(async (transaction) => {
        await transaction.put("a", 1);
        return storage.deleteAll();
      }),
    ),

  "bookmarks: what they are": ({ storage }) =>
    table({
      current: async () => typeof (await storage.getCurrentBookmark()),
      "for a time": async () => typeof (await storage.getBookmarkForTime(Date.now())),
      "restore nonsense": () => storage.onNextSessionRestoreBookmark("nonsense"),
      "restore nothing": () => storage.onNextSessionRestoreBookmark(),
      "for no time": () => storage.getBookmarkForTime(),
    }),
};
