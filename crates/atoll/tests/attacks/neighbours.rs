//! Neighbours that take all they can get.

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
