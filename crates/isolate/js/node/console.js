/** `node:console`: the global console, and the class for consoles of one's own. */
import { console } from "../console.js";
import { formatWithOptions, inspect } from "../inspect.js";
import { invalidArgType } from "../node_support/errors.js";
import { unavailable } from "../node_support/unavailable.js";


/** A console that writes to streams. */
export function Console(options, stderr) {
  if (!new.target) return new Console(options, stderr);
  const settings = typeof options?.write === "function" ? { stdout: options, stderr } : { ...options };
  const { stdout } = settings;
  if (typeof stdout?.write !== "function") {
    throw Object.assign(new TypeError("Console expects a writable stream instance for stdout"), {
      code: "ERR_CONSOLE_WRITABLE_STREAM",
    });
  }
  const errors = settings.stderr ?? stdout;
  if (typeof errors.write !== "function") throw invalidArgType("stderr", "Writable", errors);
  let indent = "";
  const counts = new Map();
  const print = (stream, args) => {
    const text = formatWithOptions(settings.inspectOptions ?? {}, ...args);
    stream.write(`${indent}${text.replaceAll("\n", `\n${indent}`)}\n`);
  };
  const log = (...args) => print(stdout, args);
  const warn = (...args) => print(errors, args);
  const methods = {
    log, info: log, debug: log, dirxml: log, warn, error: warn,
    trace: (...args) => warn("Trace:", ...args),
    dir: (value, shown) => log(inspect(value, shown)),
    assert: (condition, ...args) => {
      if (!condition) warn(...(typeof args[0] === "string" ? [`Assertion failed: ${args.shift()}`] : ["Assertion failed"]), ...args);
    },
    group(...args) {
      if (args.length > 0) log(...args);
      indent += "  ";
    },
    groupEnd() {
      indent = indent.slice(2);
    },
    count(label = "default") {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      log(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => counts.delete(label),
    table: (data) => log(data),
    clear() {},
    time() {},
    timeEnd() {},
    timeLog() {},
  };
  methods.groupCollapsed = methods.group;
  Object.assign(this, methods);
}

const { module, take } = unavailable("console", "the console has no such part", { given: console });
module.Console ??= Console;

export const {
  assert, clear, count, countReset, debug, dir, dirxml, error, group, groupCollapsed, groupEnd, info, log, table, time,
  timeEnd, timeLog, trace, warn,
} = take;
const quiet = () => {};
export const context = () => module;
export const createTask = (name) => ({ name, run: (callback, ...args) => callback(...args) });
export const [profile, profileEnd, timeStamp] = [quiet, quiet, quiet];
export default module;
