// Values as they travel: bytes, and a list of the capabilities and streams that they mention.

import { proxyDetails } from "atoll:native/inspect";
import { deriveObject } from "atoll:native/rpc";
import { decodeUtf8 } from "../encoding.js";
import { incomingStream, streamToWire } from "../io.js";
import { capabilityOfFetcher, fetcherOf } from "../fetch.js";
import { capabilityOfLoader, makeLoader } from "../loader.js";
import { classOf, heldClass } from "../objects/class.js";
import { makeId } from "../objects/id.js";
import { capabilityOfNamespace, makeNamespace, partsOfStub, stubOfObject } from "../objects/namespace.js";
import { makeService, serviceOf } from "../services/index.js";
import { isReadableStream, isWritableStream } from "../streams/internal.js";
import { dataCloneError, deserialize, serialize } from "../structured_clone.js";
import { interfaces } from "../webidl.js";
import { grip, lastingGrip, newCapability } from "./grips.js";
import { keep, kindOf } from "./kept.js";
import { gripOf, isUnsettled, makeStub, sourceOf } from "./stubs.js";
import { EXTRAS, referenceTo, reviveExtra, writableTo, writeExtra } from "./values.js";

const STUB = "stub";
const READABLE = "readable";
const WRITABLE = "writable";
const SERVICE = "service";

const EXPORT = 0;
const CAPABILITY = 1;

const NO_RECEIVER =
  "Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a plain object " +
  "or an RpcTarget, as indicated by the Proxy's prototype chain.";

const unsupported = (type) =>
  dataCloneError(`Could not serialize object of type "${type}". This type does not support serialization.`);

/** What travels with a value that is being written. */
export class Sending {
  /** @type {unknown[][] | undefined} */
  refers = undefined;
  /** Stubs that the value mentions. @type {import("./grips.js").Grip[]} */
  grips = [];

  /** @param {unknown[]} reference */
  refer(reference) {
    return (this.refers ??= []).push(reference) - 1;
  }

  export(target, dispose) {
    const { id, object } = keep(target, dispose);
    return this.refer([EXPORT, id, object ?? null]);
  }

  extend(value) {
    const held = gripOf(value);
    if (held !== undefined) {
      this.grips.push(held);
      return [STUB, this.refer([CAPABILITY, held.capability])];
    }
    if (isUnsettled(value)) throw unsupported(value.constructor.name);
    const service = serviceOf(value);
    if (service !== undefined) {
      return [SERVICE, [service.kind, this.refer([CAPABILITY, service.held.capability]), service.name]];
    }
    const capability =
      capabilityOfFetcher(value) ?? capabilityOfNamespace(value) ?? capabilityOfLoader(value) ?? classCapability(value);
    if (capability !== undefined) return [STUB, this.refer([CAPABILITY, capability])];
    const parts = partsOfStub(value);
    if (parts !== undefined) return [STUB, this.refer([CAPABILITY, objectCapability(parts)])];
    if (typeof value === "function") return [STUB, this.export(value)];
    // What stands for something else goes on doing that: it is asked for each property when others want it.
    if (proxyDetails(value) !== undefined) {
      if (kindOf(value) === undefined) throw dataCloneError(NO_RECEIVER);
      return [STUB, this.export(value)];
    }
    if (value instanceof Error) return undefined;
    if (isReadableStream(value)) return [READABLE, this.refer(referenceTo(streamToWire(value)))];
    if (isWritableStream(value)) return [WRITABLE, this.export(writableTo(value))];
    const kind = kindOf(value);
    if (kind === "target") return [STUB, this.export(value)];
    if (kind === "plain") return undefined;
    const extra = writeExtra(value, this);
    if (extra !== undefined) return extra;
    return refuseClasses(value);
  }
}

/** The capability of a class, which has to be there. */
function classCapability(value) {
  const held = heldClass(value);
  if (held?.ready !== undefined) throw new Error("The Dynamic Worker is not there yet.");
  return held?.capability;
}

/** Classes of the language, of which the codec knows what to say. */
const builtIn = new Set([Promise, WeakMap, WeakSet, WeakRef, FinalizationRegistry].map((Class) => Class.prototype));

/** What has a class of the worker's own cannot be told to others. */
function refuseClasses(value) {
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    if (at === Object.prototype) break;
    if (interfaces.has(at) || builtIn.has(at)) return undefined;
  }
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== "string") return undefined;
  throw unsupported(name);
}

/** Capabilities that stand for one object each. @type {WeakMap<object, import("./grips.js").Grip>} */
const ofObjects = new WeakMap();

function objectCapability({ stub, namespace, id, name }) {
  let held = ofObjects.get(stub);
  if (held === undefined) {
    const capability = newCapability();
    deriveObject(capability, namespace, id, name);
    held = grip(capability);
    ofObjects.set(stub, held);
  }
  return held.capability;
}

/** The capability of an object's stub; undefined for what is none. */
export function capabilityOfStub(value) {
  const parts = partsOfStub(value);
  return parts === undefined ? undefined : objectCapability(parts);
}

/** The longest text that is handed on as it is. */
const MAX_PLAIN_TEXT = 64 * 1024;

/** Whether a value is the same for whoever has it, so that a copy would be no other. */
export function isPlain(value) {
  switch (typeof value) {
    case "string":
      return value.length <= MAX_PLAIN_TEXT;
    case "number":
    case "boolean":
    case "undefined":
      return true;
    default:
      return value === null;
  }
}

/** @param {unknown} value */
export function pack(value) {
  const sending = new Sending();
  const bytes = serialize(value, sending);
  return { bytes, refers: sending.refers };
}

/** What a method gave: its stubs are the caller's from now on, and what it has to say at the end is remembered. */
export function packResult(value) {
  const sending = new Sending();
  let dispose;
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    dispose = value[Symbol.dispose];
    if (typeof dispose === "function") delete value[Symbol.dispose];
  }
  const bytes = serialize(value, sending);
  // Nothing in the value mentions it: it goes when the whole value goes.
  if (typeof dispose === "function") sending.export(value, dispose);
  return { bytes, refers: sending.refers, sent: () => sending.grips.forEach((held) => held.dispose()) };
}

/** What came with a value that is being read. */
class Receiving {
  /** Stubs to dispose of with the value. @type {{ dispose(): void }[]} */
  held = [];
  #refers;
  #seen;

  #grip;

  constructor(refers, makeGrip = grip) {
    this.#refers = refers;
    this.#grip = makeGrip;
    this.#seen = new Set();
  }

  /** @param {number} index */
  take(index) {
    const reference = this.#refers?.[index];
    if (reference === undefined || this.#seen.has(index)) throw dataCloneError("Unable to deserialize cloned data.");
    this.#seen.add(index);
    return reference;
  }

  stub(index) {
    const [kind, number, extra, name] = this.take(index);
    switch (kind) {
      case 0: {
        const stub = makeStub(this.#grip(number));
        this.held.push(gripOf(stub));
        return stub;
      }
      case 1: {
        const held = this.#grip(number);
        const fetcher = fetcherOf(held);
        held.heldBy(fetcher);
        return fetcher;
      }
      case 2:
        return makeNamespace(number, extra);
      case 3:
        return stubOfObject(number, makeIdOf(extra, name));
      case 6:
        return makeLoader(number);
      case 7: {
        const held = this.#grip(number);
        const value = classOf(held);
        held.heldBy(value);
        return value;
      }
      default:
        throw dataCloneError("A capability of this kind cannot be passed to another Worker.");
    }
  }

  stream(index) {
    const [kind, number, length] = this.take(index);
    if (kind !== 4) throw dataCloneError("Unable to deserialize cloned data.");
    return incomingStream(number, length < 0 ? null : length);
  }

  /** The binding to a service. @param {[kind: string, index: number, name?: string]} payload */
  service([kind, index, name]) {
    const [given, number, key] = this.take(index);
    if (kind === "workflow" && given === 2) return makeService(kind, { capability: number }, { name, key });
    if (given !== 1) throw dataCloneError("Unable to deserialize cloned data.");
    const held = this.#grip(number);
    const service = makeService(kind, held);
    held.heldBy(service);
    return service;
  }

  /** What the value does not mention goes with it. */
  rest() {
    this.#refers?.forEach(([kind, number], index) => {
      if (!this.#seen.has(index) && kind !== 4 && kind !== 5) this.held.push(grip(number));
    });
    return this.held;
  }

  revive(name, payload) {
    if (name === STUB) return this.stub(payload);
    if (name === READABLE) return this.stream(payload);
    if (name === SERVICE) return this.service(payload);
    if (name === WRITABLE) {
      const stub = this.stub(payload);
      return EXTRAS.writable(sourceOf(gripOf(stub)), stub);
    }
    return reviveExtra(name, payload, this);
  }
}

const makeIdOf = (bytes, name) => makeId(bytes, name ?? undefined);

/** @param {{ value: ArrayBuffer, refers?: unknown[][] }} parcel */
export function unpack(parcel) {
  const receiving = new Receiving(parcel.refers);
  const value = deserialize(new Uint8Array(parcel.value), receiving);
  return { value, held: receiving.rest() };
}

/** What a call gave, or what it threw. */
export function unpackAnswer(answer) {
  if (Object.hasOwn(answer, "plain")) return answer.plain;
  if (answer.thrown !== undefined) throw failure(new Uint8Array(answer.thrown));
  if (answer.refers === undefined) return withDisposer(deserialize(new Uint8Array(answer.value), NOTHING), undefined);
  const { value, held } = unpack(answer);
  return withDisposer(value, held);
}

const NOTHING = new Receiving(undefined);

/** A result that is an object can be disposed of, with all stubs in it. */
function withDisposer(value, held) {
  if (typeof value !== "object" || value === null || gripOf(value) !== undefined) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype && !Array.isArray(value)) return value;
  Object.defineProperty(value, Symbol.dispose, {
    value() {
      held?.forEach((each) => each.dispose());
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });
  return value;
}

/** @param {Uint8Array} bytes */
function failure(bytes) {
  const error = deserialize(bytes, NOTHING);
  if ((typeof error === "object" && error !== null) || typeof error === "function") {
    try {
      error.remote = true;
    } catch {
      // A frozen one stays as it is.
    }
  }
  return error;
}

/** The properties of `env` that another worker gave: they last as long as this one. */
export function unpackEnvironment(parcel) {
  return deserialize(new Uint8Array(parcel.value), new Receiving(parcel.refers, lastingGrip));
}

/** `ctx.props` out of what the host tells of them. */
export function unpackProps(parcel) {
  if (parcel === undefined || parcel === null) return {};
  const bytes = new Uint8Array(parcel.value);
  // A configuration has them as JSON. No value begins with a brace.
  return bytes[0] === BRACE ? JSON.parse(decodeUtf8(bytes)) : unpack(parcel).value;
}
const BRACE = 0x7b;
