/** `node:vm`: it links, and says that code only comes from modules. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("vm", "code only comes from modules", {
  given: { constants: {}, isContext: () => false },
});

export const {
  Script, compileFunction, constants, createContext, createScript, isContext, measureMemory, runInContext,
  runInNewContext, runInThisContext,
} = take;
export default module;
