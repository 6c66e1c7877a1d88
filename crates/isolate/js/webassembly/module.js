// WebAssembly.Module. See https://webassembly.github.io/spec/js-api/#modules
//
// A module is a native object with the prototype below; the loader of modules makes them of .wasm files. Code that runs
// makes none, as in Workers.

import { compile, customSections, describe, isModule, mayCompile, modulePrototype } from "atoll:native/wasm";
import { CompileError } from "./errors.js";
import { errors } from "./store.js";
import { bufferSource, interfaces, toDOMString } from "../webidl.js";

/** The bytes of an argument. */
export function toBytes(value, place) {
  const bytes = bufferSource(value);
  if (bytes === undefined) throw new TypeError(`${place}: Argument 0 must be a buffer source`);
  return bytes;
}

/** Refuses to make code of what a program has at run time. */
export function refuseCode(place) {
  if (!mayCompile()) throw new CompileError(`${place}: Wasm code generation disallowed by embedder`);
}

/** @param {string} place begins the messages of errors */
export function compileBytes(bytes, place) {
  try {
    return compile(bytes, errors);
  } catch (error) {
    if (error instanceof CompileError) error.message = `${place}: ${error.message}`;
    throw error;
  }
}

export function Module(bytes) {
  if (new.target === undefined) throw new TypeError("WebAssembly.Module must be invoked with 'new'");
  refuseCode("WebAssembly.Module()");
  const module = compileBytes(toBytes(bytes, "WebAssembly.Module()"), "WebAssembly.Module()");
  if (new.target !== Module) Object.setPrototypeOf(module, new.target.prototype);
  return module;
}

function check(module, method) {
  if (!isModule(module)) throw new TypeError(`WebAssembly.Module.${method}(): Argument 0 must be a WebAssembly.Module`);
}

const statics = {
  imports(module) {
    check(module, "imports");
    return describe(module)[0].map(([from, name, kind]) => ({ module: from, name, kind }));
  },
  exports(module) {
    check(module, "exports");
    return describe(module)[1].map(([name, kind]) => ({ name, kind }));
  },
  customSections(module, sectionName) {
    check(module, "customSections");
    if (sectionName === undefined) {
      throw new TypeError("WebAssembly.Module.customSections(): Argument 1 is required");
    }
    const name = toDOMString(sectionName);
    return name.isWellFormed() ? customSections(module, name) : [];
  },
};
for (const [name, value] of Object.entries(statics)) {
  Object.defineProperty(Module, name, { value, writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(Module, "prototype", { value: modulePrototype, writable: false, enumerable: false });
for (const [key, value] of [["constructor", Module], [Symbol.toStringTag, "WebAssembly.Module"]]) {
  Object.defineProperty(modulePrototype, key, { value, writable: key === "constructor", enumerable: false, configurable: true });
}
interfaces.set(modulePrototype, "WebAssembly.Module");
