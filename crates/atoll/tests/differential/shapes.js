// What is there: globals, the members of classes, the exports of modules; and what members say when they are called wrongly.

import { kindOf, outcome } from "./support.js";

/** Classes that no test object is needed for: their members are looked at on the prototype. */
const CLASSES = [
  "AbortController", "AbortSignal", "Blob", "ByteLengthQueuingStrategy", "Cache", "CacheStorage", "CloseEvent",
  "CompressionStream", "CountQueuingStrategy", "Crypto", "CryptoKey", "CustomEvent", "DOMException", "DecompressionStream",
  "ErrorEvent", "Event", "EventSource", "EventTarget", "ExtendableEvent", "FetchEvent", "File", "FixedLengthStream", "FormData",
  "HTMLRewriter", "Headers", "IdentityTransformStream", "MessageChannel", "MessageEvent", "MessagePort", "Navigator",
  "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList", "PromiseRejectionEvent", "ReadableByteStreamController", "ReadableStream", "ReadableStreamBYOBReader",
  "ReadableStreamBYOBRequest", "ReadableStreamDefaultController", "ReadableStreamDefaultReader", "Request", "Response",
  "ScheduledEvent", "SubtleCrypto", "TextDecoder", "TextDecoderStream", "TextEncoder", "TextEncoderStream", "TransformStream",
  "TransformStreamDefaultController", "URL", "URLPattern", "URLSearchParams", "WebSocket", "WebSocketPair",
  "WebSocketRequestResponsePair", "WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter",
];

const MODULES = [
  "assert", "assert/strict", "async_hooks", "buffer", "console", "crypto", "diagnostics_channel", "dns", "events", "http", "https",
  "module", "net", "os", "path", "path/posix", "path/win32", "perf_hooks", "process", "punycode", "querystring", "stream",
  "stream/consumers", "stream/promises", "stream/web", "string_decoder", "timers", "timers/promises", "tls", "tty", "url", "util",
  "util/types", "zlib",
];

/** Calls that give too little, and the objects they are made on. */
const CALLS = {
  Headers: [() => new Headers(), "append", "delete", "get", "getAll", "has", "set", "forEach"],
  URLSearchParams: [() => new URLSearchParams(), "append", "delete", "get", "getAll", "has", "set", "forEach"],
  FormData: [() => new FormData(), "append", "delete", "get", "getAll", "has", "set", "forEach"],
  EventTarget: [() => new EventTarget(), "addEventListener", "removeEventListener", "dispatchEvent"],
  TextEncoder: [() => new TextEncoder(), "encodeInto"],
  URL: [() => URL, "canParse", "parse"],
  Response: [() => Response, "json", "redirect"],
  AbortSignal: [() => AbortSignal, "timeout", "any"],
  ReadableStream: [() => new ReadableStream(), "pipeTo", "pipeThrough"],
  Cache: [() => caches.default, "match", "put", "delete"],
  CacheStorage: [() => caches, "open"],
  HTMLRewriter: [() => new HTMLRewriter(), "on", "onDocument", "transform"],
  SubtleCrypto: [() => crypto.subtle, "digest", "importKey", "exportKey", "generateKey", "sign", "verify", "encrypt", "decrypt", "deriveBits", "deriveKey", "timingSafeEqual"],
  Crypto: [() => crypto, "getRandomValues"],
  global: [() => globalThis, "fetch", "atob", "btoa", "structuredClone", "queueMicrotask", "setTimeout", "setInterval", "setImmediate", "reportError"],
};

const ILLEGAL =
  "TypeError: Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

export const cases = {
  // On which object of the chain a global is does not matter to anyone.
  "globals: names": () => {
    const names = new Set();
    for (let holder = globalThis; holder !== null; holder = Object.getPrototypeOf(holder)) {
      for (const name of Object.getOwnPropertyNames(holder)) names.add(name);
    }
    return [...names].sort();
  },
};

for (const name of CLASSES) {
  cases[`members: ${name}`] = () => {
    const Class = globalThis[name];
    if (Class === undefined) return "absent";
    const describe = (holder, prefix) =>
      Object.getOwnPropertyNames(holder)
        .filter((key) => !(typeof holder === "function" && ["length", "name", "prototype", "arguments", "caller"].includes(key)))
        .map((key) => `${prefix}${key}: ${kindOf(Object.getOwnPropertyDescriptor(holder, key))}`);
    return [...describe(Class, "static "), ...describe(Class.prototype, ""), Object.getPrototypeOf(Class.prototype)?.constructor.name].sort();
  };
  // What a member says on the wrong object, where that is not what all members should say.
  cases[`receivers: ${name}`] = async () => {
    const prototype = globalThis[name]?.prototype ?? {};
    const others = {};
    for (const key of Object.getOwnPropertyNames(prototype).sort()) {
      if (key === "constructor") continue;
      const { get, value } = Object.getOwnPropertyDescriptor(prototype, key);
      const run = get ?? value;
      if (typeof run !== "function") continue;
      for (const receiver of [{}, undefined]) {
        const said = await outcome(() => run.call(receiver, "a", "b"));
        if (said !== ILLEGAL) others[`${key} on ${receiver}`] = said;
      }
    }
    return others;
  };
}

for (const [name, [make, ...methods]] of Object.entries(CALLS)) {
  cases[`missing arguments: ${name}`] = async () => {
    const outcomes = {};
    for (const method of methods) {
      outcomes[method] = [await outcome(() => make()[method]()), await outcome(() => make()[method]("a"))];
    }
    return outcomes;
  };
}

for (const name of CLASSES) {
  cases[`construct: ${name}`] = async () => {
    const Class = globalThis[name];
    const kinds = [];
    for (const given of [[], [5], [null], ["a"], ["a", "b"], ["a", 5], [{}], [Symbol("s")]]) {
      kinds.push(await outcome(() => { new Class(...given); return "made"; }));
    }
    return kinds;
  };
}

for (const name of MODULES) {
  cases[`exports: node:${name}`] = async () => {
    const module = await import(`node:${name}`);
    return Object.keys(module).sort();
  };
}
for (const name of ["cloudflare:workers", "cloudflare:sockets", "cloudflare:email", "cloudflare:workflows"]) {
  cases[`exports: ${name}`] = async () => Object.keys(await import(name)).sort();
}
