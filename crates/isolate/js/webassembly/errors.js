// WebAssembly's own errors. See https://webassembly.github.io/spec/js-api/#error-objects

const { construct } = Reflect;

/** A class of native errors: like TypeError, but for its name. */
function makeError(name) {
  // It can be called without `new`.
  const NativeError = function (message = undefined, options = undefined) {
    return construct(Error, [message, options], new.target ?? NativeError);
  };
  Object.setPrototypeOf(NativeError, Error);
  const prototype = Object.create(Error.prototype);
  for (const [key, value] of [["name", name], ["message", ""]]) {
    Object.defineProperty(prototype, key, { value, writable: true, enumerable: false, configurable: true });
  }
  Object.defineProperty(NativeError, "prototype", { value: prototype, writable: false });
  Object.defineProperty(NativeError, "name", { value: name, configurable: true });
  Object.defineProperty(NativeError, "length", { value: 1, configurable: true });
  return NativeError;
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
