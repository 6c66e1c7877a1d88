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

const honoSource = (mark) => `import { Hono } from "hono"; import { cors } from "hono/cors";
  const app = new Hono(); app.use("*", cors()); app.get("/", (c) => c.text("Hello from Hono!")); export default app; // ${mark}`;

const honoFiles = (mark) => ({
  ...hono,
  "src/index.ts": honoSource(mark),
});

const wanting = (range, mark) => ({
  "package.json": JSON.stringify({ dependencies: { hono: range } }),
  "src/index.ts": honoSource(mark),
});

const whole = (built) => {
  if (built.warnings?.length) throw new Error(built.warnings.join());
  return Response.json(built.mainModule);
};

// No two are the same source.
const mark = () => crypto.randomUUID();
let asked = 0;

export default {
  async fetch(request, env) {
    const run = ({ mainModule, modules }) =>
      env.LOADER.load({ compatibilityDate: "2026-06-11", mainModule, modules }).getEntrypoint().fetch("http://dynamic/");
    const { pathname, search } = new URL(request.url);
    const registry = decodeURIComponent(search.slice(1));
    switch (pathname) {
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
      case "/registry":
        return whole(await createWorker({ files: wanting("^4", mark()), registry }));
      case "/registry-asked":
        return whole(await createWorker({ files: wanting(`^4 || 1000.${(asked += 1)}`, mark()), registry }));
      default:
        return new Response("fine");
    }
  },
};
