/**
 * `node:http`: requests are sent by `fetch`, its tables and checks work, and its classes can be extended. Nothing can be
 * listened to, so servers say that.
 */
import { CloseEvent, MessageEvent } from "../events.js";
import { WebSocket } from "../websocket.js";
import { NodeTypeError } from "../node_support/errors.js";
import { makeClient } from "../node_support/http_client.js";
import { METHODS, STATUS_CODES } from "../node_support/http_tables.js";
import { unavailable } from "../node_support/unavailable.js";
import { validateString } from "../node_support/validators.js";
import { EventEmitter } from "./events.js";
import { Readable, Writable } from "./stream.js";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export class Agent extends EventEmitter {
  constructor(options = {}) {
    super();
    this.options = { noDelay: true, path: null, ...options };
    this.defaultPort = 80;
    this.protocol = "http:";
    this.requests = {};
    this.sockets = {};
    this.freeSockets = {};
    this.keepAlive = this.options.keepAlive ?? false;
    this.keepAliveMsecs = this.options.keepAliveMsecs ?? 1000;
    this.maxSockets = this.options.maxSockets ?? Infinity;
    this.maxFreeSockets = this.options.maxFreeSockets ?? 256;
    this.maxTotalSockets = this.options.maxTotalSockets ?? Infinity;
    this.scheduling = this.options.scheduling ?? "lifo";
  }
  destroy() {}
}

/** The shapes of Node's messages, for packages that extend them or look at their prototypes. */
export class IncomingMessage extends Readable {
  headers = {};
  trailers = {};
  rawHeaders = [];
  complete = false;
  constructor(socket) {
    super();
    this.socket = socket;
  }
}

export class OutgoingMessage extends Writable {
  headersSent = false;
  #headers = new Map();
  setHeader(name, value) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    this.#headers.set(name.toLowerCase(), [name, value]);
    return this;
  }
  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat());
  }
  getHeader(name) {
    return this.#headers.get(String(name).toLowerCase())?.[1];
  }
  getHeaders() {
    return Object.assign(Object.create(null), Object.fromEntries([...this.#headers].map(([key, [, value]]) => [key, value])));
  }
  getHeaderNames() {
    return [...this.#headers.keys()];
  }
  hasHeader(name) {
    return this.#headers.has(String(name).toLowerCase());
  }
  removeHeader(name) {
    this.#headers.delete(String(name).toLowerCase());
  }
}

export class ServerResponse extends OutgoingMessage {
  statusCode = 200;
  statusMessage = undefined;
}

export function validateHeaderName(name, label = "Header name") {
  if (typeof name !== "string" || !TOKEN.test(name)) {
    throw new NodeTypeError("ERR_INVALID_HTTP_TOKEN", `${label} must be a valid HTTP token ["${name}"]`);
  }
}

export function validateHeaderValue(name, value) {
  if (value === undefined) {
    throw new NodeTypeError("ERR_HTTP_INVALID_HEADER_VALUE", `Invalid value "${value}" for header "${name}"`);
  }
  if (FORBIDDEN_IN_VALUE.test(value)) {
    validateString(name, "name");
    throw new NodeTypeError("ERR_INVALID_CHAR", `Invalid character in header content ["${name}"]`);
  }
}

export const globalAgent = new Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });

const { ClientRequest, get, request } = makeClient({ OutgoingMessage, IncomingMessage, protocol: "http:" });

const { module, take } = unavailable("http", "a worker cannot listen; export a fetch() handler", {
  given: {
    Agent, ClientRequest, CloseEvent, IncomingMessage, METHODS, MessageEvent, OutgoingMessage, STATUS_CODES, ServerResponse, WebSocket,
    get, globalAgent, maxHeaderSize: 16384, request, setMaxIdleHTTPParsers() {}, validateHeaderName, validateHeaderValue,
  },
});

export const { Server, _connectionListener, createServer, maxHeaderSize, setMaxIdleHTTPParsers } = take;
export { ClientRequest, get, request };
export { CloseEvent, METHODS, MessageEvent, STATUS_CODES, WebSocket };
export default module;
