import { WorkerEntrypoint } from "cloudflare:workers";

export class Tools extends WorkerEntrypoint {
  add(a, b) {
    return a + b;
  }
}

/** What neighbours do that nobody wants. */
const NOISES = {
  loops: `for (;;) {}`,
  allocates: `const all = []; for (;;) all.push("x".repeat(1000) + all.length);`,
  floods: `for (;;) await Promise.all(Array.from({ length: 100 }, () => env.TOOLS.add(1, 2)));`,
};

/** Has a worker of this kind run until then, and another one after it when it is stopped. */
async function keep(env, noise, until) {
  while (Date.now() < until) {
    try {
      const source = `export default { async fetch(request, env) { ${NOISES[noise]} } }; // ${crypto.randomUUID()}`;
      const worker = env.LOADER.load({
        compatibilityDate: "2026-06-11", mainModule: "main.js", modules: { "main.js": source },
        env: { TOOLS: env.TOOLS }, globalOutbound: null,
      });
      await worker.getEntrypoint().fetch("http://dynamic/");
    } catch {
      // It passed a limit, as it should.
      await scheduler.wait(1);
    }
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/noise") return new Response("fine");
    const until = Date.now() + Number(searchParams.get("ms"));
    const kinds = searchParams.get("kinds").split(",");
    for (const noise of kinds) for (let i = 0; i < 4; i += 1) ctx.waitUntil(keep(env, noise, until));
    return new Response("begun");
  },
};
