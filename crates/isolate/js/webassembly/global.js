// WebAssembly.Global. See https://webassembly.github.io/spec/js-api/#globals

import { globalGet, globalSet, globalType, newGlobal } from "atoll:native/wasm";
import { isObject } from "./arguments.js";
import { isFunctionReference, Store } from "./store.js";
import { defineInterface } from "../webidl.js";

const own = Symbol("own");
const NO_FUNCTION = "function-typed object must be null (if nullable) or a Wasm function object";

let stateOf;

/** What a global of a type begins with where nothing is said. */
const BEGINNINGS = { i32: 0, i64: 0n, f32: 0, f64: 0, anyfunc: null, externref: undefined };

export class Global {
  /** @type {{ store: Store, index: number, type: string, mutable: boolean }} */
  #at;

  constructor(descriptor, value = undefined) {
    if (descriptor === own) {
      this.#at = value;
      return;
    }
    const place = "WebAssembly.Global()";
    if (!isObject(descriptor)) throw new TypeError(`${place}: Argument 0 must be a global descriptor`);
    const mutable = Boolean(descriptor.mutable);
    const type = String(descriptor.value);
    if (type === "v128") throw new TypeError(`${place}: A global of type 'v128' cannot be created in JavaScript`);
    if (!Object.hasOwn(BEGINNINGS, type)) {
      throw new TypeError(`${place}: Descriptor property 'value' must be a WebAssembly type`);
    }
    const first = value === undefined ? BEGINNINGS[type] : value;
    if (type === "anyfunc" && !isFunctionReference(first)) throw new TypeError(`${place}: ${NO_FUNCTION}`);
    const store = new Store();
    const index = newGlobal(store.native, type, mutable, first);
    this.#at = { store, index, type, mutable };
    store.globals[index] = this;
  }

  valueOf() {
    return this.#get("valueOf");
  }

  get value() {
    return this.#get("value");
  }

  set value(value) {
    const { store, index, type, mutable } = this.#at;
    if (!mutable) throw new TypeError("set WebAssembly.Global.value): Can't set the value of an immutable global.");
    if (type === "v128") throw new TypeError("set WebAssembly.Global.value: Can't set the value of s128 global");
    if (type === "anyfunc" && !isFunctionReference(value)) {
      throw new TypeError(`set WebAssembly.Global.value: ${NO_FUNCTION}`);
    }
    globalSet(store.native, index, value);
  }

  #get(name) {
    const { store, index, type } = this.#at;
    if (type === "v128") throw new TypeError(`get WebAssembly.Global.${name}: Can't get the value of s128 global`);
    return globalGet(store.native, index);
  }

  static {
    stateOf = (value) => (isObject(value) && #at in value ? value.#at : undefined);
  }
}
Object.defineProperty(Global, "length", { value: 1, configurable: true });
defineInterface(Global, { name: "WebAssembly.Global" });

/** Where a global is; undefined for anything else. */
export const globalState = (value) => stateOf(value);

/** The global with this number in a store. */
export function globalOf(store, index) {
  if (store.globals[index] === undefined) {
    const [type, mutable] = globalType(store.native, index);
    store.globals[index] = new Global(own, { store, index, type, mutable });
  }
  return store.globals[index];
}

/** Moves a global into another store. */
export function moveGlobal(global, store) {
  const at = stateOf(global);
  const value = globalGet(at.store.native, at.index);
  at.index = newGlobal(store.native, at.type, at.mutable, value);
  at.store = store;
  store.globals[at.index] = global;
}
