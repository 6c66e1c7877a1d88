import { WorkerEntrypoint } from "cloudflare:workers";

export class Tools extends WorkerEntrypoint {
  add(a, b) {
    return a + b;
  }
}

const HELLO = `export default { fetch() { return new Response("hello"); } };`;
const CALLS = `export default { async fetch(request, env) {
  let sum = 0;
  for (let i = 0; i < 3; i += 1) sum = await env.TOOLS.add(sum, i);
  return new Response(String(sum));
} };`;

const code = (source, env) => ({
  compatibilityDate: "2026-06-11",
  mainModule: "main.js",
  // No two loads are the same code.
  modules: { "main.js": `${source}\n// ${crypto.randomUUID()}` },
  env,
  globalOutbound: null,
});

let count = 0;

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const run = (worker) => worker.getEntrypoint().fetch("http://dynamic/");
    switch (pathname) {
      case "/load":
        return run(env.LOADER.load(code(HELLO)));
      case "/calls":
        return run(env.LOADER.load(code(CALLS, { TOOLS: env.TOOLS })));
      case "/same":
        return run(env.LOADER.get("same", () => code(HELLO)));
      case "/many": {
        // That many workers that live at a time.
        const workers = [];
        for (let i = 0; i < Number(searchParams.get("count")); i += 1) {
          workers.push(run(env.LOADER.get(`many ${(count += 1)}`, () => code(HELLO))).then((answer) => answer.text()));
          if (workers.length % 8 === 0) await Promise.all(workers);
        }
        await Promise.all(workers);
        return new Response("done");
      }
      default:
        return new Response("fine");
    }
  },
};
