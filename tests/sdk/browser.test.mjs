// `agents/browser` drives the browser of this machine through `env.BROWSER`.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { connect } from "./client.mjs";
import { CHROMIUM, PATIENCE_MS, projectOf, Server, until } from "./support.mjs";

const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;
const options = { timeout: PATIENCE_MS, skip };

const WORKER = `
import { Agent, callable, routeAgentRequest } from "agents";
import { Browser, browserRun } from "agents/browser";
import { createBrowserTools } from "agents/browser/ai";
import { browserTool } from "agents/browser/ai-sdk";
export { CodemodeRuntime } from "@cloudflare/codemode";

export class Surfer extends Agent<Env> {
  browser = new Browser({ provider: browserRun(this.env.BROWSER) });

  constructor(ctx: AgentContext, env: Env) {
    super(ctx, env);
    this.lifecycle.use(this.browser);
  }

  /** The browser that stays from run to run. */
  @callable()
  async lasting(code: string) {
    const tool = browserTool({ browser: this.browser, loader: this.env.LOADER });
    return await tool.execute({ code });
  }

  @callable()
  async close() {
    await this.browser.close();
  }

  /** One for a program, as models write it for Code Mode. */
  @callable()
  async program(code: string, session: object) {
    const tools = createBrowserTools({
      ctx: this.ctx, browser: this.env.BROWSER, loader: this.env.LOADER, session, quickActions: false,
    });
    return await tools.browser_execute.execute({ code }, { toolCallId: "1", messages: [] });
  }

  @callable()
  async sessions() {
    const response = await this.env.BROWSER.fetch("https://localhost/v1/sessions");
    return (await response.json()).sessions.length;
  }
}

export default { fetch: async (request, env) => (await routeAgentRequest(request, env)) ?? new Response("none") };
`;

let site, server, agent;

before(async () => {
  if (skip) return;
  site = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>A page</title><input id=name>");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const folder = projectOf({
    "index.ts": WORKER,
    "wrangler.jsonc": {
      name: "surfer",
      main: "index.ts",
      compatibility_date: "2026-06-11",
      compatibility_flags: ["nodejs_compat"],
      browser: { binding: "BROWSER" },
      worker_loaders: [{ binding: "LOADER" }],
      durable_objects: { bindings: [{ name: "Surfer", class_name: "Surfer" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Surfer"] }],
    },
  });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
  agent = await connect(server, "Surfer", "one");
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  agent?.close();
  await server?.end();
  site?.close();
});

const page = () => JSON.stringify(`http://127.0.0.1:${site.address().port}/`);
const loaded = `new Promise((resolve) => {
  const look = () => (document.title ? resolve(document.title) : setTimeout(look, 20));
  look();
})`;
const title = (call, id) => `(await ${call}({ method: "Runtime.evaluate", sessionId: ${id},
  params: { expression: ${JSON.stringify(loaded)}, awaitPromise: true, returnByValue: true } })).result.value`;

test("a browser stays from run to run until it is closed", options, async () => {
  const cdp = "browser.cdp";
  const first = await agent.call("lasting", [
    `async () => {
      await ${cdp}({ method: "Page.navigate", params: { url: ${page()} }, sessionId: "active" });
      return ${title(cdp, '"active"')};
    }`,
  ]);
  assert.equal(first.result, "A page", JSON.stringify(first));
  const second = await agent.call("lasting", [
    `async () => {
      const { commands } = await browser.spec({ domain: "Page" });
      const { data } = await ${cdp}({ method: "Page.captureScreenshot", sessionId: "active" });
      return { title: ${title(cdp, '"active"')}, knows: commands.some(({ name }) => name === "navigate"), png: data.slice(0, 5) };
    }`,
  ]);
  assert.deepEqual(second.result, { title: "A page", knows: true, png: "iVBOR" }, JSON.stringify(second));
  assert.equal(await agent.call("sessions"), 1);
  await agent.call("close");
  assert.equal(await agent.call("sessions"), 0);
  const third = await agent.call("lasting", ["async () => (await browser.cdp({ method: 'Browser.getVersion' })).protocolVersion"]);
  assert.equal(third.result, "1.3");
  assert.match(third.notice, /The browser was restarted/);
  await agent.call("close");
});

test("programs of Code Mode have one each, whatever its engine is called", options, async () => {
  const program = `async () => {
    const { targetId } = await cdp.send({ method: "Target.createTarget", params: { url: ${page()} } });
    const { sessionId } = await cdp.attachToTarget({ targetId });
    return ${title("cdp.send", "sessionId")};
  }`;
  for (const session of [{}, { browser: "kitesurf" }]) {
    const ran = await agent.call("program", [program, session]);
    assert.equal(ran.result, "A page", JSON.stringify(ran));
  }
  await until(async () => (await agent.call("sessions")) === 0);
  const kept = await agent.call("program", ["async () => (await cdp.startSession({})).sessionId", { mode: "dynamic" }]);
  assert.equal(await agent.call("sessions"), 1);
  const closed = await agent.call("program", [
    "async () => { const { sessionId } = await cdp.sessionInfo({}); await cdp.closeSession({}); return sessionId; }",
    { mode: "dynamic" },
  ]);
  assert.equal(closed.result, kept.result);
  assert.equal(await agent.call("sessions"), 0);
});
