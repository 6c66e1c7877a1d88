// Dynamic workers: code from strings, with nothing in reach but what it is handed.

import { deriveClass } from "atoll:native/facets";
import { deriveEntrypoint, deriveWorker, findWorker } from "atoll:native/rpc";
import { DISALLOWED_IN_GLOBAL_SCOPE } from "./errors.js";
import { capabilityOfFetcher, fetcherOf } from "./fetch.js";
import { call, inGlobalScope, now } from "./io.js";
import { encodeUtf8 } from "./encoding.js";
import { classOf } from "./objects/class.js";
import { grip, newCapability } from "./rpc/grips.js";
import { capabilityOfStub, pack } from "./rpc/parcels.js";
import { bufferSource, defineInterface, illegalConstructor, requireArguments, toDictionary, toUSVString, wrongArgument } from "./webidl.js";

const token = Symbol("WorkerLoader");

/** As in the protocol's limits. */
const MAX_CODE_BYTES = 32 * 1024 * 1024;
const MAX_ENV_BYTES = 1024 * 1024;
const MAX_TAILS = 10;

const KINDS = ["js", "cjs", "text", "data", "json", "py", "wasm"];
const SCRIPT = /\.(js|mjs|ts|mts|tsx|jsx)$/;

/** One of a worker's entrypoints or classes, once the worker is known. */
class Derived {
  #worker;
  #name;
  #options;
  #derived;
  #held = undefined;
  /** Resolves when there is a capability. */
  ready = undefined;

  /** @param {typeof deriveEntrypoint} derived makes a capability of that of the worker */
  constructor(worker, options, derived, name) {
    this.#worker = worker;
    this.#name = name;
    this.#options = options;
    this.#derived = derived;
    if (worker.ready === undefined) this.#derive();
    else {
      this.ready = worker.ready.then(() => {
        this.#derive();
        this.ready = undefined;
      });
      // Who uses it is told.
      this.ready.catch(() => {});
    }
  }

  #derive() {
    const { props, limits } = this.#options;
    const parcel = props === undefined ? {} : pack(props);
    const capability = newCapability();
    this.#derived(capability, this.#worker.capability, this.#name, parcel.bytes, [parcel.refers, limits]);
    this.#held = grip(capability).heldBy(this);
  }

  get capability() {
    if (this.#held === undefined) throw new Error("The Dynamic Worker is not there yet.");
    return this.#held.capability;
  }
}

/** A worker that was loaded, or is being loaded. */
export class WorkerStub {
  #held;
  ready = undefined;

  /** @param {import("./rpc/grips.js").Grip | Promise<import("./rpc/grips.js").Grip>} held */
  constructor(key, held) {
    if (key !== token) throw illegalConstructor();
    const keep = (made) => {
      this.#held = made.heldBy(this);
      this.ready = undefined;
    };
    if (held instanceof Promise) {
      this.ready = held.then(keep);
      this.ready.catch(() => {});
    } else keep(held);
    Object.defineProperty(this, "ready", { enumerable: false });
  }

  get capability() {
    return this.#held.capability;
  }

  getEntrypoint(name = undefined, options = undefined) {
    const entrypoint = name === undefined || name === null ? undefined : toUSVString(name);
    const { props, limits } = toDictionary(options, "EntrypointOptions", "'getEntrypoint' on 'WorkerStub'", 2);
    const narrower = readLimits(limits);
    const own = entrypoint === "default" ? undefined : entrypoint;
    return fetcherOf(new Derived(this, { props, limits: narrower }, deriveEntrypoint, own));
  }

  getDurableObjectClass(name = undefined, options = undefined) {
    const entrypoint = name === undefined || name === null ? "default" : toUSVString(name);
    const { props, limits } = toDictionary(options, "EntrypointOptions", "'getDurableObjectClass' on 'WorkerStub'", 2);
    return classOf(new Derived(this, { props, limits: readLimits(limits) }, deriveClass, entrypoint));
  }
}
defineInterface(WorkerStub);
Object.defineProperty(WorkerStub.prototype, "capability", { enumerable: false });

let capabilityOf;

/** What runs code. */
export class WorkerLoader {
  #capability;

  constructor(key, capability) {
    if (key !== token) throw illegalConstructor();
    this.#capability = capability;
  }

  /** The worker of this name; `getCode` is asked when it is not there. */
  get(name, getCode) {
    requireArguments(arguments.length, 2, "'get' on 'WorkerLoader'", "string, function");
    if (typeof getCode !== "function") throw wrongArgument("'get' on 'WorkerLoader'", 2, "function");
    if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
    const id = name === null || name === undefined ? undefined : toUSVString(name);
    return new WorkerStub(token, this.#find(id, getCode));
  }

  async #find(id, getCode) {
    if (id !== undefined) {
      const found = await call(undefined, (number, event) => findWorker(number, this.#capability, event, id));
      if (found !== undefined && found !== null) return grip(found);
    }
    return this.#make(id, await getCode());
  }

  load(code) {
    requireArguments(arguments.length, 1, "'load' on 'WorkerLoader'", "WorkerCode");
    if (inGlobalScope()) throw new Error(DISALLOWED_IN_GLOBAL_SCOPE);
    return new WorkerStub(token, this.#make(undefined, code));
  }

  #make(id, code) {
    const { listed, env } = readCode(code);
    const capability = newCapability();
    deriveWorker(capability, this.#capability, id, listed, env?.bytes, env?.refers);
    return grip(capability);
  }

  static {
    capabilityOf = (value) => (#capability in value ? value.#capability : undefined);
  }
}
defineInterface(WorkerLoader, { receiver: true });

/** The number of a loader's capability; undefined for what is none. */
export const capabilityOfLoader = (value) => (typeof value === "object" && value !== null ? capabilityOf(value) : undefined);

/** The value of a loader binding. @param {number} capability */
export const makeLoader = (capability) => new WorkerLoader(token, capability);

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const CurrentDate = Date;

/** A day that has come. */
function readDate(value) {
  const date = toUSVString(value);
  const time = CurrentDate.parse(`${date}T00:00:00Z`);
  if (!DATE.test(date) || Number.isNaN(time)) throw new Error(`Invalid compatibility date: ${date}`);
  if (time <= now()) return date;
  const today = new CurrentDate(now()).toISOString().slice(0, 10);
  throw new Error(
    `This Worker requires compatibility date "${date}", but the newest date supported by this server binary is "${today}".`,
  );
}

/** `WorkerLoaderWorkerCode` as the native takes it. */
function readCode(code) {
  const { compatibilityDate, compatibilityFlags, mainModule, modules, env, globalOutbound, tails, streamingTails, limits } =
    toDictionary(code, "WorkerCode", "'load' on 'WorkerLoader'", 1);
  if (mainModule === undefined) throw new TypeError("Missing field 'mainModule' in 'WorkerCode'.");
  if (modules === undefined || modules === null || typeof modules !== "object") {
    throw new TypeError("Missing field 'modules' in 'WorkerCode'.");
  }
  if ((streamingTails?.length ?? 0) > 0) throw new Error("Streaming Tail Workers are not supported: use 'tails'.");
  const read = Object.entries(modules).map(([name, content]) => readModule(name, content));
  if (read.length === 0) throw new TypeError("Dynamic Worker code must contain at least one module.");
  const size = read.reduce((sum, [, , content]) => sum + content.byteLength, 0);
  if (size > MAX_CODE_BYTES) {
    throw new TypeError(`Dynamic Worker code size (${size} bytes) exceeds the maximum allowed size of ${MAX_CODE_BYTES} bytes.`);
  }
  const parcel = env === undefined || env === null ? undefined : pack(env);
  if (parcel !== undefined && parcel.bytes.byteLength > MAX_ENV_BYTES) {
    throw new TypeError(
      `Dynamic Worker env size (${parcel.bytes.byteLength} bytes) exceeds the maximum allowed size of ${MAX_ENV_BYTES} bytes.`,
    );
  }
  return {
    listed: [
      toUSVString(mainModule),
      readDate(compatibilityDate),
      readFlags(compatibilityFlags),
      read,
      readOutbound(globalOutbound),
      readLimits(limits),
      readTails(tails),
    ],
    env: parcel,
  };
}

function readFlags(flags) {
  if (flags === undefined || flags === null) return [];
  if (Array.isArray(flags)) return flags.map(toUSVString);
  throw new TypeError("Incorrect type for the 'compatibilityFlags' field on 'WorkerCode': the provided value is not of type 'Array'.");
}

function readOutbound(outbound) {
  if (outbound === undefined || outbound === null) return outbound;
  const capability = capabilityOfFetcher(outbound);
  if (capability === undefined) {
    throw new TypeError("Incorrect type for the 'globalOutbound' field on 'WorkerCode': the provided value is not of type 'Fetcher'.");
  }
  return capability;
}

/** The capabilities of those who follow the worker. */
function readTails(tails) {
  const followers = Array.from(tails ?? []);
  if (followers.length > MAX_TAILS) throw new TypeError(`A Dynamic Worker can have at most ${MAX_TAILS} tails.`);
  return followers.map((follower) => {
    const capability = capabilityOfFetcher(follower) ?? capabilityOfStub(follower);
    if (capability !== undefined) return capability;
    throw new TypeError("Incorrect type for the 'tails' field on 'WorkerCode': the provided value is not of type 'Fetcher'.");
  });
}

/** `[name, kind, bytes]` */
function readModule(name, content) {
  if (typeof content === "string") {
    if (name.endsWith(".py")) throw new Error(`Python modules are not supported yet: "${name}".`);
    if (!SCRIPT.test(name)) {
      throw new TypeError(
        "Module name must end with '.js' or '.py' (or the content must be an object indicating the type explicitly). " +
          `Got: ${name}`,
      );
    }
    return [name, "js", encodeUtf8(content)];
  }
  const given = toDictionary(content, "WorkerModule");
  const kinds = KINDS.filter((kind) => given[kind] !== undefined);
  if (kinds.length !== 1) {
    throw new TypeError(`Each module must contain exactly one of ${KINDS.map((kind) => `'${kind}'`).join(", ")}. Module: ${name}`);
  }
  const [kind] = kinds;
  const value = given[kind];
  switch (kind) {
    case "js":
    case "cjs":
    case "text":
      return [name, kind, encodeUtf8(toUSVString(value))];
    case "json":
      return [name, kind, encodeUtf8(JSON.stringify(value))];
    case "py":
      throw new Error(`Python modules are not supported yet: "${name}".`);
    default: {
      const bytes = bufferSource(value);
      if (bytes === undefined) throw new TypeError(`The '${kind}' of module "${name}" is not of type 'ArrayBuffer'.`);
      return [name, kind, bytes];
    }
  }
}

const LIMITS = ["cpuMs", "subRequests", "memoryMb", "wallMs"];

function readLimits(limits) {
  if (limits === undefined || limits === null) return undefined;
  return LIMITS.map((name) => {
    const value = limits[name];
    if (value === undefined || value === null) return undefined;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number > 2 ** 31) {
      throw new TypeError(`The limit '${name}' must be a whole number that is not negative.`);
    }
    return number;
  });
}
