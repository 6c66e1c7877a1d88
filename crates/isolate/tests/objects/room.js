import { AsyncLocalStorage } from "node:async_hooks";
import { DurableObject } from "cloudflare:workers";

const storage = new AsyncLocalStorage();
const text = (value) => new Response(String(value));

export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    console.log(`made ${ctx.id.name}`);
    if (ctx.id.name.startsWith("bad")) throw new RangeError("bad name");
    if (ctx.id.name.startsWith("slow")) {
      ctx.blockConcurrencyWhile(() => env.OUTSIDE.fetch("http://start/").then((response) => response.text()).then((it) => {
        this.started = it;
      }));
    }
    if (ctx.id.name.startsWith("fails")) ctx.blockConcurrencyWhile(() => Promise.reject(new Error("no start")));
  }

  fetch(request) {
    const url = new URL(request.url);
    return this[url.pathname.slice(1)](Object.fromEntries(url.searchParams), request);
  }

  alarm(info) {
    return this.onAlarm(info);
  }

  add(amount) {
    const { kv } = this.ctx.storage;
    kv.put("n", (kv.get("n") ?? 0) + amount);
    return kv.get("n");
  }

  slowly() {
    return this.env.OUTSIDE.fetch("http://slow/").then((response) => response.text());
  }
  keep(list) {
    this.list = list;
  }
  kept() {
    return this.list;
  }
  tool() {
    return (amount) => this.add(amount);
  }
  where() {
    return String(storage.getStore());
  }
  start() {
    return text(this.started);
  }
  put({ value }) {
    return this.ctx.storage.put("key", value).then(() => text("put"));
  }
  get() {
    return this.ctx.storage.get("key").then(text);
  }
  rows() {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS t (x)");
    for (let i = 0; i < 500; i++) sql.exec("INSERT INTO t VALUES (?)", "x".repeat(1000) + i);
    return text(sql.exec("SELECT count(*) AS n FROM t").one().n);
  }
  count() {
    return text(this.ctx.storage.sql.exec("SELECT count(DISTINCT x) AS n FROM t").one().n);
  }
  increment() {
    const { storage } = this.ctx;
    return storage.get("n").then((n = 0) => storage.put("n", n + 1).then(() => text(n + 1)));
  }
  abort({ reason }) {
    this.ctx.storage.kv.put("key", "lost");
    this.ctx.abort(reason);
  }
  call() {
    this.ctx.storage.kv.put("key", "told");
    return this.env.OUTSIDE.fetch("http://first/").then((it) => it.text()).then(text);
  }
  callAndLeave() {
    this.env.OUTSIDE.fetch("http://first/").then(() => console.log("heard"));
    return text("left");
  }
  callThenAbort() {
    this.ctx.storage.kv.put("key", "told");
    this.env.OUTSIDE.fetch("http://first/");
    this.ctx.abort("later");
  }
  block() {
    return this.ctx.blockConcurrencyWhile(() => this.env.OUTSIDE.fetch("http://inside/").then((it) => it.text())).then(text);
  }
  blockAndClear() {
    const timeout = setTimeout(() => console.log("cleared"), 10);
    let ticks = 0;
    const interval = setInterval(() => console.log(`tick ${++ticks}`), 10);
    return this.ctx
      .blockConcurrencyWhile(() => this.env.OUTSIDE.fetch("http://inside/").then(() => clearTimeout(timeout)))
      .then(() => new Promise((resolve) => setTimeout(resolve, 1)))
      .then(() => {
        clearInterval(interval);
        return text(ticks);
      });
  }
  blockTwice() {
    const order = [];
    const { ctx, env } = this;
    const inner = (name) => ctx.blockConcurrencyWhile(() => {
      order.push(`${name} in`);
      return env.OUTSIDE.fetch(`http://${name}/`).then(() => order.push(`${name} out`));
    });
    return ctx.blockConcurrencyWhile(() => Promise.all([inner("a"), inner("b")])).then(() => text(order));
  }
  later({ ms }) {
    setTimeout(() => console.log("later"), Number(ms));
    return text("set");
  }
  transaction() {
    const { storage } = this.ctx;
    storage.kv.put("before", 1);
    return storage
      .transaction((txn) => txn.put("key", "inside").then(() => this.env.OUTSIDE.fetch("http://wait/")).then(() => txn.get("key")))
      .then(text);
  }
  failedTransaction() {
    return this.ctx.storage
      .transaction((txn) => txn.put("key", "undone").then(() => Promise.reject(new Error("not so"))))
      .catch((error) => text(error.message));
  }
  violate() {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)");
    sql.exec("INSERT INTO c VALUES (1)");
    console.log("violated");
    return text("as if it were so");
  }
  violateLater({ ms }) {
    return new Promise((resolve) => setTimeout(resolve, Number(ms))).then(() => {
      console.log("later");
      this.env.OUTSIDE.fetch("http://first/");
      return this.violate();
    });
  }
  callLater({ ms }) {
    return new Promise((resolve) => setTimeout(resolve, Number(ms))).then(() => {
      this.ctx.storage.kv.put("key", "told");
      return this.env.OUTSIDE.fetch("http://second/").then((it) => it.text()).then(text);
    });
  }
  spin() {
    this.ctx.storage.kv.put("key", "spun");
    this.env.OUTSIDE.fetch("http://first/");
    for (;;);
  }
  sync() {
    this.ctx.storage.kv.put("key", "synced");
    return this.ctx.storage.sync().then(() => text("synced"));
  }
  bookmark() {
    return this.ctx.storage.getCurrentBookmark().then(text);
  }
  setAlarm({ at }) {
    return this.ctx.storage.setAlarm(Number(at)).then(() => text("set"));
  }
  deleteAlarm() {
    return this.ctx.storage.deleteAlarm().then(() => text("deleted"));
  }
  getAlarm() {
    return this.ctx.storage.getAlarm().then(text);
  }
  onAlarm(info) {
    return this.ctx.storage.getAlarm().then((at) => {
      console.log(`alarm ${info.scheduledTime} ${info.retryCount} ${info.isRetry} ${at}`);
      if (info.retryCount === 0) throw new Error("not yet");
    });
  }
  keepAndLeave() {
    const { storage } = this.ctx;
    storage.kv.put("key", "kept");
    globalThis.left = storage;
    return text("left");
  }
  pump({ ms }) {
    setInterval(() => {
      try {
        this.ctx.storage.kv.put("key", "pumped");
      } catch (error) {
        console.log(error.message);
      }
    }, Number(ms));
    return text("pumping");
  }
}

const described = (error) => text(`${error.message} ${error.remote} ${error.durableObjectReset}`);

/** What the worker does with an object. */
const visits = {
  add: (room) => room.add(3).then(text),
  addTwice(room) {
    const sums = [];
    const first = room.add(1).then((sum) => sums.push(sum));
    sums.push("called");
    return Promise.all([first, room.add(1).then((sum) => sums.push(sum))]).then(() => text(sums));
  },
  addForever(room) {
    const again = () => room.add(1).then(again);
    return again();
  },
  slowly: (room) => room.slowly().then(text),
  abort: (room) => room.abort({ reason: "enough" }).catch(described),
  abortAndAdd(room) {
    room.abort({ reason: "enough" }).catch(() => {});
    return room.add(3).then(text);
  },
  violate: (room) => room.violate().then(text, described),
  throws: (room) => room.missing().catch(described),
  keep(room) {
    const list = [1];
    const kept = room.keep(list);
    list.push(2);
    return kept.then(() => room.kept()).then((seen) => text(`${seen} of ${list}`));
  },
  tool: (room) => room.tool().then((tool) => tool(3)).then(text),
  late(room) {
    room.keep(() => {});
    return room.add(3).then(text);
  },
  where: (room) => storage.run("the caller", () => room.where().then((there) => text(`${there}, ${storage.getStore()}`))),
  spin: (room) => room.spin().then(text),
};

export default {
  fetch(request, env) {
    const url = new URL(request.url);
    const visit = visits[url.pathname.slice(1)];
    if (visit !== undefined) return visit(env.ROOM.getByName(url.searchParams.get("room")));
    if (url.pathname === "/left") {
      try {
        return text(globalThis.left.kv.get("key"));
      } catch (error) {
        return text(error.message);
      }
    }
    return text("Nothing is there.");
  },
};
