/** `node:os`: there is no operating system to ask, so the answers are fixed. */
import { invalidArgType, missingArgs } from "../node_support/errors.js";
import { signals, errnoNumbers } from "../node_support/os_constants.js";
import { validateInt32 } from "../node_support/validators.js";

export const EOL = "\n";
export const devNull = "/dev/null";

export const constants = Object.freeze({
  __proto__: null,
  UV_UDP_REUSEADDR: 4,
  dlopen: Object.freeze({ __proto__: null, RTLD_LAZY: 1, RTLD_NOW: 2, RTLD_GLOBAL: 256, RTLD_LOCAL: 0, RTLD_DEEPBIND: 8 }),
  errno: errnoNumbers,
  signals,
  priority: Object.freeze({
    __proto__: null,
    PRIORITY_LOW: 19,
    PRIORITY_BELOW_NORMAL: 10,
    PRIORITY_NORMAL: 0,
    PRIORITY_ABOVE_NORMAL: -7,
    PRIORITY_HIGH: -14,
    PRIORITY_HIGHEST: -20,
  }),
});

/** An answer that also reads as a string in templates, as Node's do. */
const fixed = (name, value) =>
  Object.defineProperties(() => value, {
    name: { value: name },
    [Symbol.toPrimitive]: { value: () => value },
  });

export const arch = fixed("arch", "x64");
export const availableParallelism = fixed("availableParallelism", 1);
export const endianness = fixed("endianness", "LE");
export const freemem = fixed("freemem", 0);
export const homedir = fixed("homedir", "/tmp");
export const hostname = fixed("hostname", "localhost");
export const machine = fixed("machine", "x86_64");
export const platform = fixed("platform", "linux");
export const release = fixed("release", "");
export const tmpdir = fixed("tmpdir", "/tmp");
export const totalmem = fixed("totalmem", 0);
export const type = fixed("type", "Linux");
export const uptime = fixed("uptime", 0);
export const version = fixed("version", "");

export function cpus() {
  return [];
}

export function loadavg() {
  return [0, 0, 0];
}

export function networkInterfaces() {
  return {};
}

export function userInfo(options) {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw invalidArgType("options", "Object", options);
  }
  return { uid: -1, gid: -1, username: "", homedir: "", shell: null };
}

export function getPriority(pid = 0) {
  validateInt32(pid, "pid");
  return 0;
}

export function setPriority(pid, priority) {
  if (pid === undefined) throw missingArgs("priority");
  if (priority === undefined) [pid, priority] = [0, pid];
  validateInt32(pid, "pid");
  validateInt32(priority, "priority", -20, 19);
}

export default {
  EOL, arch, availableParallelism, constants, cpus, devNull, endianness, freemem, getPriority, homedir, hostname,
  loadavg, machine, networkInterfaces, platform, release, setPriority, tmpdir, totalmem, type, uptime, userInfo, version,
};
