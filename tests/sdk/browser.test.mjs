// `agents/browser` drives the browser of this machine through `env.BROWSER`.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { connect } from "./client.mjs";
import { WebSocket } from "ws";
import { browser, CHROMIUM, PATIENCE_MS, projectOf, Server, until } from "./support.mjs";

const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;
const options = { timeout: PATIENCE_MS, skip };

const WORKER = `
import { Agent, callable, routeAgentRequest } from "agents";
import { Browser, browserContent, browserPdf, browserRun, browserScreenshot, browserSnapshot } from "agents/browser";
import { createBrowserTools, createQuickActionTools } from "agents/browser/ai";
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

  /** One-shot reading, as models ask for it. */
  @callable()
  async read(name: string, input: object) {
    const tools = createQuickActionTools({ browser: this.env.BROWSER, options: { viewport: { width: 300, height: 200 } } });
    return await tools["browser_" + name].execute(input, { toolCallId: "1", messages: [] });
  }

  @callable()
  async quick(url: string, nobody: string) {
    const { BROWSER } = this.env;
    const [shot, pdf] = [await browserScreenshot(BROWSER, { url }), await browserPdf(BROWSER, { url })];
    const { screenshot } = await browserSnapshot(BROWSER, { url });
    const refused = await browserContent(BROWSER, { url: nobody }).catch(({ name, message, status }) => ({ name, message, status }));
    const begins = ({ data, contentType }) => [contentType, String.fromCharCode(...data.slice(1, 4))];
    return { shot: begins(shot), pdf: begins(pdf), screenshot: screenshot.slice(0, 5), refused };
  }

  @callable()
  async sessions() {
    const response = await this.env.BROWSER.fetch("https://localhost/v1/sessions");
    return (await response.json()).sessions.length;
  }
}

export default { fetch: async (request, env) => (await routeAgentRequest(request, env)) ?? new Response("none") };
`;

/** A page whose parts stand where a test knows them. */
const FORM = `<!doctype html><title>A form</title><style>
  body { margin: 0 } form, input, button, b { position: fixed; left: 0; margin: 0; border: 0; width: 200px; height: 40px }
  input { top: 0 } button { top: 60px } b { top: 120px; background: #c00000 }
</style><form action=/said><input name=text></form><b></b>
<button onclick="fetch('/answered?' + confirm('Sure?'))">Ask</button>`;

let site, server, agent;
/** What the site was asked for. */
const visited = [];

before(async () => {
  if (skip) return;
  site = createServer(({ url }, response) => {
    visited.push(url);
    response.setHeader("content-type", "text/html");
    if (url === "/form") return response.end(FORM);
    response.end("<!doctype html><title>A page</title><input id=name><p>Read <a href=/more>more</a>.</p>");
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
      ai: { binding: "AI" },
      worker_loaders: [{ binding: "LOADER" }],
      durable_objects: { bindings: [{ name: "Surfer", class_name: "Surfer" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Surfer"] }],
    },
    "atoll.jsonc": { model: { scripted: { rate: 0, rules: [{ when: "more", say: '{ "items": ["more"] }' }] } } },
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
// A tab that is new may leave its first, empty page while it is asked.
const title = (call, id) => `(await (async () => {
  for (;;) {
    try {
      return (await ${call}({ method: "Runtime.evaluate", sessionId: ${id},
        params: { expression: ${JSON.stringify(loaded)}, awaitPromise: true, returnByValue: true } })).result.value;
    } catch (error) {
      if (!String(error).includes("Execution context was destroyed")) throw error;
    }
  }
})())`;

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
    const { targetId } = await cdp.send({ method: "Target.createTarget", params: { url: "about:blank" } });
    const { sessionId } = await cdp.attachToTarget({ targetId });
    await cdp.send({ method: "Page.navigate", params: { url: ${page()} }, sessionId });
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

test("pages are read without a session", options, async () => {
  const url = JSON.parse(page());
  assert.equal(await agent.call("read", ["markdown", { url }]), `---\ntitle: "A page"\n---\n\nRead [more](${url}more).`);
  assert.deepEqual(await agent.call("read", ["links", { url }]), [`${url}more`]);
  const [{ selector, results }] = await agent.call("read", ["scrape", { url, selectors: ["a"] }]);
  assert.deepEqual([selector, results.map(({ text }) => text)], ["a", ["more"]]);
  const schema = { type: "object", properties: { items: { type: "array" } } };
  assert.deepEqual(await agent.call("read", ["extract", { url, prompt: "all links", schema }]), { items: ["more"] });
  const gone = createServer();
  await new Promise((resolve) => gone.listen(0, "127.0.0.1", resolve));
  const nobody = `http://127.0.0.1:${gone.address().port}/`;
  await new Promise((resolve) => gone.close(resolve));
  assert.deepEqual(await agent.call("quick", [url, nobody]), {
    shot: ["image/png", "PNG"],
    pdf: ["application/pdf", "PDF"],
    screenshot: "iVBOR",
    refused: {
      name: "BrowserRenderingError",
      message: `Browser Run content failed (422): net::ERR_CONNECTION_REFUSED at ${nobody}`,
      status: 422,
    },
  });
  assert.equal(await agent.call("sessions"), 0);
});

/** Opens the form in a session that stays, and gives the address for a person to look on. */
async function openForm() {
  const opened = await agent.call("program", [
    `async () => {
      const { targetId } = await cdp.send({ method: "Target.createTarget", params: { url: ${JSON.stringify(`${JSON.parse(page())}form`)} } });
      const { sessionId } = await cdp.attachToTarget({ targetId });
      await ${title("cdp.send", "sessionId")};
      return { targetId, view: await cdp.getLiveViewUrl({ targetId, mode: "tab" }) };
    }`,
    { mode: "reuse" },
  ]);
  const { targetId, view } = opened.result ?? assert.fail(JSON.stringify(opened));
  assert.equal(view.targetId, targetId);
  assert.match(view.url, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{64}\?mode=tab$/);
  assert.notEqual(new URL(view.url).origin, new URL(server.url).origin);
  return view.url;
}

const closeSession = () => agent.call("program", ["async () => await cdp.closeSession({})", { mode: "reuse" }]);

test("a person looks at a page and takes part", options, async () => {
  const address = await openForm();
  const person = await browser();
  try {
    const tab = await person.browser.newPage();
    await tab.goto(address);
    const seen = () =>
      tab.evaluate(() => {
        if (screen_.width === 1) return undefined;
        const { left, top, width, height } = screen_.getBoundingClientRect();
        const scale = screen_.width / shown.deviceWidth;
        const colour = Array.from(screen_.getContext("2d").getImageData(100 * scale, 140 * scale, 1, 1).data);
        return { left, top, across: width / shown.deviceWidth, down: height / shown.deviceHeight, colour, url: document.getElementById("address").value };
      });
    const view = await until(async () => {
      const view = await seen();
      return view?.url.endsWith("/form") && view.colour[0] > 150 && view;
    });
    const [red, green, blue] = view.colour;
    assert.ok(Math.abs(red - 0xc0) < 12 && green < 12 && blue < 12, `it shows the page's red: ${view.colour}`);
    const click = (x, y) => tab.mouse.click(view.left + x * view.across, view.top + y * view.down);

    await click(100, 80);
    await tab.getByText("Sure?").waitFor();
    await tab.getByRole("button", { name: "OK" }).click();
    await until(() => visited.includes("/answered?true"));

    await click(100, 20);
    await tab.keyboard.type("Hello 7x");
    await tab.keyboard.press("Backspace");
    await tab.keyboard.press("Enter");
    await until(() => visited.includes("/said?text=Hello+7"));
    await until(async () => (await seen())?.url.endsWith("/said?text=Hello+7"));
    await tab.getByRole("button", { name: "Back" }).click();
    await until(async () => (await seen())?.url.endsWith("/form"));

    await closeSession();
    await tab.getByText("The connection is over").waitFor();
    assert.equal((await fetch(address)).status, 404);
  } finally {
    await person.browser.close();
  }
});

test("who looks at a page has the page, and no more of the browser", options, async () => {
  const address = await openForm();
  const socketUrl = `${address.replace("http", "ws").replace("?mode=tab", "")}/socket`;
  const connect = (url, origin) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, { origin });
      socket.on("open", () => resolve(socket));
      socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode));
    });
  const guessed = address.replace(/[0-9a-f]{64}/, "0".repeat(64));
  assert.equal((await fetch(guessed)).status, 404);
  assert.equal(await connect(socketUrl.replace(/[0-9a-f]{64}/, "0".repeat(64))), 404);
  assert.equal(await connect(socketUrl, "http://example.com"), 403);
  const commands = [
    { id: 1, method: "Runtime.evaluate", params: { expression: "1" } },
    { id: 1, method: "Network.getAllCookies" },
    { id: 1, method: "Page.navigate", params: { url: "file:///etc/passwd" } },
  ];
  for (const command of commands) {
    const socket = await connect(socketUrl, new URL(address).origin);
    const answers = [];
    socket.on("message", (text) => answers.push(String(text)));
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.send(JSON.stringify(command));
    assert.equal(await closed, 1008);
    assert.deepEqual(answers, []);
  }
  const policy = (await fetch(address)).headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  await closeSession();
});
