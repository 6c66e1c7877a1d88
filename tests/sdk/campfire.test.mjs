// The main example, as people use it: in browsers, while things break.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, copyOf, freePort, PATIENCE_MS, Server, until } from "./support.mjs";

const LAST = 60;
const WHOLE = Array.from({ length: LAST }, (_, index) => index + 1).join(" ");

const found = await browser();
const options = { skip: found.skip, timeout: 4 * PATIENCE_MS };
let model, server, folder, port;

before(async () => {
  if (found.skip) return;
  model = await Server.start(["model", "--port", "0", "--rate", "12"]);
  folder = copyOf("examples/campfire", { settings: { model: { url: model.url + "/v1" } } });
  port = await freePort();
  server = await serve();
});
after(async () => {
  await found.browser?.close();
  await server?.end();
  await model?.end();
});

const serve = () => Server.start(["dev", "-c", folder, "--port", String(port)]);

/** A page at a fire. `between` stands between it and the agent. */
async function visit(fire, name, between) {
  const context = await found.browser.newContext();
  await context.addInitScript((name) => localStorage.setItem("name", name), name);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.setDefaultTimeout(PATIENCE_MS);
  if (between !== undefined) await page.routeWebSocket(/\/agents\//, between);
  await page.goto(`${server.url}/?fire=${fire}`);
  await page.locator("form button:not([disabled])").waitFor();
  return page;
}

const told = (page) => page.locator(".teller span").last().textContent().catch(() => "");
const ask = async (page, text) => {
  await page.locator('input[name="text"]').fill(text);
  await page.locator("form button").click();
};
const reaches = (page, number) =>
  page.waitForFunction((number) => [...document.querySelectorAll(".teller span")].at(-1)?.textContent.includes(` ${number} `), number);
async function ends(page) {
  await page.waitForFunction((whole) => [...document.querySelectorAll(".teller span")].at(-1)?.textContent === whole, WHOLE).catch(async () => {
    assert.equal(await told(page), WHOLE);
  });
  assert.equal(await page.locator(".teller").count(), 1, "the answer is one message");
  assert.deepEqual(page.problems, []);
}

/** What the model was asked for since it was asked last. */
async function calls() {
  const list = await (await fetch(model.url + "/calls")).json();
  await fetch(model.url + "/calls", { method: "DELETE" });
  return list;
}
const paid = (list) => list.reduce((sum, { tokens }) => sum + tokens, 0);

test("two pages share who is there and what is said", options, async () => {
  const [one, two] = [await visit("shared", "Moana"), await visit("shared", "Tane")];
  for (const page of [one, two]) {
    await page.locator("header li", { hasText: "Moana" }).waitFor();
    await page.locator("header li", { hasText: "Tane" }).waitFor();
  }
  await calls();
  await ask(one, `Count to ${LAST}`);
  await two.locator(".other", { hasText: "Count to" }).waitFor();
  await Promise.all([ends(one), ends(two)]);
  assert.equal(paid(await calls()), LAST);
  await two.context().close();
  await one.locator("header li", { hasText: "Tane" }).waitFor({ state: "detached" });
});

test("an answer goes on after a reload, and in a second tab", options, async () => {
  const page = await visit("reload", "Moana");
  await calls();
  await ask(page, `Count to ${LAST}`);
  await reaches(page, 8);
  await page.reload();
  await reaches(page, 16);
  const second = await visit("reload", "Sina");
  await Promise.all([ends(page), ends(second)]);
  assert.equal(paid(await calls()), LAST);
});

test("a page that connects when an answer has just ended has it", options, async () => {
  const page = await visit("between", "Moana");
  await ask(page, `Count to ${LAST}`);
  await reaches(page, 8);
  // The other one reads what there is by now, and hears no more until it is over.
  const over = ends(page);
  const other = await visit("between", "Sina", async (socket) => {
    await over;
    socket.connectToServer();
  });
  await ends(other);
});

test("an answer goes on when its isolate is killed, and no token is paid for twice", options, async () => {
  const page = await visit("isolate", "Moana");
  await calls();
  await ask(page, `Count to ${LAST}`);
  await reaches(page, 15);
  assert.ok(server.killIsolates() > 0);
  await ends(page);
  const list = await calls();
  assert.equal(paid(list), LAST, JSON.stringify(list));
});

test("a page that missed words has them all at the end", options, async () => {
  let missed = 0;
  const page = await visit("missed", "Moana", (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (/\\"delta\\":\\"[1-7] \\"/.test(message)) missed += 1;
      else socket.send(message);
    });
  });
  await ask(page, `Count to ${LAST}`);
  await reaches(page, 15);
  assert.match(await told(page), /^8 9 /);
  await ends(page);
  assert.equal(missed, 7);
});

test("an answer goes on over a deployment, and no token is paid for twice", options, async () => {
  const page = await visit("deploy", "Moana");
  await calls();
  await ask(page, `Count to ${LAST}`);
  await reaches(page, 15);
  const from = server.said.length;
  appendFileSync(join(folder, "src/server.ts"), "\n// Another version.\n");
  await server.says(/rebuilt in/, from);
  await ends(page);
  const list = await calls();
  assert.equal(paid(list), LAST, JSON.stringify(list));
});

test("an answer goes on when the host is killed", options, async () => {
  const page = await visit("host", "Moana");
  await calls();
  await ask(page, `Count to ${LAST}`);
  const seen = 15;
  await reaches(page, seen);
  await server.end("SIGKILL");
  server = await serve();
  await ends(page);
  // The connection to the model is lost with the host, and with it what was under way; what a page has shown is not asked for
  // again.
  const list = await calls();
  assert.equal(list.length, 2, JSON.stringify(list));
  assert.ok(list[1].tokens <= LAST - seen, JSON.stringify(list));
  const after = await visit("host", "Sina");
  await ends(after);
});

test("who stops an answer does not pay for the rest", options, async () => {
  const page = await visit("stop", "Moana");
  await calls();
  await ask(page, "Count to 500");
  await reaches(page, 8);
  await page.locator("form button", { hasText: "Stop" }).click();
  await page.locator("form button", { hasText: "Say" }).waitFor();
  const list = await until(async () => {
    const [first, second] = [await peek(), await new Promise((resolve) => setTimeout(async () => resolve(await peek()), 400))];
    return paid(first) === paid(second) && second;
  });
  assert.ok(paid(list) < 400, JSON.stringify(list));
});

const peek = async () => (await fetch(model.url + "/calls")).json();
