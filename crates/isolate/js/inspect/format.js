/** `util.format`: a printf-like string, then whatever is left of the arguments. */

import { formatNumber, inspect } from "../inspect.js";

/** @param {...unknown} args */
export function format(...args) {
  return formatArguments(undefined, args);
}

/** @param {object} options options of `inspect` for every value */
export function formatWithOptions(options, ...args) {
  if (options === null || typeof options !== "object") {
    const error = new TypeError('The "inspectOptions" argument must be of type object.');
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
  return formatArguments(options, args);
}

function formatArguments(options, args) {
  const first = args[0];
  let next = 0;
  let text = "";
  if (typeof first === "string") {
    if (args.length === 1) return first;
    next = 1;
    text = first.includes("%")
      ? first.replace(/%([sdifjoOc%])/g, (directive, letter) => {
          if (letter === "%") return "%";
          if (next >= args.length) return directive;
          return substitute(letter, args[next++], options);
        })
      : first;
  }
  for (let separator = next === 0 ? "" : " "; next < args.length; next++, separator = " ") {
    const value = args[next];
    text += separator + (typeof value === "string" ? value : inspect(value, { ...options, compact: 3 }));
  }
  return text;
}

function substitute(letter, value, options) {
  switch (letter) {
    case "s":
      return stringText(value, options);
    case "d":
      return numberText(value, (it) => formatNumber(Number(it), false), options);
    case "i":
      return numberText(value, (it) => formatNumber(Number.parseInt(it), false), options);
    case "f":
      return typeof value === "symbol" ? "NaN" : formatNumber(Number.parseFloat(value), false);
    case "j":
      return jsonText(value);
    case "o":
      return inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 });
    case "O":
      return inspect(value, options);
    default:
      // %c carries a style sheet, which plain text has no use for.
      return "";
  }
}

function numberText(value, convert, options) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return "NaN";
  if (typeof value === "object" && value !== null) {
    try {
      return convert(value);
    } catch {
      return "NaN";
    }
  }
  return convert(value);
}

function stringText(value, options) {
  if (typeof value === "number") return formatNumber(value, false);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return value;
  if ((typeof value === "object" && value !== null) || typeof value === "function") {
    if (typeof value === "object" && hasOwnText(value)) {
      try {
        return String(value);
      } catch {
        // Falls through to what needs no user code.
      }
    } else if (typeof value === "function") {
      try {
        return String(value);
      } catch {
        // As above.
      }
    }
    return inspect(value, { ...options, depth: 0, colors: false, compact: 3 });
  }
  return String(value);
}

/** Whether the object, or a class that is not the language's own, says how to turn it into a string. */
function hasOwnText(value) {
  try {
    for (let at = value; at !== null; at = Object.getPrototypeOf(at)) {
      if (!Object.hasOwn(at, "toString")) continue;
      if (at === value) return true;
      const owner = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
      return typeof owner !== "function" || !BUILT_IN.has(owner);
    }
    return false;
  } catch {
    return false;
  }
}

const BUILT_IN = new Set(
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => /^[A-Z][A-Za-z0-9]+$/.test(name))
    .map((name) => globalThis[name]),
);
BUILT_IN.add(Object.getPrototypeOf(Uint8Array));

function jsonText(value) {
  try {
    return String(JSON.stringify(value));
  } catch (error) {
    if (isCircular(value, [])) return "[Circular]";
    throw error;
  }
}

function isCircular(value, path) {
  if (value === null || typeof value !== "object") return false;
  if (path.includes(value)) return true;
  path.push(value);
  for (const key of Object.keys(value)) if (isCircular(value[key], path)) return true;
  path.pop();
  return false;
}
