/** `node:https`: an Agent can be made; requests and servers say to use `fetch`. */
import { unavailable } from "../node_support/unavailable.js";
import { Agent as HttpAgent } from "./http.js";

export class Agent extends HttpAgent {
  constructor(options) {
    super(options);
    this.defaultPort = 443;
    this.protocol = "https:";
    this.maxCachedSessions = this.options.maxCachedSessions ?? 100;
  }
}

export const globalAgent = new Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });

const { module, take } = unavailable("https", "a worker has no sockets; use fetch()", { given: { Agent, globalAgent } });

export const { Server, createServer, get, request } = take;
export default module;
