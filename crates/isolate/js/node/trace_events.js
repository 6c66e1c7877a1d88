/** `node:trace_events`: it links, and says that a worker has no tracing. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("trace_events", "a worker has no tracing", {
  given: { getEnabledCategories: () => undefined },
});

export const {
  createTracing, getEnabledCategories,
} = take;
export default module;
