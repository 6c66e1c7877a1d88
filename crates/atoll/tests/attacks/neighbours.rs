//! Neighbours that take all they can get.

use std::collections::HashSet;

use crate::workers::*;

/// Four of each kind run at once, one after the other as limits end them, until somebody says that it is enough.
const KEEPER: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export class Tools extends WorkerEntrypoint { add(a, b) { return a + b; } }
const NOISES = [
  "for (;;) {}",
  "const all = []; for (;;) all.push('x'.repeat(1000) + all.length);",
  "for (;;) await Promise.all(Array.from({ length: 100 }, () => env.TOOLS.add(1, 2)));",
];
let enough = false;
async function keep(loader, tools, noise) {
  let ended = 0;
  do {
    const source = `export default { async fetch(request, env) { ${noise} } }`;
    const code = { compatibilityDate: "2026-06-11", mainModule: "a.js", modules: { "a.js": source }, env: { TOOLS: tools }, globalOutbound: null,
      limits: { cpuMs: 200, memoryMb: 32, subRequests: 2000 } };
    await loader.load(code).getEntrypoint().fetch("http://x/").catch(() => { ended += 1; });
  } while (!enough);
  return ended;
}
export default { async fetch(request, env, ctx) {
  switch (new URL(request.url).pathname) {
    case "/noise": {
      const all = NOISES.flatMap((noise) => Array.from({ length: 4 }, () => keep(env.LOADER, ctx.exports.Tools, noise)));
      return Response.json((await Promise.all(all)).every((ended) => ended > 0));
    }
    case "/enough":
      enough = true;
  }
  return new Response("fine");
} };"#;

#[test]
fn loops_memory_and_floods_of_neighbours_end_nobody_else() {
    run(async {
        let loader = runtime().await.loader();
        let keeper = App::new(KEEPER).loader("LOADER", loader).deploy().await;
        let other = App::fetch("return new Response('untouched');")
            .deploy()
            .await;
        let before = (keeper.processes(), other.processes());
        let asked = async {
            for _ in 0..50 {
                assert_eq!(text(&keeper, "/").await, "fine");
                assert_eq!(text(&other, "/").await, "untouched");
            }
            text(&keeper, "/enough").await
        };
        let (ended, _) = tokio::join!(text(&keeper, "/noise"), asked);
        assert_eq!(ended, "true");
        assert_eq!((keeper.processes(), other.processes()), before);
    });
}

#[test]
fn calls_of_dynamic_workers_leave_half_of_the_isolates_to_others() {
    run(async {
        let runtime = start(2).await;
        let app = App::new(
            r#"
            import { WorkerEntrypoint } from "cloudflare:workers";
            let id;
            const own = () => (id ??= crypto.randomUUID());
            export class Tools extends WorkerEntrypoint {
              async where() { await scheduler.wait(1); return own(); }
              fetch() { return new Response(own()); }
            }
            const source = `export default { async fetch(request, env) {
              const calls = Array.from({ length: 100 }, () => env.TOOLS.where());
              const fetches = Array.from({ length: 20 }, async () => (await env.TOOLS.fetch("http://x/")).text());
              return Response.json(await Promise.all([...calls, ...fetches]));
            } }`;
            export default { async fetch(request, env, ctx) {
              if (request.url.endsWith("/where")) { await scheduler.wait(1); return new Response(own()); }
              const code = { compatibilityDate: "2026-06-11", mainModule: "a.js", modules: { "a.js": source }, env: { TOOLS: ctx.exports.Tools } };
              return env.LOADER.load(code).getEntrypoint().fetch(request);
            } };"#,
        );
        let worker = app
            .loader("LOADER", runtime.loader())
            .try_deploy_on(&runtime)
            .await
            .unwrap();
        let asked: Vec<String> = serde_json::from_str(&text(&worker, "/").await).unwrap();
        assert_eq!(asked.len(), 120);
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 1, "{asked:?}");
        // Requests from outside go to all.
        let (one, other) = tokio::join!(text(&worker, "/where"), text(&worker, "/where"));
        assert_ne!(one, other);
        runtime.stop();
    });
}
