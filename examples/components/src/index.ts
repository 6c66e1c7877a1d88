import { createApp, createMemoryStorage, handleAssetRequest } from "@cloudflare/worker-bundler";
import { write, written } from "./model";
import { project } from "./project";

interface Env {
  LOADER: WorkerLoader;
}

type App = Awaited<ReturnType<typeof createApp>>;

/** What is built already, by its name. */
const built = new Map<string, Promise<App>>();

function build(name: string): Promise<App> | undefined {
  const source = written(name);
  if (source === undefined) return undefined;
  let app = built.get(name);
  if (app === undefined) {
    app = createApp(project(source));
    built.set(name, app);
    app.catch(() => built.delete(name));
  }
  return app;
}

/** What a page asks of a component: one of its assets, or an answer of its worker, which can reach nothing. */
async function answer(name: string, request: Request, env: Env): Promise<Response | undefined> {
  const app = await build(name);
  if (app === undefined) return undefined;
  const asset = await handleAssetRequest(request, app.assetManifest, createMemoryStorage(app.assets), app.assetConfig);
  if (asset) return asset;
  const worker = env.LOADER.get(name, () => ({
    mainModule: app.mainModule,
    modules: app.modules as Record<string, string>,
    compatibilityDate: "2026-06-11",
    compatibilityFlags: ["nodejs_compat"],
    env: {},
    globalOutbound: null,
    limits: { cpuMs: 500, subRequests: 0 },
  }));
  return worker.getEntrypoint().fetch(request);
}

async function make(description: string) {
  const name = write(description) ?? "counter";
  const source = written(name)!;
  const start = performance.now();
  const answer = { name, known: write(description) !== undefined, kept: built.has(name), source: "html" in source ? source.html : source.react };
  try {
    const { warnings = [] } = (await build(name))!;
    return { ...answer, warnings, ms: Math.round(performance.now() - start) };
  } catch (error) {
    return { ...answer, error: String(error) };
  }
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/make" && request.method === "POST") {
      const description = await request.text();
      if (description.length > 10_000) return new Response("A description has at most 10,000 characters.", { status: 413 });
      return Response.json(await make(description));
    }
    const [, kind, name = "", ...rest] = url.pathname.split("/");
    const inner = new Request(new URL(`/${rest.join("/")}${url.search}`, url), request);
    const response = kind === "component" && rest.length > 0 ? await answer(name, inner, env) : undefined;
    if (response === undefined) return new Response("There is nothing here.", { status: 404 });
    // In the page as well it has no powers: no origin, no network but its own script and style.
    const own = `${url.origin}/component/`;
    const answered = new Response(response.body, response);
    const policy = `sandbox allow-scripts allow-forms; default-src 'none'; img-src data:; script-src 'unsafe-inline' ${own}; style-src 'unsafe-inline' ${own}`;
    answered.headers.set("content-security-policy", policy);
    answered.headers.set("access-control-allow-origin", "*");
    return answered;
  },
} satisfies ExportedHandler<Env>;
