import { test, assert, equal, throws } from "atoll:test";
import { builtinModules, createRequire, isBuiltin } from "node:module";
import fs from "node:fs";
import http, { Agent, METHODS, STATUS_CODES } from "node:http";
import https from "node:https";
import net from "node:net";
import tty from "node:tty";
import { isMainThread, threadId } from "node:worker_threads";
import { performance as perf } from "node:perf_hooks";
import { Console } from "node:console";
import constants from "node:constants";

const require = createRequire("/bundle/index.js");

test("every built-in module can be required with and without prefix", () => {
  for (const name of builtinModules) {
    assert(isBuiltin(name) && isBuiltin(`node:${name}`), name);
    assert(require(name) === require(`node:${name}`), name);
    assert(process.getBuiltinModule(name) === require(name), name);
  }
  assert(builtinModules.includes("fs") && builtinModules.includes("stream/promises") && !builtinModules.includes("sqlite"));
  assert(isBuiltin("node:sqlite") && !isBuiltin("sqlite"));
  throws(() => require("left-pad"), /No such module "left-pad"/);
  equal(process.getBuiltinModule("left-pad"), undefined);
});

test("default exports are the mutable module objects", async () => {
  for (const name of ["path", "util", "fs", "events", "buffer", "stream", "url", "zlib", "http", "child_process"]) {
    const { default: module } = await import(`node:${name}`);
    assert(module === require(name), name);
    module.addedByTest = 1;
    equal(require(name).addedByTest, 1);
    delete module.addedByTest;
  }
});

test("what needs processes, sockets, terminals or evaluation says so", () => {
  for (const [name, call] of [
    ["child_process", (m) => m.spawn("ls")], ["net", (m) => m.connect(80)], ["net", (m) => new m.Socket()], ["tls", (m) => m.connect({})],
    ["dgram", (m) => m.createSocket("udp4")], ["dns", (m) => m.lookup("x", () => {})], ["http", (m) => m.createServer()],
    ["https", (m) => m.createServer()], ["http2", (m) => m.connect("http://x")], ["vm", (m) => m.runInThisContext("1")],
    ["worker_threads", (m) => new m.Worker("x")], ["readline", (m) => m.createInterface({})], ["repl", (m) => m.start()],
    ["cluster", (m) => m.fork()], ["inspector", (m) => m.open()], ["wasi", (m) => new m.WASI({})], ["v8", (m) => m.getHeapSnapshot()],
    ["fs", (m) => m.watch("/tmp")], ["domain", (m) => m.create()], ["trace_events", (m) => m.createTracing({})], ["perf_hooks", (m) => m.createHistogram()],
  ]) {
    const error = throws(() => call(require(name)));
    equal(error.code, "ERR_METHOD_NOT_IMPLEMENTED", name);
    assert(error.message.startsWith(`${name}.`) && error.message.includes(" is not implemented: "), error.message);
  }
});

test("the parts of http that need no network work", () => {
  equal(STATUS_CODES[404], "Not Found");
  assert(METHODS.includes("PATCH"));
  assert(new Agent({ keepAlive: true }).keepAlive && http.globalAgent instanceof Agent);
  equal(new https.Agent().defaultPort, 443);
  throws(() => http.validateHeaderName("a b"), TypeError);
  throws(() => http.validateHeaderValue("a", "\n"), TypeError);
});

test("addresses are told apart", () => {
  for (const [text, kind] of [
    ["1.2.3.4", 4], ["256.1.1.1", 0], ["01.2.3.4", 0], ["1.2.3", 0], ["::", 6], ["::1", 6], ["1:2:3:4:5:6:7:8", 6], ["1::2::3", 0],
    ["::ffff:1.2.3.4", 6], ["fe80::1%eth0", 6], ["g::1", 0], ["1:2:3:4:5:6:7", 0], ["1:2:3:4:5:6:7:8:9", 0], ["", 0], ["12345::", 0],
  ]) equal(net.isIP(text), kind, text);
});

test("the process is alone, and its console writes to any stream", () => {
  equal(isMainThread, true);
  equal(threadId, 0);
  equal(tty.isatty(1), false);
  assert(perf === performance);
  equal(constants.SIGTERM, 15);
  equal(constants.ENOENT, 2);
  let text = "";
  const console = new Console({ stdout: { write: (chunk) => { text += chunk; } } });
  console.log("a %d", 1);
  console.group();
  console.info({ b: 1 });
  equal(text, "a 1\n  { b: 1 }\n");
});
