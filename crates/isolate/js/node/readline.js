/** `node:readline`: it links, and says that a worker has no terminal. */
import promises from "./readline/promises.js";
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("readline", "a worker has no terminal", {
  given: { promises },
});

export const {
  Interface, clearLine, clearScreenDown, createInterface, cursorTo, emitKeypressEvents, moveCursor, promises,
} = take;
export default module;
