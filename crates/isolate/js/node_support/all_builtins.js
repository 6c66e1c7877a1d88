/** Registers every built-in module, so that they can be had by name. */
import assert from "../node/assert.js";
import assertStrict from "../node/assert/strict.js";
import asyncHooks from "../node/async_hooks.js";
import buffer from "../node/buffer.js";
import childProcess from "../node/child_process.js";
import cluster from "../node/cluster.js";
import console from "../node/console.js";
import constants from "../node/constants.js";
import crypto from "../node/crypto.js";
import dgram from "../node/dgram.js";
import diagnosticsChannel from "../node/diagnostics_channel.js";
import dns from "../node/dns.js";
import dnsPromises from "../node/dns/promises.js";
import domain from "../node/domain.js";
import events from "../node/events.js";
import fs from "../node/fs.js";
import fsPromises from "../node/fs/promises.js";
import http from "../node/http.js";
import http2 from "../node/http2.js";
import https from "../node/https.js";
import inspector from "../node/inspector.js";
import inspectorPromises from "../node/inspector/promises.js";
import net from "../node/net.js";
import os from "../node/os.js";
import path from "../node/path.js";
import pathPosix from "../node/path/posix.js";
import pathWin32 from "../node/path/win32.js";
import perfHooks from "../node/perf_hooks.js";
import process from "../node/process.js";
import punycode from "../node/punycode.js";
import querystring from "../node/querystring.js";
import readline from "../node/readline.js";
import readlinePromises from "../node/readline/promises.js";
import repl from "../node/repl.js";
import sqlite from "../node/sqlite.js";
import stream from "../node/stream.js";
import streamConsumers from "../node/stream/consumers.js";
import streamPromises from "../node/stream/promises.js";
import streamWeb from "../node/stream/web.js";
import stringDecoder from "../node/string_decoder.js";
import sys from "../node/sys.js";
import test from "../node/test.js";
import timers from "../node/timers.js";
import timersPromises from "../node/timers/promises.js";
import tls from "../node/tls.js";
import traceEvents from "../node/trace_events.js";
import tty from "../node/tty.js";
import url from "../node/url.js";
import util from "../node/util.js";
import utilTypes from "../node/util/types.js";
import v8 from "../node/v8.js";
import vm from "../node/vm.js";
import wasi from "../node/wasi.js";
import workerThreads from "../node/worker_threads.js";
import zlib from "../node/zlib.js";
import { registerBuiltins } from "./builtins.js";

registerBuiltins({
  assert, "assert/strict": assertStrict, "async_hooks": asyncHooks, buffer, "child_process": childProcess, cluster,
  console, constants, crypto, dgram, "diagnostics_channel": diagnosticsChannel, dns, "dns/promises": dnsPromises,
  domain, events, fs, "fs/promises": fsPromises, http, http2, https, inspector,
  "inspector/promises": inspectorPromises, net, os, path, "path/posix": pathPosix, "path/win32": pathWin32,
  "perf_hooks": perfHooks, process, punycode, querystring, readline, "readline/promises": readlinePromises, repl,
  sqlite, stream, "stream/consumers": streamConsumers, "stream/promises": streamPromises, "stream/web": streamWeb,
  "string_decoder": stringDecoder, sys, test, timers, "timers/promises": timersPromises, tls,
  "trace_events": traceEvents, tty, url, util, "util/types": utilTypes, v8, vm, wasi,
  "worker_threads": workerThreads, zlib,
});
