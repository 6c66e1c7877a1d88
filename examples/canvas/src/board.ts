import { DurableObject } from "cloudflare:workers";
import type { Env } from "./index";
import { type Happened, type Person, read } from "./protocol";
import { Strokes } from "./strokes";

/** How long news are gathered before all of them go to everybody: a frame. */
const FRAME_MS = 16;
/** Points in one message of what was there before. */
const POINTS_AT_ONCE = 20_000;

export class Board extends DurableObject<Env> {
  private strokes = new Strokes(this.ctx.storage);
  private news: Happened = {};
  private timer: ReturnType<typeof setTimeout> | null = null;

  async fetch(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const { 0: client, 1: server } = new WebSocketPair();
    // What is news to the others is history to the one who comes.
    this.tellAll();
    this.ctx.acceptWebSocket(server);
    const id = query.get("id")?.slice(0, 64) || crypto.randomUUID();
    server.serializeAttachment({ id, name: "Somebody", color: "#888888" } satisfies Person);
    this.tellHistory(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket: WebSocket, data: string | ArrayBuffer) {
    const person = socket.deserializeAttachment() as Person;
    const did = read(String(data));
    if (did.me !== undefined) {
      socket.serializeAttachment({ ...person, ...did.me });
      this.news.people = this.people();
    }
    if (did.at !== undefined) (this.news.at ??= []).push([person.id, did.at]);
    if (did.draw !== undefined && this.strokes.add(person.id, did.draw)) {
      (this.news.draw ??= []).push({ ...did.draw, by: person.id });
    }
    if (did.end !== undefined && this.strokes.finish(did.end, person.id)) (this.news.ended ??= []).push(did.end);
    if (did.undo) {
      const undone = this.strokes.undo(person.id);
      if (undone !== undefined) (this.news.undone ??= []).push(undone);
    }
    if (did.clear) {
      this.strokes.clear();
      this.news = { people: this.news.people, cleared: true };
    }
    this.tellSoon();
  }

  webSocketClose(socket: WebSocket, code: number, reason: string) {
    // 1005 says that there was no code, and can't be sent.
    socket.close(code === 1005 ? 1000 : code, reason);
    this.leave(socket);
  }

  webSocketError(socket: WebSocket) {
    this.leave(socket);
  }

  private leave(gone: WebSocket) {
    this.news.people = this.people(gone);
    this.tellSoon();
  }

  /** Who is there. Somebody with two windows is there once. */
  private people(gone?: WebSocket): Person[] {
    const people = new Map<string, Person>();
    for (const socket of this.ctx.getWebSockets()) {
      if (socket === gone) continue;
      const person = socket.deserializeAttachment() as Person;
      people.set(person.id, person);
    }
    return [...people.values()];
  }

  private tellHistory(socket: WebSocket) {
    let draw: Happened["draw"] = [];
    let points = 0;
    for (const part of this.strokes.all()) {
      draw.push(part);
      points += part.points.length;
      if (points < POINTS_AT_ONCE) continue;
      this.tell(socket, { draw });
      draw = [];
      points = 0;
    }
    this.tell(socket, { draw, people: this.people(), ready: true });
  }

  private tellSoon() {
    this.timer ??= setTimeout(() => this.tellAll(), FRAME_MS);
  }

  private tellAll() {
    clearTimeout(this.timer);
    this.timer = null;
    const { news } = this;
    this.news = {};
    if (Object.keys(news).length === 0) return;
    for (const socket of this.ctx.getWebSockets()) this.tell(socket, news);
  }

  private tell(socket: WebSocket, happened: Happened) {
    // One that has just gone is told by its close event.
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(happened));
  }
}
