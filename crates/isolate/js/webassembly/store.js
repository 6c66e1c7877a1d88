// Stores: what is linked with one another lives in one. A store is what the native side calls so.

import { importFunction, newStore } from "atoll:native/wasm";
import { CompileError, LinkError, RuntimeError } from "./errors.js";

/** Exported functions: where they are. @type {WeakMap<Function, { native: object, index: number }>} */
const functions = new WeakMap();

/** Functions of other stores, as they were imported into a store. @type {WeakMap<object, WeakMap<Function, number>>} */
const foreign = new WeakMap();

/** What the native side asks of this one. */
const api = {
  CompileError,
  LinkError,
  RuntimeError,
  register(exported, native, index) {
    functions.set(exported, { native, index });
  },
  index(native, value) {
    const known = functions.get(value);
    if (known === undefined) return undefined;
    if (known.native === native) return known.index;
    let imported = foreign.get(native);
    if (imported === undefined) foreign.set(native, (imported = new WeakMap()));
    let index = imported.get(value);
    if (index === undefined) imported.set(value, (index = importFunction(native, value, known.native, known.index)));
    return index;
  },
  list: (iterable) => [...iterable],
};

/** Whether a value is a function of WebAssembly, or null. */
export const isFunctionReference = (value) => value === null || (typeof value === "function" && functions.has(value));

/** The native store of an exported function; undefined for any other. */
export const storeOfFunction = (value) => functions.get(value)?.native;

/** The errors, as `compile` takes them. */
export const errors = api;

const byNative = new WeakMap();

export class Store {
  native = newStore(api);
  /** What JavaScript has of it, by its number there. */
  memories = [];
  tables = [];
  globals = [];
  /** It has instances, so nothing of it can move. */
  isSettled = false;

  constructor() {
    byNative.set(this.native, this);
  }

  static of(native) {
    return byNative.get(native);
  }
}
