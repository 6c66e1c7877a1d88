// The WebAssembly namespace. See https://webassembly.github.io/spec/js-api/

import { isModule, validate as nativeValidate } from "atoll:native/wasm";
import { CompileError, LinkError, RuntimeError } from "./errors.js";
import { isObject } from "./arguments.js";
import { Exception, JSTag, Tag } from "./exception.js";
import { Global } from "./global.js";
import { Instance, instanceOf, makeExports } from "./instance.js";
import { Memory } from "./memory.js";
import { compileBytes, Module, refuseCode, toBytes } from "./module.js";
import { Table } from "./table.js";
import { registerCloneable, uncloneable } from "../structured_clone.js";
import { bufferSource } from "../webidl.js";

const functions = {
  async compile(bytes) {
    refuseCode("WebAssembly.compile()");
    // What it is given may change while it compiles.
    return compileBytes(toBytes(bytes, "WebAssembly.compile()").slice(), "WebAssembly.compile()");
  },
  validate(bytes) {
    return nativeValidate(toBytes(bytes, "WebAssembly.validate()"));
  },
  async instantiate(source, importObject = undefined) {
    const place = "WebAssembly.instantiate()";
    if (isModule(source)) return instanceOf(makeExports(source, importObject, place));
    if (!isObject(source) || bufferSource(source) === undefined) {
      throw new TypeError(`${place}: Argument 0 must be a buffer source or a WebAssembly.Module object`);
    }
    if (importObject !== undefined && !isObject(importObject)) throw new TypeError(`${place}: Argument 1 must be an object`);
    refuseCode(place);
    const module = compileBytes(toBytes(source, place).slice(), place);
    return { module, instance: instanceOf(makeExports(module, importObject, place)) };
  },
};

export const WebAssembly = {};
for (const [name, value] of Object.entries(functions)) {
  Object.defineProperty(value, "length", { value: 1, configurable: true });
  Object.defineProperty(WebAssembly, name, { value, writable: true, enumerable: true, configurable: true });
}
const interfaces = {
  Module, Instance, Table, Memory, Global, Tag, JSTag, Exception, CompileError, LinkError, RuntimeError,
};
for (const [name, value] of Object.entries(interfaces)) {
  Object.defineProperty(WebAssembly, name, { value, writable: name !== "JSTag", enumerable: false, configurable: name !== "JSTag" });
}
Object.defineProperty(WebAssembly, Symbol.toStringTag, { value: "WebAssembly", configurable: true });

const read = () => undefined;
registerCloneable(Module, {
  name: "WebAssembly.Module",
  // Another isolate could not be handed code that this one has been handed.
  write() {
    throw new Error("Unable to deserialize cloned data.");
  },
  read,
});
for (const Class of [Instance, Table, Memory, Global, Tag, Exception]) {
  registerCloneable(Class, {
    name: `WebAssembly.${Class.name}`,
    write(value) {
      throw uncloneable(value);
    },
    read,
  });
}
