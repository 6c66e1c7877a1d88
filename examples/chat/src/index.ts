import type { Room } from "./room";

export { Room } from "./room";

export interface Env {
  ROOMS: DurableObjectNamespace<Room>;
}

/** Everything else is a file in `public`. */
export default {
  async fetch(request, env) {
    const [, rooms, room, socket] = new URL(request.url).pathname.split("/");
    if (rooms !== "rooms" || !room || socket !== "socket") return new Response("Not found\n", { status: 404 });
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("This is where a WebSocket comes in\n", { status: 426, headers: { upgrade: "websocket" } });
    }
    return env.ROOMS.getByName(decodeURIComponent(room)).fetch(request);
  },
} satisfies ExportedHandler<Env>;
