import { createWorker } from "@cloudflare/worker-bundler";
import hono from "./hono_files.js";

const files = (mark) => ({
  "src/index.ts": `import { greet } from "./greet"; import { Shape, area } from "./shapes";
    const shapes: Shape[] = [{ kind: "circle", radius: 1 }, { kind: "square", side: 2 }];
    export default { async fetch(request: Request): Promise<Response> { return new Response(greet("you") + shapes.map(area).join()); } }; // ${mark}`,
  "src/greet.ts": "export function greet(name: string): string { return `Hello, ${name}! `; }",
  "src/shapes.ts": `export type Shape = { kind: "circle"; radius: number } | { kind: "square"; side: number };
    export const area = (shape: Shape): number => (shape.kind === "circle" ? Math.PI * shape.radius ** 2 : shape.side ** 2);`,
});

const honoFiles = (mark) => ({
  ...hono,
  "src/index.ts": `import { Hono } from "hono"; import { cors } from "hono/cors";
    const app = new Hono(); app.use("*", cors()); app.get("/", (c) => c.text("Hello from Hono!")); export default app; // ${mark}`,
});

// No two are the same source.
const mark = () => crypto.randomUUID();

export default {
  async fetch(request, env) {
    const run = ({ mainModule, modules }) =>
      env.LOADER.load({ compatibilityDate: "2026-06-11", mainModule, modules }).getEntrypoint().fetch("http://dynamic/");
    switch (new URL(request.url).pathname) {
      case "/small":
        return Response.json((await createWorker({ files: files(mark()) })).mainModule);
      case "/same":
        return Response.json((await createWorker({ files: files("same") })).mainModule);
      case "/run":
        return run(await createWorker({ files: files(mark()) }));
      case "/transform":
        return Response.json((await createWorker({ files: files(mark()), bundle: false })).mainModule);
      case "/hono":
        return Response.json((await createWorker({ files: honoFiles(mark()) })).mainModule);
      case "/hono-same":
        return Response.json((await createWorker({ files: honoFiles("same") })).mainModule);
      default:
        return new Response("fine");
    }
  },
};
