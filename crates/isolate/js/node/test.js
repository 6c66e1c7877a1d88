/** `node:test`: it links, and says that tests run outside of workers. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("test", "tests run outside of workers");

export const {
  MockFunctionContext, MockTracker, mock,
} = take;
export default module;
