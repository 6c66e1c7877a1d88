/** `node:inspector`: it links, and says that a worker cannot inspect itself. */
import { console } from "../console.js";
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("inspector", "a worker cannot inspect itself", {
  given: { console, url: () => undefined, close() {} },
});

export const {
  Network, Session, close, console, open, url, waitForDebugger,
} = take;
export default module;
