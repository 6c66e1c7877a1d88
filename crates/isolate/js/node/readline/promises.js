/** `node:readline/promises`: it links, and says that a worker has no terminal. */
import { unavailable } from "../../node_support/unavailable.js";

const { module, take } = unavailable("readline/promises", "a worker has no terminal");

export const {
  Interface, Readline, createInterface,
} = take;
export default module;
