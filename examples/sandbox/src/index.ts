import { WorkerEntrypoint } from "cloudflare:workers";
import { Ledger, Notes, Weather, Withheld } from "./powers";

interface Env {
  LOADER: WorkerLoader;
  /** What `atoll.jsonc` lets out. */
  WEB: Fetcher;
}

interface Asked {
  program: string;
  grants: string[];
}

interface Program extends WorkerEntrypoint {
  main(print: (...values: unknown[]) => void): Promise<unknown>;
}

/** The network of a program: what is granted goes on to the egress policy, everything is written down. */
export class Web extends WorkerEntrypoint<Env, { granted: boolean; used(what: string): void; denied(what: string): void }> {
  async fetch(request: Request): Promise<Response> {
    const { granted, used, denied } = this.ctx.props;
    const what = `fetch ${request.method} ${request.url}`;
    if (!granted) {
      await denied(what);
      throw new Error("The network was not granted.");
    }
    try {
      const response = await this.env.WEB.fetch(request);
      await used(`${what} ${response.status}`);
      return response;
    } catch (error) {
      // What a policy refuses is a TypeError; other errors are of the network.
      const tell = error instanceof TypeError ? denied : used;
      await tell(`${what}: ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }
}

/** Makes a Worker of a program: the body of `main`. Its lines keep their numbers but for the one before them. */
const wrap = (program: string): string =>
  `import { WorkerEntrypoint } from "cloudflare:workers"; export default class extends WorkerEntrypoint { async main(print) { const { env } = this;\n${program}\n} }`;

async function run({ program, grants }: Asked, env: Env, ctx: ExecutionContext): Promise<object> {
  const ledger = new Ledger();
  const has = (name: string): boolean => grants.includes(name);
  const powers = {
    weather: has("weather") ? new Weather(ledger) : new Withheld("weather", ledger),
    notes: has("notes") ? new Notes(ledger) : new Withheld("notes", ledger),
  };
  const props = {
    granted: has("web"),
    used: (what: string) => ledger.used(what),
    denied: (what: string) => ledger.denied(what),
  };
  const worker = env.LOADER.load({
    compatibilityDate: "2026-06-11",
    mainModule: "program.ts",
    modules: { "program.ts": wrap(program) },
    env: powers,
    globalOutbound: (ctx.exports as { Web(options: object): Fetcher }).Web({ props }),
    // `memoryMb` and `wallMs` are Atoll's own.
    limits: { cpuMs: 100, subRequests: 50, memoryMb: 32, wallMs: 5000 } as { cpuMs: number; subRequests: number },
  });
  const start = Date.now();
  const outcome: { result?: string; error?: string } = {};
  try {
    const result = await worker.getEntrypoint<Program>().main((...values) => ledger.print(values));
    outcome.result = result === undefined ? "nothing" : JSON.stringify(result, undefined, 2);
  } catch (error) {
    outcome.error = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return { ...outcome, ...ledger.report(), ms: Date.now() - start };
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/run" || request.method !== "POST") return new Response("There is nothing here.", { status: 404 });
    const asked = (await request.json()) as Partial<Asked>;
    const { program = "", grants = [] } = asked;
    if (program.length > 100_000) return new Response("A program has at most 100,000 characters.", { status: 413 });
    return Response.json(await run({ program, grants }, env, ctx));
  },
} satisfies ExportedHandler<Env>;
