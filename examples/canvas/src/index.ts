import type { Board } from "./board";

export { Board } from "./board";

export interface Env {
  BOARDS: DurableObjectNamespace<Board>;
}

/** Everything else is a file in `public`. */
export default {
  async fetch(request, env) {
    const [, boards, board, socket] = new URL(request.url).pathname.split("/");
    if (boards !== "boards" || !board || socket !== "socket") return new Response("Not found\n", { status: 404 });
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("This is where a WebSocket comes in\n", { status: 426, headers: { upgrade: "websocket" } });
    }
    return env.BOARDS.getByName(decodeURIComponent(board)).fetch(request);
  },
} satisfies ExportedHandler<Env>;
