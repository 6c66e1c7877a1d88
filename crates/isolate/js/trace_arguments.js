// What is written to the console, as those get it who follow the Worker.

/** Whether an argument of `console` is kept as JSON, and not as text. */
function staysJson(value) {
  if (value === undefined || value === null || Array.isArray(value)) return true;
  if (typeof value !== "object") return typeof value !== "function" && typeof value !== "symbol" && typeof value !== "bigint";
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || typeof value.toJSON === "function";
}

function argument(value) {
  try {
    return JSON.stringify(staysJson(value) ? value : String(value)) ?? "null";
  } catch {
    return "{}";
  }
}

/** The arguments of a `console` method, as those get them who follow the Worker. @param {unknown[]} args */
export const traceArguments = (args) => `[${args.map(argument).join(", ")}]`;
