/**
 * The console: each call gives the host one log line through `log(level, text)`.
 *
 * See https://console.spec.whatwg.org. Output is bounded, and no value that is logged can make a call throw.
 */

import { isFollowed, log, now } from "atoll:native/io";
import { formatWithOptions, inspect } from "./inspect.js";
import { tableText } from "./inspect/table.js";
import { traceArguments } from "./trace_arguments.js";

/** Characters of one line; what is beyond is cut with a note. */
const MAX_LINE_LENGTH = 256 * 1024;
const GROUP_INDENT = "  ";
const MAX_GROUPS = 500;
const MAX_LABELS = 1000;

let groups = "";
const counts = new Map();
const timers = new Map();

function write(level, text, args = undefined) {
  if (text.length > MAX_LINE_LENGTH) text = `${text.slice(0, MAX_LINE_LENGTH)}... ${text.length - MAX_LINE_LENGTH} more characters`;
  if (groups !== "") text = groups + text.replaceAll("\n", `\n${groups}`);
  const json = args !== undefined && isFollowed() ? traceArguments(args).toWellFormed() : undefined;
  log(level, text.isWellFormed() ? text : text.toWellFormed(), json);
}

function print(level, args) {
  let text;
  try {
    text = formatWithOptions({ maxOutputLength: MAX_LINE_LENGTH }, ...args);
  } catch (error) {
    text = `[value that could not be formatted: ${describeFailure(error)}]`;
  }
  write(level, text, args);
}

function describeFailure(error) {
  try {
    return String(error?.message ?? error);
  } catch {
    return "unknown error";
  }
}

function labelOf(label) {
  try {
    return `${label === undefined ? "default" : label}`;
  } catch {
    return "default";
  }
}

function elapsedText(label) {
  const elapsed = now() - timers.get(label);
  if (elapsed < 1000) return `${label}: ${Number(elapsed.toFixed(3))}ms`;
  const seconds = elapsed / 1000;
  if (seconds < 60) return `${label}: ${seconds.toFixed(3)}s`;
  const pad = (value, digits) => value.toFixed(digits).padStart(digits === 0 ? 2 : digits + 3, "0");
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = pad(seconds % 60, 3);
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${label}: ${hours}:${pad(minutes, 0)}:${rest.slice(0, 2)} (h:mm:ss)` : `${label}: ${minutes}:${rest} (m:ss.mmm)`;
}

function stackHere(above) {
  const holder = {};
  if (typeof Error.captureStackTrace === "function") Error.captureStackTrace(holder, above);
  const stack = typeof holder.stack === "string" ? holder.stack : "";
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n");
}

/** Functions that need no receiver, so that `const { log } = console` works. */
const methods = {
  log(...args) {
    print("log", args);
  },
  info(...args) {
    print("info", args);
  },
  warn(...args) {
    print("warn", args);
  },
  error(...args) {
    print("error", args);
  },
  debug(...args) {
    print("debug", args);
  },
  trace(...args) {
    const frames = stackHere(methods.trace);
    let text = "Trace";
    try {
      if (args.length > 0) text += `: ${formatWithOptions({ maxOutputLength: MAX_LINE_LENGTH }, ...args)}`;
    } catch (error) {
      text += `: [value that could not be formatted: ${describeFailure(error)}]`;
    }
    write("log", frames === "" ? text : `${text}\n${frames}`);
  },
  dir(value, options) {
    let text;
    try {
      text = inspect(value, { customInspect: false, ...options, maxOutputLength: MAX_LINE_LENGTH });
    } catch (error) {
      text = `[value that could not be formatted: ${describeFailure(error)}]`;
    }
    write("log", text);
  },
  dirxml(...args) {
    print("log", args);
  },
  table(data, columns) {
    let text;
    try {
      text = tableText(data, columns);
    } catch {
      text = undefined;
    }
    if (text === undefined) print("log", [data]);
    else write("log", text);
  },
  group(...args) {
    if (args.length > 0) print("log", args);
    if (groups.length < MAX_GROUPS * GROUP_INDENT.length) groups += GROUP_INDENT;
  },
  groupCollapsed(...args) {
    methods.group(...args);
  },
  groupEnd() {
    groups = groups.slice(GROUP_INDENT.length);
  },
  count(label) {
    const name = labelOf(label);
    const count = (counts.get(name) ?? 0) + 1;
    if (counts.has(name) || counts.size < MAX_LABELS) counts.set(name, count);
    write("log", `${name}: ${count}`);
  },
  countReset(label) {
    const name = labelOf(label);
    if (!counts.delete(name)) write("warn", `Count for '${name}' does not exist`);
  },
  time(label) {
    const name = labelOf(label);
    if (timers.has(name)) write("warn", `Label '${name}' already exists for console.time()`);
    else if (timers.size < MAX_LABELS) timers.set(name, now());
  },
  timeLog(label, ...args) {
    const name = labelOf(label);
    if (!timers.has(name)) write("warn", `No such label '${name}' for console.timeLog()`);
    else print("log", ["%s", elapsedText(name), ...args]);
  },
  timeEnd(label) {
    const name = labelOf(label);
    if (!timers.has(name)) {
      write("warn", `No such label '${name}' for console.timeEnd()`);
      return;
    }
    write("log", elapsedText(name));
    timers.delete(name);
  },
  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift(args.length === 0 ? "Assertion failed" : "Assertion failed:");
    print("error", args);
  },
  clear() {
    groups = "";
  },
  // These talk to a profiler that is not attached, which makes them do nothing in every host.
  timeStamp() {},
  profile() {},
  profileEnd() {},
};

/** @type {Console} */
export const console = Object.defineProperties(Object.create({}), {
  ...Object.getOwnPropertyDescriptors(methods),
  [Symbol.toStringTag]: { value: "console", configurable: true },
});
