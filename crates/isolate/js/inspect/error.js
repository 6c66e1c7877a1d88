/** The text of errors: name and message, stack, cause, and the errors of an AggregateError. */

const MAX_CAUSES_SHOWN_AS_KEYS = new Set(["name", "message", "stack"]);

/**
 * Takes keys out of `keys` that the text already shows, and adds `cause` and `errors` (which are not enumerable, yet the
 * most useful part of an error).
 */
export function errorText(state, error, className, tag, keys, formatValue) {
  const name = ownText(error, "name") ?? className ?? "Error";
  const message = ownText(error, "message") ?? "";
  const header = headerOf(error, name, message);
  let stack = stackOf(error, header);
  for (let i = keys.length - 1; i >= 0; i--) {
    if (MAX_CAUSES_SHOWN_AS_KEYS.has(keys[i]) && stack.includes(String(ownText(error, keys[i]) ?? ""))) keys.splice(i, 1);
  }
  if (hasOwn(error, "cause") && !keys.includes("cause")) keys.push("cause");
  if (hasOwn(error, "errors") && Array.isArray(valueOf(error, "errors")) && !keys.includes("errors")) keys.push("errors");
  stack = improveName(stack, className, name, tag);
  const framesAt = stack.indexOf("\n    at");
  if (framesAt === -1) stack = `[${stack}]`;
  if (state.indentation !== 0) {
    const margin = " ".repeat(state.indentation);
    stack = stack.replaceAll("\n", `\n${margin}`);
  }
  state.remaining -= stack.length;
  return stack;
}

function valueOf(error, key) {
  try {
    return error[key];
  } catch {
    return undefined;
  }
}

function ownText(error, key) {
  const value = valueOf(error, key);
  return typeof value === "string" ? value : value === undefined || value === null || typeof value === "object" || typeof value === "symbol" ? undefined : String(value);
}

function hasOwn(error, key) {
  try {
    return Object.hasOwn(error, key);
  } catch {
    return false;
  }
}

function headerOf(error, name, message) {
  return name === "" ? message : message === "" ? name : `${name}: ${message}`;
}

/** The engine's `stack` may hold frames alone; the header goes before them then. */
function stackOf(error, header) {
  const stack = valueOf(error, "stack");
  if (typeof stack !== "string" || stack === "") return header;
  if (/^\s+at /.test(stack)) return `${header}\n${stack.trimEnd()}`;
  return stack.trimEnd();
}

/** A subclass that did not set `name` is shown by the name of its class. */
function improveName(stack, className, name, tag) {
  if (className === null) {
    const match = /^([A-Z][A-Za-z0-9_]*)(?=:|\n|$)/.exec(stack);
    const shown = match?.[0] ?? "Error";
    return `[${shown}: null prototype]${stack.slice(match?.[0].length ?? 0)}`;
  }
  let improved = stack;
  if (className !== "Object" && !stack.slice(0, stack.search(/\n|$/)).includes(className) && (name.endsWith("Error") || name === "") && stack.startsWith(name)) {
    const rest = stack.slice(name.length);
    if (name === "" || rest === "" || rest.startsWith(":") || rest.startsWith("\n")) {
      improved = className.includes(name) && name !== "" ? `${className}${rest}` : `${className} [${name}]${rest}`.replace(" []", "");
    }
  }
  if (tag !== "" && tag !== className && !improved.startsWith(tag)) {
    const match = /^[A-Za-z0-9_]+/.exec(improved);
    if (match !== null && match[0] !== tag) improved = `${match[0]} [${tag}]${improved.slice(match[0].length)}`;
  }
  return improved;
}
