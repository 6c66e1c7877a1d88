// WebSockets of objects as a client without a library has them: what is on the wire, and what the object hears of it.

import { DurableObject } from "cloudflare:workers";

export class Wire extends DurableObject {
  log = [];

  fetch(request) {
    const kind = new URL(request.url).searchParams.get("kind");
    const [client, server] = Object.values(new WebSocketPair());
    this.isSilent = kind === "silent";
    if (kind === "timed") this.ctx.setHibernatableWebSocketEventTimeout(150);
    if (["hibernating", "silent", "timed"].includes(kind)) this.ctx.acceptWebSocket(server);
    else this.listen(server, kind === "half open");
    return new Response(null, { status: 101, webSocket: client });
  }

  listen(socket, allowHalfOpen) {
    socket.accept({ allowHalfOpen });
    socket.addEventListener("message", ({ data }) => this.log.push(["message", data]));
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      this.log.push(["close", code, reason, wasClean, socket.readyState]);
      if (!allowHalfOpen) return;
      socket.send("still");
      setTimeout(() => socket.close(4010, "late"), 50);
    });
    socket.addEventListener("error", ({ message, error }) => this.log.push(["error", message, String(error), socket.readyState]));
  }

  async webSocketMessage(socket, message) {
    this.log.push(["message", message]);
    if (message === "slow") {
      await scheduler.wait(300);
      socket.send("too late");
    }
    if (message === "end") this.ctx.waitUntil(scheduler.wait(600).then(() => socket.close(4000, "the end")));
  }

  async webSocketClose(socket, code, reason, wasClean) {
    this.log.push(["close", code, reason, wasClean, socket.readyState]);
    if (this.isSilent) return;
    await scheduler.wait(50);
    socket.send("before");
    socket.close(4444, "answered");
  }

  webSocketError(socket, error) {
    this.log.push(["error", String(error), socket.readyState]);
  }

  heard() {
    return this.log;
  }
}

/** Answers what is no case: a client of the object `name`, or what that has heard. */
export function wire(request, env, name) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/wire/")) return env.WIRE.getByName(name).fetch(request);
  return env.WIRE.getByName(name).heard().then((heard) => Response.json(heard));
}
