/**
 * Modules whose functions cannot work in a worker. They link, since packages import them at their top level, and
 * whatever is called says what is missing.
 */
import { NodeError } from "./errors.js";

/**
 * @param {string} module the name without its prefix
 * @param {string} reason what a worker lacks, as the end of a sentence
 */
export function refusal(module, name, reason) {
  return new NodeError("ERR_METHOD_NOT_IMPLEMENTED", `${module}.${name} is not implemented: ${reason}`);
}

/**
 * A source of refusing functions. Destructuring names out of `take` makes them, and notes them in `module`, which is
 * what `require` gives.
 * @param {string} moduleName
 * @param {string} reason
 * @param {{promises?: boolean, given?: object}} [options] whether functions answer with rejected promises, and what the
 *   module has for real
 */
export function unavailable(moduleName, reason, { promises = false, given = {} } = {}) {
  const module = given;
  const make = (name) => {
    if (promises && /^[a-z]/.test(name)) {
      return { [name]: (..._) => Promise.reject(refusal(moduleName, name, reason)) }[name];
    }
    // Not an arrow or a method: packages call these with `new`, extend them and read their prototypes.
    const refusing = function () {
      throw refusal(moduleName, name, reason);
    };
    return Object.defineProperty(refusing, "name", { value: name });
  };
  const take = new Proxy(module, {
    get(target, name) {
      if (!(name in target)) target[name] = make(name);
      return target[name];
    },
  });
  return { module, take };
}
