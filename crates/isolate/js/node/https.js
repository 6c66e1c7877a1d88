/** `node:https`: requests are sent by `fetch`; servers say that nothing can be listened to. */
import { makeClient } from "../node_support/http_client.js";
import { unavailable } from "../node_support/unavailable.js";
import { Agent as HttpAgent, IncomingMessage, OutgoingMessage } from "./http.js";

export class Agent extends HttpAgent {
  constructor(options) {
    super(options);
    this.defaultPort = 443;
    this.protocol = "https:";
    this.maxCachedSessions = this.options.maxCachedSessions ?? 100;
  }
}

export const globalAgent = new Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });

const { get, request } = makeClient({ OutgoingMessage, IncomingMessage, protocol: "https:" });

const { module, take } = unavailable("https", "a worker cannot listen; export a fetch() handler", {
  given: { Agent, get, globalAgent, request },
});

export const { Server, createServer } = take;
export { get, request };
export default module;
