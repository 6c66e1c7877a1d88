import { test, assert, equal, throws, deepEqual } from "atoll:test";
import process, { cwd, env, nextTick } from "node:process";
import EventEmitter from "node:events";
import os from "node:os";
import diagnostics from "node:diagnostics_channel";
import { AsyncLocalStorage } from "node:async_hooks";

test("the module, its names and the global are one", () => {
  assert(globalThis.process === process && global === globalThis);
  assert(process.env === env && process.cwd === cwd && process instanceof EventEmitter);
  equal(Object.prototype.toString.call(process), "[object process]");
});

test("the environment holds strings", () => {
  env.NUMBER = 5;
  equal(env.NUMBER, "5");
  assert("NUMBER" in env && Object.keys(env).includes("NUMBER"));
  equal({ ...env }.NUMBER, "5");
  delete env.NUMBER;
  equal(env.NUMBER, undefined);
  throws(() => { env.SYMBOL = Symbol("x"); }, TypeError);
});

test("what a program asks of its surroundings", () => {
  equal(process.cwd(), "/bundle");
  equal(process.platform, "linux");
  assert(/^v22\./.test(process.version) && process.versions.node === process.version.slice(1));
  assert(Array.isArray(process.argv) && process.argv.length > 0);
  equal(process.uptime(), 0);
  equal(process.umask(), 0o22);
  deepEqual(process.memoryUsage(), { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 });
});

test("hrtime moves with the clock of the event", () => {
  const [seconds, nanoseconds] = process.hrtime();
  assert(Number.isInteger(seconds) && nanoseconds < 1e9);
  deepEqual(process.hrtime([seconds, nanoseconds]), [0, 0]);
  equal(typeof process.hrtime.bigint(), "bigint");
});

test("ticks run before the next timer, with their arguments", async () => {
  const order = [];
  setTimeout(() => order.push("timer"), 0);
  nextTick((value) => order.push(value), "tick");
  await new Promise((resolve) => setTimeout(resolve, 1));
  deepEqual(order, ["tick", "timer"]);
  throws(() => nextTick(5), TypeError);
});

test("warnings reach their listeners", async () => {
  const warning = new Promise((resolve) => process.once("warning", resolve));
  process.emitWarning("careful", { type: "Careful", code: "C1" });
  const { name, message, code } = await warning;
  deepEqual([name, message, code], ["Careful", "careful", "C1"]);
});

test("a rejection that nobody handles reaches the process's listeners", async () => {
  const heard = new Promise((resolve) => process.once("unhandledRejection", (...args) => resolve(args)));
  const reason = new Error("nobody cares");
  const promise = Promise.reject(reason);
  const [first, second] = await heard;
  assert(first === reason && second === promise);
});

test("what a worker cannot do says so", () => {
  throws(() => process.exit(3), /process.exit\(3\)/);
  equal(throws(() => process.kill(1)).code, "ERR_METHOD_NOT_IMPLEMENTED");
  equal(throws(() => process.chdir("/x")).code, "ENOENT");
  throws(() => process.binding("fs"), /process.binding/);
});

test("os gives fixed answers", () => {
  deepEqual([os.EOL, os.platform(), os.type(), os.arch(), os.endianness(), os.hostname()], ["\n", "linux", "Linux", "x64", "LE", "localhost"]);
  deepEqual([os.cpus(), os.loadavg(), os.networkInterfaces()], [[], [0, 0, 0], {}]);
  equal(os.constants.signals.SIGTERM, 15);
  equal(os.constants.errno.ENOENT, 2);
  equal(`${os.platform}`, "linux");
});

test("diagnostics channels deliver to subscribers", () => {
  const channel = diagnostics.channel("test:a");
  assert(diagnostics.channel("test:a") === channel);
  const seen = [];
  const listener = (message, name) => seen.push([message, name]);
  equal(channel.hasSubscribers, false);
  diagnostics.subscribe("test:a", listener);
  equal(diagnostics.hasSubscribers("test:a"), true);
  channel.publish(1);
  equal(diagnostics.unsubscribe("test:a", listener), true);
  equal(diagnostics.unsubscribe("test:a", listener), false);
  channel.publish(2);
  deepEqual(seen, [[1, "test:a"]]);
});

test("a channel enters its bound stores", () => {
  const storage = new AsyncLocalStorage();
  const channel = diagnostics.channel("test:b");
  channel.bindStore(storage, (message) => message.id);
  equal(channel.runStores({ id: 5 }, (add) => storage.getStore() + add, null, 1), 6);
  equal(channel.unbindStore(storage), true);
  equal(channel.runStores({ id: 5 }, () => storage.getStore()), undefined);
});

test("tracing channels follow an operation", async () => {
  const events = [];
  const tracing = diagnostics.tracingChannel("test:c");
  const note = (name) => (context) => events.push([name, context.result ?? context.error?.message]);
  tracing.subscribe({ start: note("start"), end: note("end"), asyncStart: note("asyncStart"), asyncEnd: note("asyncEnd"), error: note("error") });
  equal(tracing.traceSync((a) => a + 1, {}, null, 1), 2);
  throws(() => tracing.traceSync(() => { throw new Error("x"); }), /x/);
  equal(await tracing.tracePromise(async () => 3), 3);
  await new Promise((resolve) => tracing.traceCallback((done) => queueMicrotask(() => done(null, 4)), -1, {}, null, resolve));
  deepEqual(events, [
    ["start", undefined], ["end", 2], ["start", undefined], ["error", "x"], ["end", "x"],
    ["start", undefined], ["end", undefined], ["asyncStart", 3], ["asyncEnd", 3],
    ["start", undefined], ["end", undefined], ["asyncStart", 4], ["asyncEnd", 4],
  ]);
});
