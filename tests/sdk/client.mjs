// Agents' own client, in Node.

import { randomUUID } from "node:crypto";
import { AgentClient } from "agents/client";
import WebSocket from "ws";
import { until } from "./support.mjs";

// The client expects what browsers have.
globalThis.WebSocket ??= WebSocket;
globalThis.CloseEvent ??= class extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false } = {}) {
    super(type);
    Object.assign(this, { code, reason, wasClean });
  }
};

/** A connected client that remembers what it hears. */
export async function connect(server, agent, name, { Client = AgentClient, ...options } = {}) {
  const states = [];
  const messages = [];
  const errors = [];
  const client = new Client({
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
  // `ready` is another promise after each connection that fails, and one does that goes to a process just killed.
  await until(() => client.identified);
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

/** One turn of a chat, as `useAgentChat` asks for it: what came back, and the text of it. */
export async function turn(socket, text, before = []) {
  const id = randomUUID();
  const message = { id: randomUUID(), role: "user", parts: [{ type: "text", text }] };
  const from = socket.heard.length;
  const body = JSON.stringify({ messages: [...(socket.messages ?? before), message] });
  socket.send(JSON.stringify({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body } }));
  const frames = () => socket.heard.slice(from).map((frame) => JSON.parse(frame)).filter((frame) => frame.id === id && frame.type === "cf_agent_use_chat_response");
  await until(() => frames().some(({ done, error }) => done || error), () => `no end of the answer: ${socket.heard.slice(from).join("\n").slice(-3000)}`);
  const failed = frames().find(({ error }) => error);
  if (failed !== undefined) throw new Error(failed.body);
  const events = frames().filter(({ body }) => body).map(({ body }) => JSON.parse(body));
  const told = socket.heard.slice(from).map((frame) => JSON.parse(frame)).filter(({ type }) => type === "cf_agent_chat_messages");
  if (told.length > 0) socket.messages = told.at(-1).messages;
  return { events, text: events.map(({ type, delta }) => (type === "text-delta" ? delta : "")).join("") };
}
