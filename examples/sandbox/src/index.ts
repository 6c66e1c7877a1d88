import type { WorkerEntrypoint } from "cloudflare:workers";
import { Tools } from "./tools";

interface Env {
  LOADER: WorkerLoader;
}

interface Program extends WorkerEntrypoint {
  main(tools: Tools): Promise<unknown>;
}

/** Makes a Worker of a program: the body of `main(tools)`. Its lines keep their numbers but for the one before them. */
const wrap = (program: string): string =>
  `import { WorkerEntrypoint } from "cloudflare:workers"; export default class extends WorkerEntrypoint { async main(tools) {\n${program}\n} }`;

async function run(program: string, env: Env): Promise<object> {
  const log: string[] = [];
  const worker = env.LOADER.load({
    compatibilityDate: "2026-06-11",
    mainModule: "program.js",
    modules: { "program.js": wrap(program) },
    globalOutbound: null,
    // `memoryMb` and `wallMs` are Atoll's own.
    limits: { cpuMs: 100, subRequests: 50, memoryMb: 32, wallMs: 5000 } as { cpuMs: number; subRequests: number },
  });
  const start = Date.now();
  try {
    const result = await worker.getEntrypoint<Program>().main(new Tools(log));
    return { log, result: result === undefined ? "nothing" : JSON.stringify(result), ms: Date.now() - start };
  } catch (error) {
    return { log, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error), ms: Date.now() - start };
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/run" || request.method !== "POST") return new Response("There is nothing here.", { status: 404 });
    const program = await request.text();
    if (program.length > 100_000) return new Response("A program has at most 100,000 characters.", { status: 413 });
    return Response.json(await run(program, env));
  },
} satisfies ExportedHandler<Env>;
