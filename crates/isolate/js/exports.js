// What the program exports, and how its handlers are found.

import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from "./cloudflare/workers.js";
import { env } from "./env.js";
import { exportClass, exportEntrypoint } from "./loopback.js";
import { instanceClass } from "./workflows/classes.js";

const HANDLERS = ["fetch", "scheduled", "test", "tail", "queue", "email", "alarm", "tailStream", "trace"];

/** @type {Record<string, any>} */
let exported = {};

const isClass = (value, Base) => typeof value === "function" && (value === Base || value.prototype instanceof Base);

function kindOf(value) {
  if (isClass(value, DurableObject)) return "object";
  if (isClass(value, WorkflowEntrypoint)) return "workflow";
  if (isClass(value, WorkerEntrypoint)) return "worker";
  if (typeof value === "object" && value !== null) return "handlers";
  // Classes of objects from before the base class existed need not extend anything.
  if (typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value))) return "object";
  return undefined;
}

const has = (value, name) => {
  const holder = typeof value === "function" ? value.prototype : value;
  return typeof holder?.[name] === "function";
};

/** Keeps the main module's exports and lists them as `[name, kind, handlers]`. */
export function install(namespace) {
  exported = namespace;
  const listed = [];
  for (const name of Object.keys(namespace)) {
    const value = namespace[name];
    const kind = kindOf(value);
    if (kind === undefined) continue;
    if (kind === "worker" || (kind === "handlers" && (name === "default" || typeof value.fetch === "function"))) {
      exportEntrypoint(name);
    }
    if (kind === "object") exportClass(name);
    const handlers = HANDLERS.filter((handler) => has(value, handler));
    if (kind !== "handlers" || name === "default" || handlers.length > 0) listed.push([name, kind, handlers]);
  }
  return listed;
}

/** The exported class of a Durable Object. @param {string} name */
export function objectClass(name) {
  const Class = instanceClass(name) ?? exported[name];
  if (typeof Class !== "function") throw new NoHandler(`Worker does not export a class named ${name}.`);
  return Class;
}

/** The exported class of a Workflow. @param {string} name */
export function workflowClass(name) {
  const Class = exported[name];
  if (!isClass(Class, WorkflowEntrypoint)) throw new NoHandler(`Worker does not export a Workflow named ${name}.`);
  return Class;
}

class NoHandler extends Error {}
Object.defineProperty(NoHandler.prototype, "name", { value: "Error", writable: true, configurable: true });

export const isNoHandler = (error) => error instanceof NoHandler;

/**
 * What methods of an entrypoint are called on.
 * @returns {{ target: object, ownProperties: boolean, handlers: boolean }}
 */
export function callable(entrypoint, ctx) {
  const value = exported[entrypoint ?? "default"];
  if (typeof value === "object" && value !== null) return { target: value, ownProperties: true, handlers: true };
  if (typeof value === "function") return { target: new value(ctx, env), ownProperties: false, handlers: false };
  throw noEntrypoint(entrypoint);
}

/** Calls the handler for `name` events of an entrypoint with `argument`, and gives back what it gives. */
export function callHandler(entrypoint, name, argument, ctx) {
  const value = exported[entrypoint ?? "default"];
  if (typeof value === "object" && value !== null) {
    if (typeof value[name] !== "function") throw new NoHandler(`Handler does not export a ${name}() function.`);
    return value[name](argument, env, ctx);
  }
  if (typeof value === "function") {
    const instance = new value(ctx, env);
    if (typeof instance[name] !== "function") throw new NoHandler(`Handler does not export a ${name}() function.`);
    return instance[name](argument);
  }
  throw noEntrypoint(entrypoint);
}

const noEntrypoint = (entrypoint) =>
  new NoHandler(
    entrypoint === undefined || entrypoint === null || entrypoint === "default"
      ? "Worker has no default entrypoint."
      : `Worker has no such entrypoint: ${entrypoint}`,
  );

