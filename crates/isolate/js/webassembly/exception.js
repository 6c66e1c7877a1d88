// WebAssembly.Tag and WebAssembly.Exception. The interpreter has no exception handling, so they never leave JavaScript.

import { isObject, toNumber } from "./arguments.js";
import { isFunctionReference } from "./store.js";
import { defineInterface } from "../webidl.js";

const TYPES = ["i32", "i64", "f32", "f64", "v128", "externref", "anyfunc"];

let parametersOf;

export class Tag {
  #parameters;

  constructor(descriptor) {
    const place = "WebAssembly.Tag()";
    if (!isObject(descriptor)) throw new TypeError(`${place}: Argument 0 must be a tag type`);
    const { parameters } = descriptor;
    if (!isObject(parameters)) throw new TypeError(`${place}: Argument 0 must be a tag type with 'parameters'`);
    this.#parameters = Array.from(parameters, String);
    this.#parameters.forEach((type, index) => {
      if (!TYPES.includes(type)) {
        throw new TypeError(`${place}: Argument 0 parameter type at index #${index} must be a value type`);
      }
    });
  }

  static {
    parametersOf = (value) => (isObject(value) && #parameters in value ? value.#parameters : undefined);
  }
}
defineInterface(Tag, { name: "WebAssembly.Tag" });

/** The tag of what JavaScript throws. */
export const JSTag = new Tag({ parameters: ["externref"] });

function toPayload(type, value) {
  switch (type) {
    case "i32":
      return value | 0;
    case "i64":
      return BigInt.asIntN(64, value);
    case "f32":
      return Math.fround(value);
    case "f64":
      return +value;
    case "anyfunc":
      if (!isFunctionReference(value)) throw new TypeError("WebAssembly.Exception(): Argument 1 is invalid");
      return value;
    case "v128":
      throw new TypeError("WebAssembly.Exception(): Invalid type v128");
    default:
      return value;
  }
}

export class Exception {
  #tag;
  #payload;

  constructor(tag, payload, options = undefined) {
    const place = "WebAssembly.Exception()";
    const parameters = parametersOf(tag);
    if (parameters === undefined) throw new TypeError(`${place}: Argument 0 must be a WebAssembly tag`);
    if (tag === JSTag) throw new TypeError(`${place}: Argument 0 cannot be WebAssembly.JSTag`);
    if (!isObject(payload)) throw new TypeError(`${place}: Argument 1 must be iterable`);
    const values = Array.from(payload);
    if (values.length !== parameters.length) {
      throw new TypeError(`${place}: Number of exception values does not match signature length`);
    }
    this.#tag = tag;
    this.#payload = values.map((value, index) => toPayload(parameters[index], value));
    const stack = options?.traceStack ? new Error().stack : undefined;
    Object.defineProperty(this, "stack", { value: stack, writable: true, enumerable: false, configurable: true });
  }

  is(tag) {
    if (parametersOf(tag) === undefined) {
      throw new TypeError("WebAssembly.Exception.is(): Argument 0 must be a WebAssembly tag");
    }
    return tag === this.#tag;
  }

  getArg(tag, index) {
    const place = "WebAssembly.Exception.getArg()";
    if (parametersOf(tag) === undefined) throw new TypeError(`${place}: Argument 0 must be a WebAssembly tag`);
    if (tag !== this.#tag) throw new TypeError(`${place}: First argument does not match the exception tag`);
    const at = toNumber(index, `${place}: Index`);
    if (at >= this.#payload.length) throw new RangeError(`${place}: Index is out of range`);
    return this.#payload[at];
  }
}
defineInterface(Exception, { name: "WebAssembly.Exception" });
