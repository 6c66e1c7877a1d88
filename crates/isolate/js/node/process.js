/** `node:process`, and the global of the same name: the little of a process that a worker has. */
import { log, now } from "atoll:native/io";
import { queueMicrotask } from "../async_context.js";
import { TextDecoder } from "../encoding.js";
import { env as bindings } from "../env.js";
import { builtinModule } from "../node_support/builtins.js";
import { invalidArgType, invalidArgValue, NodeError, notImplemented } from "../node_support/errors.js";
import { validateArray, validateFunction, validateString } from "../node_support/validators.js";
import { EventEmitter } from "./events.js";

/** The Node release whose API is followed. */
const NODE_VERSION = "22.23.4";

let filled = false;
const variables = {};

/** Text bindings, and JSON bindings as text, become variables when the environment is first looked at. */
function filledVariables() {
  if (filled) return variables;
  filled = true;
  for (const [name, value] of Object.entries(bindings)) {
    const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
    if (typeof value === "string") variables[name] ??= value;
    else if (prototype === Object.prototype || Array.isArray(value) || typeof value === "number" || typeof value === "boolean") {
      variables[name] ??= JSON.stringify(value);
    }
  }
  return variables;
}

function toVariable(name, value) {
  if (typeof name === "symbol" || typeof value === "symbol") {
    throw new TypeError("Cannot convert a Symbol value to a string");
  }
  return `${value}`;
}

const environment = new Proxy(variables, {
  get: (_, name) => filledVariables()[name],
  has: (_, name) => name in filledVariables(),
  set(_, name, value) {
    filledVariables()[name] = toVariable(name, value);
    return true;
  },
  deleteProperty(_, name) {
    return delete filledVariables()[name];
  },
  ownKeys: () => Reflect.ownKeys(filledVariables()),
  getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(filledVariables(), name),
  defineProperty(_, name, descriptor) {
    if (!descriptor.configurable || !descriptor.enumerable || !descriptor.writable || !("value" in descriptor)) {
      throw new NodeError(
        "ERR_INVALID_OBJECT_DEFINE_PROPERTY",
        "'process.env' only accepts a configurable, writable, and enumerable data descriptor",
      );
    }
    filledVariables()[name] = toVariable(name, descriptor.value);
    return true;
  },
});

/** One of the standard outputs: lines go to the log. The parts of a stream that programs use on them. */
class Output extends EventEmitter {
  #level;
  #partial = "";
  writable = true;
  destroyed = false;

  constructor(fd, level) {
    super();
    this.fd = fd;
    this.#level = level;
  }

  write(chunk, encoding, callback) {
    if (typeof encoding === "function") callback = encoding;
    if (typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) {
      throw invalidArgType("chunk", ["string", "Buffer", "TypedArray", "DataView"], chunk);
    }
    const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop();
    for (const line of lines) log(this.#level, line);
    if (typeof callback === "function") queueMicrotask(() => callback());
    return true;
  }

  end(chunk, encoding, callback) {
    for (const argument of [chunk, encoding, callback]) {
      if (typeof argument === "function") queueMicrotask(() => argument());
    }
    if (typeof chunk === "string" || ArrayBuffer.isView(chunk)) this.write(chunk);
    if (this.#partial !== "") log(this.#level, this.#partial);
    this.#partial = "";
    return this;
  }

  cork() {}
  uncork() {}

  getColorDepth() {
    return 1;
  }

  hasColors() {
    return false;
  }
}
Output.prototype.isTTY = false;

/** The standard input: always at its end. */
class Input extends EventEmitter {
  fd = 0;
  isTTY = false;
  readable = false;
  destroyed = false;
  setEncoding() {
    return this;
  }
  read() {
    return null;
  }
  resume() {
    return this;
  }
  pause() {
    return this;
  }
  async *[Symbol.asyncIterator]() {}
}

/** What `process` inherits from, under the name that Node gives it. */
function Process() {
  EventEmitter.call(this);
}
Process.prototype = Object.create(EventEmitter.prototype, {
  constructor: { value: Process, writable: true, configurable: true },
  [Symbol.toStringTag]: { value: "process", configurable: true },
});
Object.defineProperty(Process, "name", { value: "process" });

/** The events of the global scope that become events of `process`, once somebody listens. */
const FORWARDED = {
  uncaughtException: ["error", (event) => [event.error, "uncaughtException"]],
  unhandledRejection: ["unhandledrejection", (event) => [event.reason, event.promise]],
  rejectionHandled: ["rejectionhandled", (event) => [event.promise]],
};
const forwarding = new Set();

Process.prototype.on = Process.prototype.addListener = function (name, listener) {
  EventEmitter.prototype.on.call(this, name, listener);
  if (Object.hasOwn(FORWARDED, name) && !forwarding.has(name)) {
    forwarding.add(name);
    const [type, argumentsOf] = FORWARDED[name];
    globalThis.addEventListener(type, (event) => {
      if (this.emit(name, ...argumentsOf(event))) event.preventDefault();
    });
  }
  return this;
};

const process = new Process();

const refuse = (name) => {
  const method = () => {
    throw notImplemented(`process.${name}`);
  };
  return Object.defineProperty(method, "name", { value: name });
};

function nextTick(callback, ...args) {
  validateFunction(callback, "callback");
  queueMicrotask(() => callback(...args));
}

function hrtime(previous) {
  const nanoseconds = BigInt(Math.round(now() * 1e6));
  let seconds = Number(nanoseconds / 1_000_000_000n);
  let rest = Number(nanoseconds % 1_000_000_000n);
  if (previous !== undefined) {
    validateArray(previous, "time");
    if (previous.length !== 2) throw invalidArgValue("time", previous, "must be a tuple of 2 integers");
    seconds -= previous[0];
    rest -= previous[1];
    if (rest < 0) {
      seconds--;
      rest += 1e9;
    }
  }
  return [seconds, rest];
}
hrtime.bigint = () => BigInt(Math.round(now() * 1e6));

function emitWarning(warning, type, code) {
  let detail;
  if (typeof type === "object" && type !== null && !Array.isArray(type)) ({ type, code, detail } = type);
  if (typeof type === "function") type = code = undefined;
  if (typeof code === "function") code = undefined;
  if (type !== undefined) validateString(type, "type");
  if (code !== undefined) validateString(code, "code");
  if (typeof warning === "string") {
    warning = Object.assign(new Error(warning), { name: String(type || "Warning") });
    if (code !== undefined) warning.code = code;
    if (detail !== undefined) warning.detail = detail;
  } else if (!(warning instanceof Error)) {
    throw invalidArgType("warning", ["Error", "string"], warning);
  }
  if (warning.name === "DeprecationWarning") {
    if (process.noDeprecation) return;
    if (process.throwDeprecation) throw warning;
  }
  nextTick(() => {
    if (process.emit("warning", warning)) return;
    const tag = warning.code ? `[${warning.code}] ` : "";
    log("warn", `(node:${process.pid}) ${tag}${warning.name}: ${warning.message}`);
  });
}

function exit(code) {
  const shown = code ?? process.exitCode ?? 0;
  throw new Error(`The Node.js process.exit(${shown}) API was called. Canceling the request.`);
}

function missingFile(syscall, path) {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${syscall} '${path}'`), {
    errno: -2,
    code: "ENOENT",
    syscall,
    path,
  });
}

const NO_MEMORY_FIGURES = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };
const memoryUsage = () => ({ ...NO_MEMORY_FIGURES });
memoryUsage.rss = () => 0;

Object.assign(process, {
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION, v8: "", uv: "", zlib: "", modules: "127", openssl: "", napi: "", unicode: "" },
  title: "atoll",
  argv: ["atoll"],
  argv0: "atoll",
  execArgv: [],
  execPath: "",
  arch: "x64",
  platform: "linux",
  pid: 1,
  ppid: 0,
  debugPort: 0,
  exitCode: undefined,
  release: { name: "node", lts: true, sourceUrl: "", headersUrl: "" },
  config: { target_defaults: { default_configuration: "Release" }, variables: {} },
  features: {
    inspector: false,
    debug: false,
    uv: true,
    ipv6: true,
    tls_alpn: true,
    tls_sni: true,
    tls_ocsp: true,
    tls: true,
    cached_builtins: true,
    require_module: false,
    typescript: false,
  },
  env: environment,
  stdin: new Input(),
  stdout: new Output(1, "log"),
  stderr: new Output(2, "error"),
  connected: false,
  channel: null,
  domain: null,
  noDeprecation: false,
  throwDeprecation: false,
  traceDeprecation: false,
  sourceMapsEnabled: false,
  moduleLoadList: [],
  allowedNodeEnvironmentFlags: new Set(),
  permission: { has: () => true },
  finalization: { register() {}, registerBeforeExit() {}, unregister() {} },
  _exiting: false,
  nextTick,
  hrtime,
  emitWarning,
  exit,
  reallyExit: exit,
  abort: () => exit("abort"),
  cwd: () => "/bundle",
  chdir(directory) {
    validateString(directory, "directory");
    throw missingFile("chdir", directory);
  },
  umask: () => 0o22,
  uptime: () => 0,
  memoryUsage,
  constrainedMemory: () => 0,
  availableMemory: () => 0,
  getuid: () => 0,
  geteuid: () => 0,
  getgid: () => 0,
  getegid: () => 0,
  getgroups: () => [],
  getBuiltinModule(id) {
    validateString(id, "id");
    return builtinModule(id);
  },
  loadEnvFile(path = ".env") {
    throw missingFile("open", path);
  },
  getSourceMapsSupport: () => ({ enabled: false, nodeModules: false, generatedCode: false }),
  setSourceMapsEnabled() {},
  ref() {},
  unref() {},
  assert(value, message) {
    if (value) return;
    throw new NodeError("ERR_ASSERTION", message || "assertion error");
  },
  openStdin: () => process.stdin,
});

const REFUSED = [
  "_kill", "binding", "cpuUsage", "dlopen", "execve", "getActiveResourcesInfo", "hasUncaughtExceptionCaptureCallback",
  "initgroups", "kill", "resourceUsage", "send", "setUncaughtExceptionCaptureCallback", "setegid", "seteuid", "setgid",
  "setgroups", "setuid", "threadCpuUsage",
];
for (const name of REFUSED) process[name] = refuse(name);

export const {
  abort, allowedNodeEnvironmentFlags, arch, argv, argv0, assert, availableMemory, binding, channel, chdir, config,
  connected, constrainedMemory, cpuUsage, cwd, debugPort, dlopen, domain, env, execArgv, execPath, execve, exitCode,
  features, finalization, getActiveResourcesInfo, getBuiltinModule, getSourceMapsSupport, getegid, geteuid, getgid,
  getgroups, getuid, hasUncaughtExceptionCaptureCallback, initgroups, kill, loadEnvFile, moduleLoadList, noDeprecation,
  openStdin, permission, pid, platform, ppid, reallyExit, ref, release, resourceUsage, send, setSourceMapsEnabled,
  setUncaughtExceptionCaptureCallback, setegid, seteuid, setgid, setgroups, setuid, sourceMapsEnabled, stderr, stdin,
  stdout, threadCpuUsage, throwDeprecation, title, traceDeprecation, umask, unref, uptime, version, versions,
} = process;
export { emitWarning, exit, hrtime, memoryUsage, nextTick };
export default process;
