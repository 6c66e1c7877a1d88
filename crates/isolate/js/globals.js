// Everything that the Workers API puts on the global object.

import "./error_stack.js";
import "./date.js";
import { get, queueMicrotask, set, wait } from "./async_context.js";
import { atob, btoa } from "./base64.js";
import { CompressionStream, DecompressionStream } from "./compression.js";
import { console } from "./console.js";
import { Crypto, crypto } from "./crypto/crypto.js";
import { CryptoKey } from "./crypto/key.js";
import { SubtleCrypto } from "./crypto/subtle.js";
import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from "./encoding.js";
import { HTMLRewriter } from "./html_rewriter.js";
import { Intl } from "./intl/index.js";
import {
  Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver,
  PerformanceObserverEntryList,
} from "./performance.js";
import { structuredClone } from "./structured_clone.js";
import * as streams from "./streams/index.js";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "./node/timers.js";
import { scheduler } from "./timers.js";
import { WebAssembly } from "./webassembly/index.js";
import { expose } from "./webidl.js";
import "./web.js";
import "./node_globals.js";

expose({ Crypto, CryptoKey, SubtleCrypto });
expose({ console, HTMLRewriter, Intl, WebAssembly, ...streams });
expose({
  Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList,
});
expose({ CompressionStream, DecompressionStream, TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream });

// Attributes and operations of the global scope are enumerable.
Object.assign(globalThis, {
  atob,
  btoa,
  clearInterval,
  clearTimeout,
  crypto,
  performance,
  queueMicrotask,
  scheduler,
  self: globalThis,
  setInterval,
  setTimeout,
  structuredClone,
});

// What the bundler's pass calls around `await`.
for (const [name, value] of Object.entries({ __atoll_ctx_get: get, __atoll_ctx_set: set, __atoll_ctx_wait: wait })) {
  Object.defineProperty(globalThis, name, { value, writable: false, enumerable: false, configurable: false });
}

// A function's text may be run elsewhere, as in a browser's page: what the pass put into it is taken out again. What is left
// around an `await` are brackets.
const toText = Function.prototype.toString;
const { toString } = {
  toString() {
    if (this === toString) return "function toString() {\n    [native code]\n}";
    const text = Reflect.apply(toText, this, []);
    if (!text.includes("__atoll_c")) return text;
    return text
      .replaceAll("__atoll_ctx_set(__atoll_ctx_get(),", "(")
      .replaceAll("__atoll_ctx_wait(", "(")
      .replaceAll(/let __atoll_c;|__atoll_c=__atoll_ctx_get\(\);|__atoll_ctx_set\(__atoll_c\);/g, "");
  },
};
Object.defineProperty(Function.prototype, "toString", { value: toString, writable: true, enumerable: false, configurable: true });

// The engine's own: no standard has it.
delete globalThis.InternalError;

// Code only comes from modules.
const refuse = () => {
  throw new EvalError("Code generation from strings disallowed for this context");
};
globalThis.eval = { eval: (source) => (typeof source === "string" ? refuse() : source) }.eval;
for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
  const prototype = Object.getPrototypeOf(sample);
  const native = prototype.constructor;
  const Replacement = function (...args) {
    return refuse(...args);
  };
  Object.defineProperty(Replacement, "name", { value: native.name, configurable: true });
  Object.defineProperty(Replacement, "length", { value: 1, configurable: true });
  Object.defineProperty(Replacement, "prototype", { value: prototype, writable: false, configurable: false });
  if (native === Function) {
    Object.setPrototypeOf(Replacement, Function.prototype);
    Object.defineProperty(globalThis, "Function", {
      value: Replacement,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  } else {
    Object.setPrototypeOf(Replacement, globalThis.Function);
  }
  Object.defineProperty(prototype, "constructor", { value: Replacement, writable: native === Function, configurable: true });
}

// Every random number comes from the isolate's seed.
import { float } from "atoll:native/random";
Object.defineProperty(Math, "random", {
  value: {
    random() {
      return float();
    },
  }.random,
  writable: true,
  enumerable: false,
  configurable: true,
});
