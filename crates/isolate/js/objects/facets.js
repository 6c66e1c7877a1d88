// `ctx.facets`: objects in the care of an object.

import { abortFacet, cloneFacet, deleteFacet, deriveFacet, failFacet, startFacet } from "atoll:native/facets";
import { callFetch } from "atoll:native/io";
import { callRpc } from "atoll:native/rpc";
import { run } from "../async_context.js";
import { describe } from "../errors.js";
import { fetcherOf, sendWith } from "../fetch.js";
import { contextOfCall } from "../io.js";
import { grip, newCapability } from "../rpc/grips.js";
import { ask } from "../rpc/stubs.js";
import { callback, given } from "../storage/arguments.js";
import { dataCloneError, unmovable } from "../structured_clone.js";
import { encodeUtf8 } from "../encoding.js";
import { defineInterface, illegalConstructor, toDOMString } from "../webidl.js";
import { heldClass } from "./class.js";
import { bytesOf, isId, nameOf } from "./id.js";

const token = Symbol("DurableObjectFacets");

/** As in the protocol's limits. */
const MAX_NAME = 256;
const MAX_DEPTH = 4;

const NOT_SERIALIZABLE = "Stubs pointing to Durable Object facets are not serializable.";
const DELETED = "Facet was deleted.";
const CLONED_OVER = "Facet was cloned-over.";

/** What stubs of a facet share until the facet is aborted. */
class Channel {
  /** Why it is no more. @type {{ reason: unknown } | undefined} */
  broken = undefined;
  /** What waits for an answer. @type {Set<(reason: unknown) => void>} */
  waiting = new Set();

  break(reason) {
    this.broken = { reason };
    for (const reject of this.waiting) reject(reason);
    this.waiting.clear();
  }
}

/** Calls that are under way, and the stubs that they are made on. @type {Map<number, Stub>} */
const calls = new Map();

/** What a stub of a facet stands for. It costs nothing until it is used. */
class Stub {
  #facets;
  #name;
  #channel = undefined;
  #held = undefined;

  constructor(facets, name, getOptions) {
    this.#facets = facets;
    this.#name = name;
    this.getOptions = getOptions;
    this.source = {
      invoke: (path, args) =>
        this.#use((begun) =>
          ask(
            (call, event, names, bytes, refers) => {
              callRpc(call, this.#facet(), event, names, bytes, refers);
              begun(call);
            },
            path,
            args,
          ),
        ),
    };
  }

  get object() {
    return this.#facets.object;
  }

  get channel() {
    return (this.#channel ??= this.#facets.channel(this.#name));
  }

  /** Nobody else can have it. */
  get capability() {
    throw dataCloneError(NOT_SERIALIZABLE);
  }

  #facet() {
    if (this.#held === undefined) {
      const capability = newCapability();
      deriveFacet(capability, this.object.number, this.#name);
      this.#held = grip(capability).ownedBy(this);
    }
    return this.#held.capability;
  }

  fetch(request) {
    return this.#use((begun) =>
      sendWith(request, (call, event, wire) => {
        callFetch(call, this.#facet(), event, wire);
        begun(call);
      }),
    );
  }

  /** @param {(begun: (call: number) => void) => Promise<unknown>} begin */
  async #use(begin) {
    this.object.check();
    const { channel } = this;
    if (channel.broken !== undefined) throw channel.broken.reason;
    let call;
    const { promise: broken, reject } = Promise.withResolvers();
    channel.waiting.add(reject);
    try {
      return await Promise.race([
        begin((number) => {
          call = number;
          calls.set(call, this);
        }),
        broken,
      ]);
    } catch (error) {
      // A facet that has ended is no more remote than its parent.
      if (error?.durableObjectReset === true) delete error.remote;
      throw error;
    } finally {
      channel.waiting.delete(reject);
      if (call !== undefined) calls.delete(call);
    }
  }
}

/** The facets of one instance. */
export class Facets {
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** What the object has last said of each: how to find out what it is. @type {Map<string, () => unknown>} */
  #said = new Map();

  /** @param {import("./instance.js").Instance} object */
  constructor(object) {
    this.object = object;
  }

  channel(name) {
    let channel = this.#channels.get(name);
    if (channel === undefined) this.#channels.set(name, (channel = new Channel()));
    return channel;
  }

  say(name, getOptions) {
    this.#said.set(name, getOptions);
  }

  said(name) {
    return this.#said.get(name);
  }

  forget(name) {
    this.#said.delete(name);
  }

  break(name, reason) {
    this.#channels.get(name)?.break(reason);
    this.#channels.delete(name);
  }
}

export class DurableObjectFacets {
  #facets;

  constructor(key, object) {
    if (key !== token) throw illegalConstructor();
    this.#facets = new Facets(object);
    object.facets = this.#facets;
  }

  get(name, getStartupOptions) {
    const where = "'get' on 'DurableObjectFacets'";
    given(arguments.length, 1, where, "string");
    const text = checked(toDOMString(name));
    callback(getStartupOptions, 2, where);
    if (this.#facets.object.depth + 1 >= MAX_DEPTH) {
      throw new Error(
        `Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is ${MAX_DEPTH}.`,
      );
    }
    this.#facets.say(text, getStartupOptions);
    const stub = fetcherOf(new Stub(this.#facets, text, getStartupOptions));
    unmovable.set(stub, NOT_SERIALIZABLE);
    return stub;
  }

  abort(name, reason) {
    const where = "'abort' on 'DurableObjectFacets'";
    given(arguments.length, 1, where, "string");
    given(arguments.length, 2, where, "Value");
    const text = checked(toDOMString(name));
    const { object } = this.#facets;
    object.check();
    this.#facets.break(text, asError(reason));
    abortFacet(object.number, text, describe(reason).message.toWellFormed());
  }

  delete(name) {
    given(arguments.length, 1, "'delete' on 'DurableObjectFacets'", "string");
    const text = checked(toDOMString(name));
    const { object } = this.#facets;
    object.check();
    this.#facets.break(text, new Error(DELETED));
    this.#facets.forget(text);
    deleteFacet(object.number, text);
  }

  clone(from, to) {
    const where = "'clone' on 'DurableObjectFacets'";
    given(arguments.length, 1, where, "string");
    given(arguments.length, 2, where, "string");
    const [source, copy] = [from, to].map((name) => checked(toDOMString(name)));
    const { object } = this.#facets;
    object.check();
    this.#facets.break(copy, new Error(CLONED_OVER));
    cloneFacet(object.number, source, copy);
  }
}
defineInterface(DurableObjectFacets, { receiver: true });

/** What is no object is the message of an error. */
function asError(reason) {
  const isObject = (typeof reason === "object" && reason !== null) || typeof reason === "function";
  return isObject ? reason : new Error(String(reason));
}

function checked(name) {
  const text = name.toWellFormed();
  if (encodeUtf8(text).byteLength <= MAX_NAME) return text;
  throw new TypeError(`Facet name is too long (max ${MAX_NAME} characters).`);
}

/** @param {import("./instance.js").Instance} object */
export const makeFacets = (object) => new DurableObjectFacets(token, object);

/** What the object says that a facet is. */
async function options({ getOptions, object }) {
  const started = await getOptions();
  if (started === undefined || started === null) {
    throw new TypeError("Cannot initialize StartupOptions with required members from an undefined or null value.");
  }
  if (typeof started !== "object" && typeof started !== "function") {
    throw new TypeError("Callback returned incorrect type; expected 'Promise'");
  }
  const held = heldClass(started.class);
  if (held === undefined) {
    throw new TypeError(
      "Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type " +
        "'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.",
    );
  }
  if (held.ready !== undefined) await held.ready;
  return [held, started.id ?? object.id];
}

/** A call waits for being told what its facet is. */
function answer(call) {
  const stub = calls.get(call);
  if (stub === undefined) {
    failFacet(call, "Error", "The call on the facet is over.", "");
    return;
  }
  const { channel } = stub;
  // The class is held until the host has been told: with it would go its capability.
  const said = options(stub).then((started) => {
    if (channel.broken !== undefined) throw channel.broken.reason;
    tell(call, started);
  });
  said.catch((error) => {
    // All who wait get what was thrown as it is; the host needs to know as much as it can tell.
    if (channel.broken === undefined) {
      for (const reject of channel.waiting) reject(asError(error));
    }
    fail(call, error);
  });
}

function tell(call, [held, id]) {
  if (isId(id)) startFacet(call, held.capability, bytesOf(id), nameOf(id), undefined);
  else startFacet(call, held.capability, undefined, undefined, toDOMString(id).toWellFormed());
}

function fail(call, error) {
  const { name, message, stack } = describe(error);
  failFacet(call, name, message, stack);
}

/** A facet is to start that nobody has called. @param {import("./instance.js").Instance} object */
export async function sayWhatItIs(object, name, question) {
  try {
    const getOptions = object.facets?.said(name);
    if (getOptions === undefined) {
      throw new Error(
        `The Durable Object does not say what its facet "${name}" is: its constructor has to call ctx.facets.get() for ` +
          "a facet of a dynamic class that has alarms.",
      );
    }
    tell(question, await options({ getOptions, object }));
  } catch (error) {
    fail(question, error);
  }
}

export const host = {
  startFacet(call) {
    const context = contextOfCall(call);
    const object = context?.event?.object;
    if (object === undefined) answer(call);
    else object.gate.enter(context, () => run(context, answer, call));
  },
};
