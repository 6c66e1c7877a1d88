/** `node:wasi`: it links, and says that a worker has no system to give to WASI. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("wasi", "a worker has no system to give to WASI");

export const {
  WASI,
} = take;
export default module;
