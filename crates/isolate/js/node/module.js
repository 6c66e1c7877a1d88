/** `node:module`: what can be required at run time, which is the built-in modules alone. */
import "../node_support/all_builtins.js";
import { builtinModule, builtinNames, isBuiltin, registerBuiltins } from "../node_support/builtins.js";
import { invalidArgValue } from "../node_support/errors.js";
import { unavailable } from "../node_support/unavailable.js";
import { validateString } from "../node_support/validators.js";

const REASON = "a worker's modules are bundled before it runs";

registerBuiltins({ module: Module });

export const builtinModules = builtinNames();

/** A `require` that gives built-in modules. */
export function createRequire(path) {
  const isAbsolute = typeof path === "string" && (path.startsWith("/") || path.startsWith("file:"));
  if (!isAbsolute && !(path instanceof URL)) {
    throw invalidArgValue("path", path, "must be a file URL object, file URL string, or absolute path string");
  }
  const missing = (id) =>
    Object.assign(new Error(`No such module "${id}".`), { code: "MODULE_NOT_FOUND", requireStack: [String(path)] });
  const require = (id) => {
    validateString(id, "id");
    const module = builtinModule(id);
    if (module === undefined) throw missing(id);
    return module;
  };
  require.resolve = (id) => {
    if (!isBuiltin(id)) throw missing(id);
    return id;
  };
  require.resolve.paths = () => null;
  require.cache = Object.create(null);
  require.main = undefined;
  return require;
}

export function Module(id = "") {
  this.id = id;
  this.exports = {};
  this.loaded = false;
  this.children = [];
}

const { take } = unavailable("module", REASON, {
  given: Object.assign(Module, {
    Module,
    _cache: Object.create(null),
    _extensions: Object.create(null),
    _pathCache: Object.create(null),
    _initPaths() {},
    _nodeModulePaths: () => [],
    builtinModules,
    constants: {},
    createRequire,
    findSourceMap: () => undefined,
    flushCompileCache() {},
    enableCompileCache: () => ({ status: 3 }),
    getCompileCacheDir: () => undefined,
    getSourceMapsSupport: () => ({ enabled: false, nodeModules: false, generatedCode: false }),
    globalPaths: [],
    isBuiltin,
    setSourceMapsSupport() {},
    syncBuiltinESMExports() {},
  }),
});

export const {
  SourceMap, _cache, _debug, _extensions, _findPath, _initPaths, _load, _nodeModulePaths, _pathCache, _preloadModules,
  _resolveFilename, _resolveLookupPaths, constants, enableCompileCache, findPackageJSON, findSourceMap,
  flushCompileCache, getCompileCacheDir, getSourceMapsSupport, globalPaths, register, registerHooks, runMain,
  setSourceMapsSupport, stripTypeScriptTypes, syncBuiltinESMExports, wrap,
} = take;
export { isBuiltin };
export default Module;
