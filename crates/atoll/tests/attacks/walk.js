// Finds every function and handle of the host that can be reached from some values and does not belong to ECMAScript
// itself.

const STANDARD = [
  "AggregateError", "Array", "ArrayBuffer", "Atomics", "BigInt", "BigInt64Array", "BigUint64Array", "Boolean",
  "DataView", "Date", "Error", "EvalError", "FinalizationRegistry", "Float16Array", "Float32Array", "Float64Array",
  "Function", "Int16Array", "Int32Array", "Int8Array", "InternalError", "Iterator", "JSON", "Map", "Math", "Number",
  "Object", "Promise", "Proxy", "RangeError", "ReferenceError", "Reflect", "RegExp", "Set", "SharedArrayBuffer",
  "String", "Symbol", "SyntaxError", "TypeError", "URIError", "Uint16Array", "Uint32Array", "Uint8Array",
  "Uint8ClampedArray", "WeakMap", "WeakRef", "WeakSet", "DOMException", "decodeURI", "decodeURIComponent",
  "encodeURI", "encodeURIComponent", "escape", "isFinite", "isNaN", "parseFloat", "parseInt", "unescape", "eval",
  "queueMicrotask", "AsyncDisposableStack", "DisposableStack", "SuppressedError", "DOMException", "performance", "atob", "btoa",
];

// Taken before anyone can tamper with them.
const { ownKeys, getOwnPropertyDescriptor, getPrototypeOf, apply, get } = Reflect;
const clone = structuredClone;
const functionText = Function.prototype.toString;
const seen = new Set();
const add = seen.add.bind(seen);
const has = seen.has.bind(seen);

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function isNative(value) {
  try {
    return apply(functionText, value, []).includes("[native code]");
  } catch {
    return true;
  }
}

/** A native value has no properties and no prototype. */
function isHandle(value) {
  if (typeof value !== "object" || getPrototypeOf(value) !== null || ownKeys(value).length > 0) return false;
  try {
    clone(value);
    return false;
  } catch {
    return true;
  }
}

/** Functions that settle a promise are made by the engine for each one, and have no name; natives all have theirs. */
function settles(value) {
  const name = getOwnPropertyDescriptor(value, "name");
  return (name === undefined || name.value === "") && value.length === 1 && ownKeys(value).every((key) => key === "length" || key === "name");
}

/** A class that is the engine's own kind of object, whose methods look at what they are called on. */
const ofHeaders = new Set([Headers]);
for (const name of ["append", "delete", "get", "getAll", "getSetCookie", "has", "set"]) ofHeaders.add(Headers.prototype[name]);
const isOfHeaders = ofHeaders.has.bind(ofHeaders);

/** What the bundler's pass calls around `await`. */
const KNOWN = ["__atoll_ctx_get", "__atoll_ctx_set", "__atoll_ctx_wait"];

/** Goes through everything that can be reached from `roots` (name to value), calling getters on the way. */
export function walk(roots, visit = () => {}) {
  const queue = [];
  const push = (path, value) => {
    if (!isObject(value) || has(value)) return;
    add(value);
    queue[queue.length] = [path, value];
  };
  for (const [name, value] of Object.entries(roots)) push(name, value);
  for (let index = 0; index < queue.length; index++) {
    if (index === 200000) throw new Error("there is too much to walk");
    const [path, value] = queue[index];
    visit(path, value);
    try {
      push(`${path}.__proto__`, getPrototypeOf(value));
      // Accessors answer to their objects alone.
      for (let holder = getPrototypeOf(value); holder !== null && holder !== Object.prototype; holder = getPrototypeOf(holder)) {
        for (const key of ownKeys(holder)) {
          if (getOwnPropertyDescriptor(holder, key).get === undefined) continue;
          try {
            push(`${path}.${String(key)}`, get(holder, key, value));
          } catch {}
        }
      }
      for (const key of ownKeys(value)) {
        const name = `${path}.${String(key)}`;
        const property = getOwnPropertyDescriptor(value, key);
        if (property === undefined) continue;
        push(name, property.value);
        push(`get ${name}`, property.get);
        push(`set ${name}`, property.set);
        if (property.get !== undefined) {
          try {
            push(name, value[key]);
          } catch {}
        }
      }
      if (value instanceof Map || value instanceof Set) {
        for (const [key, item] of value.entries()) {
          push(`${path}<key>`, key);
          push(`${path}<item>`, item);
        }
      }
    } catch {}
  }
}

/** Marks what is the engine's own by right. */
export function learnStandard() {
  const roots = {};
  for (const name of STANDARD) roots[name] = globalThis[name];
  const iterators = [[].values(), new Map().values(), new Set().values(), "".matchAll(/x/g), ""[Symbol.iterator](), (function* () {})(),
    (async function* () {})(), (async () => {})(), [].values().map((x) => x), Iterator.from?.({ next() {} }), ...Object.values(import.meta)];
  iterators.forEach((value, index) => { roots[`iterator ${index}`] = value; });
  walk(roots);
}

/** The names of natives reachable from `roots`. */
export function natives(roots) {
  const found = [];
  for (const name of KNOWN) add(globalThis[name]);
  walk(roots, (path, value) => {
    const native = typeof value === "function" ? isNative(value) && !settles(value) && !isOfHeaders(value) : isHandle(value);
    if (native) found.push(typeof value === "function" ? `${path} (${String(value.name)})` : path);
  });
  return found;
}
