/** `node:sqlite`: it links, and says that one should use a Durable Object's ctx.storage.sql. */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("sqlite", "use a Durable Object's ctx.storage.sql", {
  given: { constants: {} },
});

export const {
  DatabaseSync, StatementSync, backup, constants,
} = take;
export default module;
