// WebAssembly.Table. See https://webassembly.github.io/spec/js-api/#tables

import { newTable, tableGet, tableGrow, tableLength, tableSet, tableType } from "atoll:native/wasm";
import { isAddress64, isObject, toAddress, toLimits } from "./arguments.js";
import { isFunctionReference, Store } from "./store.js";
import { defineInterface } from "../webidl.js";

const MAX_ENTRIES = 10_000_000;
const own = Symbol("own");
const NO_FUNCTION = "function-typed object must be null (if nullable) or a Wasm function object";

let stateOf;

/** What a table holds where nothing is said. */
const nothing = (element) => (element === "externref" ? undefined : null);

export class Table {
  /** @type {{ store: Store, index: number, element: string, is64: boolean }} */
  #at;

  constructor(descriptor, value = undefined) {
    if (descriptor === own) {
      this.#at = value;
      return;
    }
    const place = "WebAssembly.Table()";
    if (!isObject(descriptor)) throw new TypeError(`${place}: Argument 0 must be a table descriptor`);
    const is64 = isAddress64(descriptor.address, place);
    const element = String(descriptor.element);
    if (element !== "anyfunc" && element !== "externref") {
      throw new TypeError(`${place}: Descriptor property 'element' must be a WebAssembly reference type`);
    }
    const [initial, maximum] = toLimits(descriptor, is64, place, MAX_ENTRIES, is64 ? Number.MAX_SAFE_INTEGER : 0xffffffff);
    const first = arguments.length < 2 || (value === undefined && element === "anyfunc") ? nothing(element) : value;
    if (element === "anyfunc" && !isFunctionReference(first)) {
      throw new TypeError(`${place}: Argument 1 is invalid: ${NO_FUNCTION}`);
    }
    const store = new Store();
    const index = newTable(store.native, element, initial, maximum, first, is64);
    if (index === undefined) throw new RangeError(`${place}: could not allocate table`);
    this.#at = { store, index, element, is64 };
    store.tables[index] = this;
  }

  get length() {
    return this.#told(tableLength(this.#at.store.native, this.#at.index));
  }

  grow(delta, value = undefined) {
    const { store, index, element } = this.#at;
    const entries = toAddress(delta, this.#at.is64, "WebAssembly.Table.grow(): Argument 0", { upper: Infinity });
    const filling = value === undefined ? nothing(element) : value;
    if (element === "anyfunc" && !isFunctionReference(filling)) {
      throw new TypeError(`WebAssembly.Table.grow(): Argument 1 is invalid: ${NO_FUNCTION}`);
    }
    const length = tableLength(store.native, index);
    const before = length + entries > MAX_ENTRIES ? undefined : tableGrow(store.native, index, entries, filling);
    if (before === undefined) throw new RangeError(`WebAssembly.Table.grow(): failed to grow table by ${entries}`);
    return this.#told(before);
  }

  /** A number as the table tells it. */
  #told(number) {
    return this.#at.is64 ? BigInt(number) : number;
  }

  set(index, value = undefined) {
    const at = this.#at;
    const address = this.#find(index, "set");
    const entry = arguments.length < 2 ? nothing(at.element) : value;
    if (at.element === "anyfunc" && !isFunctionReference(entry)) {
      throw new TypeError(`WebAssembly.Table.set(): Argument 1 is invalid for table: ${NO_FUNCTION}`);
    }
    tableSet(at.store.native, at.index, address, entry);
  }

  get(index) {
    return tableGet(this.#at.store.native, this.#at.index, this.#find(index, "get"));
  }

  #find(index, method) {
    const { store, index: table, element, is64 } = this.#at;
    const address = toAddress(index, is64, `WebAssembly.Table.${method}(): Argument 0`, { upper: Infinity });
    const length = tableLength(store.native, table);
    if (address >= length) {
      const type = element === "anyfunc" ? "funcref" : element;
      throw new RangeError(`WebAssembly.Table.${method}(): invalid address ${address} in ${type} table of size ${length}`);
    }
    return address;
  }

  static {
    stateOf = (value) => (isObject(value) && #at in value ? value.#at : undefined);
  }
}
for (const [name, length] of [["grow", 1], ["set", 1], ["get", 1]]) {
  Object.defineProperty(Table.prototype[name], "length", { value: length, configurable: true });
}
defineInterface(Table, { name: "WebAssembly.Table" });

/** Where a table is; undefined for anything else. */
export const tableState = (value) => stateOf(value);

/** The table with this number in a store. */
export function tableOf(store, index) {
  if (store.tables[index] === undefined) {
    const [element, , is64] = tableType(store.native, index);
    store.tables[index] = new Table(own, { store, index, element, is64 });
  }
  return store.tables[index];
}

/** Moves a table into another store. */
export function moveTable(table, store) {
  const at = stateOf(table);
  const { native } = at.store;
  const length = tableLength(native, at.index);
  const [element, maximum, is64] = tableType(native, at.index);
  const index = newTable(store.native, element, length, maximum, null, is64);
  if (index === undefined) throw new RangeError("could not allocate table");
  for (let entry = 0; entry < length; entry++) {
    const value = tableGet(native, at.index, entry);
    if (value !== null) tableSet(store.native, index, entry, value);
  }
  Object.assign(at, { store, index });
  store.tables[index] = table;
}
