/** `node:repl`: it links, and says that a worker has no terminal. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("repl", "a worker has no terminal", {
  given: { REPL_MODE_SLOPPY: Symbol("repl-sloppy"), REPL_MODE_STRICT: Symbol("repl-strict"), builtinModules: [], _builtinLibs: [] },
});

export const {
  REPLServer, REPL_MODE_SLOPPY, REPL_MODE_STRICT, Recoverable, _builtinLibs, builtinModules, start, writer,
} = take;
export default module;
