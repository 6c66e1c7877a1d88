import { DurableObject } from "cloudflare:workers";
import type { Env } from "./index";

/** What visitors send. */
type Said = { say: string };

/** What they hear. */
type Heard = { history: Message[] } | { message: Message } | { present: string[] };

type Message = { id: number; name: string; text: string; time: number };

/** What a socket remembers, also while the room sleeps. */
type Visitor = { name: string };

const LONGEST_NAME = 24;
const LONGEST_TEXT = 2000;
const REMEMBERED = 1000;
const SHOWN = 100;

export class Room extends DurableObject<Env> {
  private sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql.exec(`create table if not exists messages (
      id integer primary key autoincrement,
      name text not null,
      text text not null,
      time integer not null
    )`);
    // Answered without waking the room.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  async fetch(request: Request): Promise<Response> {
    const name = new URL(request.url).searchParams.get("name")?.trim().slice(0, LONGEST_NAME) || "Somebody";
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment({ name } satisfies Visitor);
    this.tell(server, { history: this.history() });
    this.tellPresence();
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket: WebSocket, data: string | ArrayBuffer) {
    const { say } = JSON.parse(String(data)) as Said;
    const text = String(say).trim().slice(0, LONGEST_TEXT);
    if (text === "") return;
    const { name } = socket.deserializeAttachment() as Visitor;
    const message = this.sql
      .exec<Message>(
        "insert into messages (name, text, time) values (?, ?, ?) returning id, name, text, time",
        name,
        text,
        Date.now(),
      )
      .one();
    this.sql.exec("delete from messages where id <= ?", message.id - REMEMBERED);
    for (const listener of this.ctx.getWebSockets()) this.tell(listener, { message });
  }

  webSocketClose(socket: WebSocket, code: number, reason: string) {
    // 1005 says that there was no code, and can't be sent.
    socket.close(code === 1005 ? 1000 : code, reason);
    this.tellPresence(socket);
  }

  webSocketError(socket: WebSocket) {
    this.tellPresence(socket);
  }

  private history(): Message[] {
    return this.sql
      .exec<Message>("select id, name, text, time from messages order by id desc limit ?", SHOWN)
      .toArray()
      .reverse();
  }

  private tellPresence(gone?: WebSocket) {
    const sockets = this.ctx.getWebSockets().filter((socket) => socket !== gone);
    const names = sockets.map((socket) => (socket.deserializeAttachment() as Visitor | null)?.name ?? "");
    const present = [...new Set(names)].sort((a, b) => a.localeCompare(b));
    for (const socket of sockets) this.tell(socket, { present });
  }

  private tell(socket: WebSocket, heard: Heard) {
    // One that has just gone is told by its close event.
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(heard));
  }
}
