/** `node:dgram`: it links, and says that a worker has no sockets; one should use fetch(). */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("dgram", "a worker has no sockets; use fetch()");

export const {
  Socket, createSocket,
} = take;
export default module;
