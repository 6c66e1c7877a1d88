import type { Context } from "hono";
import { stream } from "hono/streaming";
import type { App } from "../env";
import { Layout } from "../layout";

const STEPS = [
  "The head of the page was sent before this line existed.",
  "The worker waits on a timer, and the connection stays open.",
  "Each line is its own piece on the wire.",
  "If you close the tab now, the worker is told.",
  "There is no buffer in between that waits for more.",
  "That was all.",
];
const PAUSE_MS = 500;
const HOLE = "<!--hole-->";

/** The layout is rendered whole, cut where the content belongs, and the content is written when it is there. */
export function streamPage(c: Context<App>) {
  const page = (
    <Layout title="Stream" site={c.env.TITLE} path="/stream">
      <h1>Stream</h1>
      <ol class="ticks" dangerouslySetInnerHTML={{ __html: HOLE }} />
    </Layout>
  );
  const [before = "", after = ""] = String(page).split(HOLE);
  c.header("content-type", "text/html; charset=utf-8");
  return stream(c, async (out) => {
    out.onAbort(() => console.log("stream: the reader left"));
    await out.write(`<!doctype html>${before}`);
    const started = Date.now();
    for (const step of STEPS) {
      await out.write(`<li><time>${Date.now() - started} ms</time> ${step}</li>\n`);
      await out.sleep(PAUSE_MS);
    }
    await out.write(after);
  });
}
