// Agents' own client, in Node.

import { AgentClient } from "agents/client";
import WebSocket from "ws";
import { until } from "./support.mjs";

// The client expects what browsers have.
globalThis.WebSocket ??= WebSocket;

/** A connected client that remembers what it hears. */
export async function connect(server, agent, name, options = {}) {
  const states = [];
  const messages = [];
  const errors = [];
  const client = new AgentClient({
    agent,
    name,
    host: new URL(server.url).host,
    protocol: "ws",
    WebSocket,
    onStateUpdate: (state, source) => states.push({ state, source }),
    onStateUpdateError: (error) => errors.push(error),
    ...options,
  });
  client.addEventListener("message", ({ data }) => messages.push(data));
  await client.ready;
  return Object.assign(client, { states, messages, errors, heard: (check) => until(() => messages.find(check)) });
}

/** A socket alone. */
export function socket(url, init) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), init);
  socket.heard = [];
  socket.on("message", (data) => socket.heard.push(String(data)));
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(socket));
    socket.on("error", reject);
    socket.on("unexpected-response", (_, response) => reject(new Error(`status ${response.statusCode}`)));
  });
}
