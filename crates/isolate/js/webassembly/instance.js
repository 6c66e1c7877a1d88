// WebAssembly.Instance. See https://webassembly.github.io/spec/js-api/#instances

import { describe, instantiate as nativeInstantiate, isModule, newGlobal } from "atoll:native/wasm";
import { isObject } from "./arguments.js";
import { LinkError } from "./errors.js";
import { globalOf, globalState, moveGlobal } from "./global.js";
import { memoryOf, memoryState, moveMemory } from "./memory.js";
import { isFunctionReference, Store, storeOfFunction } from "./store.js";
import { moveTable, tableOf, tableState } from "./table.js";
import { defineInterface } from "../webidl.js";

const states = { memory: memoryState, table: tableState, global: globalState };
const moves = { memory: moveMemory, table: moveTable, global: moveGlobal };

/** What a module imports, in its order: `[kind, value, type, mutable]`, checked as far as no store is needed for that. */
function readImports(module, importObject, place) {
  const [imports] = describe(module);
  if (importObject !== undefined && !isObject(importObject)) {
    throw new TypeError(`${place}: Argument 1 must be an object`);
  }
  if (imports.length > 0 && importObject === undefined) {
    throw new TypeError(`${place}: Imports argument must be present and must be an object`);
  }
  return imports.map(([from, name, kind, type, mutable], index) => {
    const holder = importObject[from];
    if (!isObject(holder)) {
      throw new TypeError(`${place}: Import #${index} "${from}": module is not an object or function`);
    }
    const value = holder[name];
    const wrong = checkImport(kind, value, type, mutable);
    if (wrong !== undefined) throw new LinkError(`${place}: Import #${index} "${from}" "${name}": ${wrong}`);
    return [kind, value, type, mutable];
  });
}

/** What is wrong with an import. */
function checkImport(kind, value, type, mutable) {
  switch (kind) {
    case "function":
      return typeof value === "function" ? undefined : "function import requires a callable";
    case "memory":
      return memoryState(value) ? undefined : "memory import must be a WebAssembly.Memory object";
    case "table":
      return tableState(value) ? undefined : "table import requires a WebAssembly.Table";
    default:
      return checkGlobal(value, type, mutable);
  }
}

function checkGlobal(value, type, mutable) {
  const global = globalState(value);
  if (global !== undefined) {
    if (global.mutable !== mutable) return "imported global does not match the expected mutability";
    return global.type === type ? undefined : "imported global does not match the expected type";
  }
  if (mutable) return "imported mutable global must be a WebAssembly.Global object";
  switch (type) {
    case "externref":
      return undefined;
    case "anyfunc":
      return isFunctionReference(value)
        ? undefined
        : "imported funcref global must be null or WebAssembly function ('function') object";
    case "i64":
      return typeof value === "bigint" ? undefined : "global import must be a BigInt";
    case "v128":
      return "global import must be a WebAssembly.Global object";
    default:
      return typeof value === "number"
        ? undefined
        : "global import must be a number, valid Wasm reference, or WebAssembly.Global object";
  }
}

/** The store for a new instance. What is imported of stores without instances moves there. */
function chooseStore(imports, place) {
  const shared = imports.filter(([kind, value]) => states[kind]?.(value) !== undefined);
  const stores = new Set(shared.map(([kind, value]) => states[kind](value).store));
  const settled = [...stores].filter((store) => store.isSettled);
  if (settled.length > 1) {
    throw new LinkError(
      `${place}: memories, tables and globals come from instances that have nothing to do with each other, ` +
        "and such cannot be linked together here",
    );
  }
  const [, exported] = imports.find(([kind, value]) => kind === "function" && storeOfFunction(value)) ?? [];
  const store = settled[0] ?? stores.values().next().value ?? Store.of(storeOfFunction(exported)) ?? new Store();
  for (const [kind, value] of shared) {
    if (states[kind](value).store !== store) moves[kind](value, store);
  }
  return store;
}

/** @param {string} place begins the messages of errors */
export function makeExports(module, importObject, place) {
  const imports = readImports(module, importObject, place);
  const store = chooseStore(imports, place);
  const values = imports.map(([kind, value, type]) => {
    if (kind === "function") return value;
    const state = states[kind](value);
    return state === undefined ? newGlobal(store.native, type, false, value) : state.index;
  });
  store.isSettled = true;
  const made = nativeInstantiate(store.native, module, values, place);
  const exports = Object.create(null);
  for (const [name, kind, value] of made) exports[name] = fromStore(store, kind, value);
  return Object.freeze(exports);
}

function fromStore(store, kind, value) {
  switch (kind) {
    case "memory":
      return memoryOf(store, value);
    case "table":
      return tableOf(store, value);
    case "global":
      return globalOf(store, value);
    default:
      return value;
  }
}

const own = Symbol("own");

export class Instance {
  #exports;

  constructor(module, importObject = undefined) {
    if (module === own) {
      this.#exports = importObject;
      return;
    }
    if (!isModule(module)) throw new TypeError("WebAssembly.Instance(): Argument 0 must be a WebAssembly.Module");
    this.#exports = makeExports(module, importObject, "WebAssembly.Instance()");
  }

  get exports() {
    return this.#exports;
  }
}
defineInterface(Instance, { name: "WebAssembly.Instance" });

/** The instance that has these exports. */
export const instanceOf = (exports) => new Instance(own, exports);
