/** The built-in modules by name, for `createRequire` and `process.getBuiltinModule`. `all_builtins.js` fills it. */

/** @type {Map<string, unknown>} names without the prefix, to what `require` of them gives */
const modules = new Map();

/** These exist with the `node:` prefix alone. */
const PREFIXED_ONLY = new Set(["sqlite", "test"]);

/** @param {Record<string, unknown>} entries */
export function registerBuiltins(entries) {
  for (const [name, exports] of Object.entries(entries)) modules.set(name, exports);
}

export function isBuiltin(name) {
  if (typeof name !== "string") return false;
  return name.startsWith("node:") ? modules.has(name.slice(5)) : modules.has(name) && !PREFIXED_ONLY.has(name);
}

/** What `require(name)` gives, or undefined for what is not built in. */
export function builtinModule(name) {
  return isBuiltin(name) ? modules.get(name.startsWith("node:") ? name.slice(5) : name) : undefined;
}

/** The names that need no prefix, sorted. */
export function builtinNames() {
  return [...modules.keys()].filter((name) => !PREFIXED_ONLY.has(name)).sort();
}
