/** `node:tty`: nothing is a terminal. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("tty", "a worker has no terminal", { given: { isatty: () => false } });

export const { ReadStream, WriteStream, isatty } = take;
export default module;
