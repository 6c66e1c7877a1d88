// Tries what COMPAT.md says, and fails with a list of what is not so.
import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";
import module from "node:module";
import { differences } from "./differences.js";
import page from "./page.json";
import { purposes } from "./purposes.js";

// What the language itself has, and what the bundler's pass calls.
const LANGUAGE = new Set(
  ("AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DOMException " +
    "DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function " +
    "Infinity Int16Array Int32Array Int8Array Iterator JSON Map Math NaN Number Object Promise Proxy RangeError " +
    "ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError " +
    "Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI " +
    "encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape " +
    "__atoll_ctx_get __atoll_ctx_set __atoll_ctx_wait").split(" "),
);
const UNAVAILABLE = "ERR_METHOD_NOT_IMPLEMENTED";

/** Whether a module does what it is for. */
async function isThere(specifier, namespace) {
  const purpose = purposes[specifier];
  if (purpose === undefined) return Object.keys(namespace).length > 0;
  try {
    await purpose(namespace);
    return true;
  } catch (error) {
    return error?.code !== UNAVAILABLE;
  }
}

async function exists(name, scope) {
  const call = name.endsWith("()");
  const path = call ? name.slice(0, -2) : name;
  let value;
  let members;
  if (/^(node|cloudflare):/.test(path)) {
    const [specifier, ...rest] = path.split(".");
    let namespace;
    try {
      namespace = await import(/* @vite-ignore */ specifier);
    } catch {
      return false;
    }
    if (rest.length === 0) return isThere(specifier, namespace);
    [value, members] = [namespace, rest];
  } else {
    members = path.split(".");
    const first = members[0];
    value = Object.hasOwn(scope, first) ? scope : globalThis;
  }
  for (const member of members) {
    if (value === undefined || value === null || !(member in Object(value))) return false;
    // An accessor of a prototype has no receiver.
    try {
      value = value[member];
    } catch {
      return !call;
    }
  }
  return !call || typeof value === "function";
}

async function unlike(rows, scope) {
  const wrong = [];
  for (const { area, there, missing } of rows) {
    for (const name of there) {
      if (!(await exists(name, scope))) wrong.push(`${area}: ${name} is not there`);
    }
    for (const name of missing) {
      const isHead = missing.some((other) => other.startsWith(`${name}.`));
      if (!isHead && (await exists(name, scope))) wrong.push(`${area}: ${name} is not missing`);
    }
  }
  return wrong;
}

const isInside = (row) => [...row.there, ...row.missing].some((name) => name.startsWith("this."));

export class Flow extends WorkflowEntrypoint {
  async run(event, step) {
    const text = (promise) => promise.then(() => "nothing", (error) => error.message);
    const once = { retries: { limit: 0, delay: 0 } };
    return text(step.do("stream", once, () => new Response("a").body));
  }
}

export class Inside extends DurableObject {
  async tryPage() {
    return unlike(page.filter(isInside), { this: this });
  }

  echo(value) {
    return value;
  }

  async setAlarm() {
    await this.ctx.storage.setAlarm(Date.now() + 3_600_000);
    return (await this.ctx.storage.getAlarm()) > Date.now();
  }

  alarm() {}

  setAlarmOfFacet() {
    return this.ctx.facets.get("a", () => ({ class: this.ctx.exports.Inside })).setAlarm();
  }
}

async function unlikeDifferences(scope) {
  const wrong = [];
  const told = new Set(page.flatMap((row) => row.differences));
  for (const clause of told) {
    if (!Object.hasOwn(differences, clause)) wrong.push(`differences.js does not try: ${clause}`);
  }
  for (const [clause, shows] of Object.entries(differences)) {
    if (!told.has(clause)) wrong.push(`COMPAT.md does not say: ${clause}`);
    else {
      const shown = await new Promise((resolve) => resolve(shows(scope))).catch((error) => error);
      if (shown !== true) wrong.push(`does not show: ${clause} (${shown})`);
    }
  }
  return wrong;
}

/** Globals and modules that no row has. */
function leftOut() {
  const named = new Set(page.flatMap((row) => [...row.there, ...row.missing]).map((name) => name.split(/[.(]/)[0]));
  const globals = Object.getOwnPropertyNames(globalThis).filter((name) => !LANGUAGE.has(name) && !named.has(name));
  const modules = module.builtinModules.filter((name) => !named.has(`node:${name}`));
  return [...globals, ...modules].map((name) => `no row has ${name}`);
}

export default {
  fetch() {
    return new Response("self");
  },

  async test(controller, env, ctx) {
    const scope = { ctx, env, request: new Request("http://compat.test/") };
    const wrong = [
      ...(await unlike(page.filter((row) => !isInside(row)), scope)),
      ...(await env.OBJECT.getByName("page").tryPage()),
      ...(await unlikeDifferences(scope)),
      ...leftOut(),
    ];
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  },
};
