// Calls that arrive: whose method it is, what it is given, and what its caller gets.

import { checkSize } from "atoll:native/objects";
import { returned, thrown } from "atoll:native/rpc";
import { set } from "../async_context.js";
import { env } from "../env.js";
import { describe } from "../errors.js";
import { EventContext } from "../event_context.js";
import { ExecutionContext } from "../execution_context.js";
import { callable, isNoHandler } from "../exports.js";
import { serialize, TOO_LARGE_FOR_RPC } from "../structured_clone.js";
import { kindOf, keptUnder, letGo } from "./kept.js";
import { lookup, methodOf } from "./lookup.js";
import { isPlain, packResult, unpack } from "./parcels.js";
import { gripOf } from "./stubs.js";

const isStub = (value) => gripOf(value) !== undefined;

/** What is serialized with this, has to fit into an answer. */
const ANSWER = {};

function serializeThrown(error) {
  try {
    const bytes = serialize(typeof error === "object" && error !== null ? error : new Error(String(error)), ANSWER);
    checkSize(bytes.byteLength);
    return bytes;
  } catch (failure) {
    const isTooLarge = failure instanceof Error && failure.message.startsWith(TOO_LARGE_FOR_RPC);
    const { name, message } = describe(isTooLarge ? failure : error);
    return serialize(Object.assign(new Error(message), { name }));
  }
}

/** Callers see on an error which object it came from. */
function nameObject(error, object) {
  if (typeof error !== "object" || error === null || !Object.isExtensible(error)) return;
  if (!Object.hasOwn(error, "durableObjectId")) error.durableObjectId = object.id.toString();
}

/**
 * Does what a call asks of a target, and tells the caller what came of it.
 * @param {EventContext} event
 * @param {(what: unknown) => { target: object, ownProperties: boolean, isEntrypoint?: boolean, handlers?: boolean }} find
 * @param {string[]} path
 * @param {{ value: ArrayBuffer, refers?: unknown[][] } | undefined} parcel the arguments; without them a property is read
 * @param {unknown} [what] what `find` is to look at
 */
export function serve(event, find, path, parcel, what = undefined) {
  let held;
  let result;
  try {
    const found = find(what);
    const { value, receiver } = lookup(found, path, kindOf, isStub);
    if (parcel === undefined) {
      result = typeof value === "function" && !isStub(value) ? bound(value, receiver) : value;
    } else {
      if (typeof value !== "function") throw new TypeError(`"${path.join(".") || "(this)"}" is not a function.`);
      let args = parcel.plain;
      if (args === undefined) ({ value: args, held } = unpack(parcel));
      result = Reflect.apply(value, receiver, found.handlers ? withEnvironment(event, path, value, args) : args);
    }
  } catch (error) {
    fail(event, held, error);
    return;
  }
  settle(event, held, result);
}

/** The same for a method of a Durable Object that is called by its name. */
export function serveObject(event, object, name, parcel) {
  let held;
  let result;
  try {
    const method = methodOf(object, name);
    if (typeof method !== "function") throw new TypeError(`"${name || "(this)"}" is not a function.`);
    let args = parcel.plain;
    if (args === undefined) ({ value: args, held } = unpack(parcel));
    result = Reflect.apply(method, object, args);
  } catch (error) {
    fail(event, held, error);
    return;
  }
  const { visit } = event;
  if (visit === undefined || held !== undefined || !isPlain(result)) {
    settle(event, held, result);
    return;
  }
  visit.plain(result);
  event.succeed();
}

/** Tells the caller what a method gave, once that is there: what is no object is there at once. */
function settle(event, held, result) {
  if (result === null || (typeof result !== "object" && typeof result !== "function")) {
    tryToGive(event, held, result);
    return;
  }
  Promise.resolve(result).then(
    (value) => tryToGive(event, held, value),
    (error) => fail(event, held, error),
  );
}

function tryToGive(event, held, value) {
  try {
    give(event, held, value);
  } catch (error) {
    fail(event, held, error);
  }
}

function give(event, held, value) {
  const { visit } = event;
  if (visit !== undefined && isPlain(value)) {
    visit.plain(value);
  } else {
    const { bytes, refers, sent } = packResult(value);
    if (event.isOpen) {
      if (visit === undefined) returned(event.id, bytes, refers);
      else visit.returned(bytes, refers);
    }
    sent();
  }
  over(event, held);
}

function fail(event, held, error) {
  if (event.object !== undefined) nameObject(error, event.object);
  if (event.isOpen) {
    const bytes = serializeThrown(error);
    if (event.visit === undefined) thrown(event.id, bytes);
    else event.visit.thrown(bytes);
  }
  over(event, held);
}

function over(event, held) {
  if (held !== undefined) for (const each of held) each.dispose();
  event.succeed();
}

/** A method that is read keeps what it is a method of. */
const bound = (method, receiver) => (receiver === undefined ? method : (...args) => Reflect.apply(method, receiver, args));

/** Handlers that are no class's take `env` and `ctx` after what the caller gives. */
function withEnvironment(event, path, method, args) {
  const name = path.join(".");
  if (method.length > 3) {
    throw new TypeError(
      `Cannot call handler function "${name}" over RPC because it has the wrong number of arguments. A simple function ` +
        "handler can only be called over RPC if it has exactly the arguments (arg, env, ctx), where only the first " +
        "argument comes from the client. To support multi-argument RPC functions, use class-based syntax (extending " +
        "WorkerEntrypoint) instead.",
    );
  }
  if (args.length !== 1) {
    throw new TypeError(
      `Attempted to call RPC function "${name}" with the wrong number of arguments. When calling a top-level handler ` +
        "function that is not declared as part of a class, you must always send exactly one argument. In order to " +
        "support variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) " +
        "instead.",
    );
  }
  return [args[0], env, new ExecutionContext(event)];
}

/** What an export lets its callers do. @param {number} id */
export function findKept(id) {
  const entry = keptUnder(id);
  if (entry === undefined) throw new Error("The RPC target was disposed of.");
  return entry;
}

export const host = {
  entrypointCall(id, entrypoint, props, path, parcel) {
    const event = new EventContext(id);
    set(event.context);
    const find = () => ({ ...callable(entrypoint, new ExecutionContext(event, props)), isEntrypoint: true });
    try {
      serve(event, find, path, parcel);
    } catch (error) {
      event.fail(error, isNoHandler(error) ? "nohandler" : undefined);
    }
  },
  exportCall(id, number, path, parcel) {
    const event = new EventContext(id);
    set(event.context);
    const entry = keptUnder(number);
    if (entry?.session !== undefined) event.joinSession(entry.session);
    serve(event, findKept, path, parcel, number);
  },
  released: letGo,
};
