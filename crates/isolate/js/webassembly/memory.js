// WebAssembly.Memory. See https://webassembly.github.io/spec/js-api/#memories

import { adoptMemory, memoryBuffer, memoryGrow, memoryIs64, newMemory } from "atoll:native/wasm";
import { isAddress64, isObject, toAddress, toLimits } from "./arguments.js";
import { Store } from "./store.js";
import { defineInterface } from "../webidl.js";

const MAX_PAGES = 65536;
const own = Symbol("own");

let stateOf;

export class Memory {
  /** @type {{ store: Store, index: number, is64: boolean }} */
  #at;

  constructor(descriptor) {
    if (descriptor === own) {
      this.#at = arguments[1];
      return;
    }
    const place = "WebAssembly.Memory()";
    if (!isObject(descriptor)) throw new TypeError(`${place}: Argument 0 must be a memory descriptor`);
    const is64 = isAddress64(descriptor.address, place);
    const [initial, maximum] = toLimits(descriptor, is64, place, MAX_PAGES);
    if (descriptor.shared) {
      if (maximum === undefined) throw new TypeError(`${place}: If shared is true, maximum property should be defined.`);
      throw new RangeError(`${place}: there is one thread, so a memory cannot be shared`);
    }
    const store = new Store();
    const index = newMemory(store.native, initial, maximum, is64);
    if (index === undefined) throw new RangeError(`${place}: could not allocate memory`);
    this.#at = { store, index, is64 };
    store.memories[index] = this;
  }

  grow(delta) {
    const { store, index, is64 } = this.#at;
    const pages = toAddress(delta, is64, "WebAssembly.Memory.grow(): Argument 0");
    const before = memoryGrow(store.native, index, pages);
    if (before === undefined) throw new RangeError("WebAssembly.Memory.grow(): Maximum memory size exceeded");
    return is64 ? BigInt(before) : before;
  }

  get buffer() {
    return memoryBuffer(this.#at.store.native, this.#at.index);
  }

  toFixedLengthBuffer() {
    return memoryBuffer(this.#at.store.native, this.#at.index);
  }

  static {
    stateOf = (value) => (isObject(value) && #at in value ? value.#at : undefined);
  }
}
defineInterface(Memory, { name: "WebAssembly.Memory" });

/** Where a memory is; undefined for anything else. */
export const memoryState = (value) => stateOf(value);

/** The memory with this number in a store. */
export function memoryOf(store, index) {
  return (store.memories[index] ??= new Memory(own, { store, index, is64: memoryIs64(store.native, index) }));
}

/** Moves a memory into another store. */
export function moveMemory(memory, store) {
  const at = stateOf(memory);
  at.index = adoptMemory(store.native, at.store.native, at.index);
  at.store = store;
  store.memories[at.index] = memory;
}
