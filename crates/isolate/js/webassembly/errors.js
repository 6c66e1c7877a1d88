// WebAssembly's own errors. See https://webassembly.github.io/spec/js-api/#error-objects

/** A class of native errors: like TypeError, but for its name. */
function makeError(name) {
  const NativeError = {
    [name]: class extends Error {
      constructor(message = undefined, options = undefined) {
        super(message, options);
      }
    },
  }[name];
  for (const [key, value] of [["name", name], ["message", ""]]) {
    Object.defineProperty(NativeError.prototype, key, { value, writable: true, enumerable: false, configurable: true });
  }
  Object.defineProperty(NativeError, "length", { value: 1, configurable: true });
  // They can be called without `new`.
  return new Proxy(NativeError, {
    apply: (Target, self, args) => new Target(...args),
  });
}

export const CompileError = makeError("CompileError");
export const LinkError = makeError("LinkError");
export const RuntimeError = makeError("RuntimeError");
for (const NativeError of [CompileError, LinkError, RuntimeError]) {
  Object.defineProperty(NativeError.prototype, "constructor", {
    value: NativeError,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
