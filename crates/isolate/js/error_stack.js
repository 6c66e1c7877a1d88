/**
 * `stack` as V8 writes it: name and message before the frames. The engine keeps the frames alone, and packages, logs and
 * people rely on the first line.
 */

const { defineProperty, getOwnPropertyDescriptor } = Object;
const { get: engineStack } = getOwnPropertyDescriptor(Error.prototype, "stack");
const engineCapture = Error.captureStackTrace;
const FRAMES_ALONE = /^\s+at /;

/** ErrorUtils::ToString of V8: like `Error.prototype.toString`, for any object, and it never throws. */
function header(error) {
  try {
    const { name = "Error", message = "" } = error;
    if (`${name}` === "") return `${message}`;
    return `${message}` === "" ? `${name}` : `${name}: ${message}`;
  } catch {
    return "Error";
  }
}

function withHeader(error, stack) {
  if (typeof stack !== "string") return stack;
  if (stack === "") return header(error);
  return FRAMES_ALONE.test(stack) ? `${header(error)}\n${stack.trimEnd()}` : stack;
}

/** The frames of a stack, without the lines before them. @param {unknown} stack */
export function framesOf(stack) {
  const text = String(stack ?? "");
  const at = text.search(/^\s+at /m);
  return at === -1 ? "" : text.slice(at);
}

const accessor = {
  get stack() {
    return withHeader(this, Reflect.apply(engineStack, this, []));
  },
  set stack(value) {
    // V8's property does not become enumerable by being set.
    if ((typeof this !== "object" && typeof this !== "function") || this === null) throw new TypeError("stack can only be set on an object");
    defineProperty(this, "stack", { value: withHeader(this, value), writable: true, enumerable: false, configurable: true });
  },
};
defineProperty(Error.prototype, "stack", { ...getOwnPropertyDescriptor(accessor, "stack"), enumerable: false });

defineProperty(Error, "captureStackTrace", {
  value: {
    captureStackTrace(target, above) {
      engineCapture(target, typeof above === "function" ? above : Error.captureStackTrace);
      const captured = getOwnPropertyDescriptor(target, "stack");
      if (typeof captured?.value === "string") defineProperty(target, "stack", { ...captured, value: withHeader(target, captured.value) });
    },
  }.captureStackTrace,
  writable: true,
  enumerable: false,
  configurable: true,
});
