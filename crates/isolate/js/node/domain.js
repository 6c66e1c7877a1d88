/** `node:domain`: it links, and says that domains are gone from the platform. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("domain", "domains are gone from the platform", {
  given: { active: null },
});

export const {
  Domain, active, create, createDomain,
} = take;
export default module;
