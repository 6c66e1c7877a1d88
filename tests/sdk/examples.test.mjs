// The other examples, each in a browser.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { registry } from "./registry.mjs";
import { browser, copyOf, PATIENCE_MS, Server, until } from "./support.mjs";

const found = await browser();
const options = { skip: found.skip, timeout: PATIENCE_MS };
after(() => found.browser?.close());

/** Runs an example and opens its page. */
async function open(project, { settings, env } = {}) {
  const server = await Server.start(["dev", "-c", copyOf(project, { settings }), "--port", "0"], { env });
  const page = await found.browser.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(server.url);
  const close = async () => {
    await page.close();
    await server.end();
    assert.deepEqual(page.problems, []);
  };
  return { server, page, close };
}

test("Friday: the update is written when its time has come", options, async () => {
  const { page, server, close } = await open("examples/friday");
  await page.locator("header time", { hasText: /Friday.*21:00/ }).waitFor();
  for (const note of ["The reef was painted", "A canoe came back"]) {
    await page.locator("input").fill(note);
    await page.locator("form button").click();
    await page.locator(".notes li", { hasText: note }).waitFor();
  }
  const refused = await fetch(`${server.url}/cdn-cgi/handler/clock?by=-1`, { method: "POST" });
  assert.equal(refused.status, 400);
  await page.locator("header button").click();
  await page.locator("article p", { hasText: "The reef was painted. A canoe came back." }).waitFor();
  await page.locator("article time", { hasText: /Friday.*21:00/ }).waitFor();
  assert.equal(await page.locator(".notes li").count(), 0);
  await close();
});

test("Pantry: a page is an MCP client of a server that keeps state and asks", options, async () => {
  const { page, close } = await open("examples/pantry");
  await page.locator("li pre", { hasText: "2 × rice" }).waitFor();
  const put = page.locator('form[aria-label="put"]');
  await put.locator('input[name="item"]').fill("taro");
  await put.locator('input[name="count"]').fill("3");
  await put.locator("button").click();
  await page.locator("li pre", { hasText: "3 × taro" }).first().waitFor();
  const away = page.locator('form[aria-label="throw_away"]');
  await away.locator("input").fill("taro");
  await away.locator("button").click();
  const question = page.locator('form[aria-label="question"]');
  await question.locator("p", { hasText: "There is 3." }).waitFor();
  await question.locator("input").fill("2");
  await question.locator("button").first().click();
  await page.locator("li pre", { hasText: "1 × taro" }).waitFor();
  await close();
});

test("Market: a model's programs use tools and cannot get out", options, async () => {
  const { page, close } = await open("examples/market");
  const ask = (idea) => page.locator("form div button", { hasText: idea }).click();
  await page.locator("header li", { hasText: "hooks" }).waitFor();
  await ask("worth");
  await page.locator(".result", { hasText: '{"kinds":4,"worth":224}' }).waitFor();
  await page.locator(".assistant p", { hasText: "The program gave this:" }).waitFor();
  await ask("Restock");
  await page.locator("header li", { hasText: "12 hooks" }).waitFor();
  await page.locator(".result", { hasText: "hooks +10" }).waitFor();
  await ask("escape");
  await page.locator("figure", { hasText: /not permitted/ }).waitFor();
  await close();
});

test("Survey: sub-agents tell the page how far they are, and go on after their processes were killed", options, async () => {
  const folder = copyOf("examples/survey");
  const { model: { scripted } } = JSON.parse(readFileSync(join(folder, "atoll.jsonc"), "utf8").replace(/^\s*\/\/.*$/gm, ""));
  writeFileSync(join(folder, "script.json"), JSON.stringify(scripted));
  const model = await Server.start(["model", "--port", "0", "--script", join(folder, "script.json")]);
  const { page, server, close } = await open("examples/survey", { settings: { model: { url: `${model.url}/v1` } } });
  await page.locator("form button").click();
  const notes = (place) => page.locator(`article[aria-label="${place}"] li`);
  for (const place of ["the reef", "the lagoon", "the islets"]) await notes(place).first().waitFor();
  assert.ok(server.killIsolates() > 0);
  await page.locator("footer", { hasText: /grown by a hand.*open to canoes.*fathoms deep.*old anchors.*Seven islets.*root on five/ }).waitFor();
  for (const place of ["the reef", "the lagoon", "the islets"]) assert.equal(await notes(place).count(), 3);
  const asked = (await (await fetch(`${model.url}/calls`)).json()).map(({ prompt }) => prompt);
  assert.equal(asked.filter((prompt) => prompt.startsWith("Note 1 on")).length, 3, asked.join("\n"));
  await page.locator("header button").click();
  await page.locator(".hint").waitFor();
  await close();
  await model.end();
});

test("Components: what was just described is rendered by a worker without powers, and live in the page", options, async () => {
  const packages = await registry();
  const cache = mkdtempSync(join(tmpdir(), "atoll-cache-"));
  const { page, server, close } = await open("examples/components", { env: { npm_config_registry: packages.url, ATOLL_CACHE: cache } });
  const component = page.frameLocator("#frame");
  const ask = (idea) => page.locator("#ideas button", { hasText: idea }).click();
  const script = page.locator("#plain");
  // React and a package of npm: what the server made is there without a script, and with it one can use it.
  await page.locator("#state", { hasText: /^Ready in \d+ ms\.$/ }).waitFor();
  await script.check();
  await component.locator("p", { hasText: "1 to do" }).waitFor();
  await component.locator("label.done", { hasText: "Describe" }).waitFor();
  await script.uncheck();
  // React has taken over once it has put its handlers there.
  const live = (locator) => until(() => locator.evaluate((element) => Object.keys(element).some((key) => key.startsWith("__reactProps"))));
  const task = component.locator("label", { hasText: "Tick this off" });
  await live(task.locator("input"));
  await task.locator("input").check();
  await component.locator("p", { hasText: "0 to do" }).waitFor();
  await component.locator('input[aria-label="New task"]').fill("Swim");
  await component.locator("button").click();
  await component.locator("label", { hasText: "Swim" }).waitFor();
  await ask("Markdown");
  await component.locator("article em", { hasText: "Markdown" }).waitFor();
  await live(component.locator("textarea"));
  await component.locator("textarea").fill("## Written *just now*");
  await component.locator("article h2", { hasText: "Written just now" }).waitFor();
  await ask("plain HTML");
  await component.locator("h1", { hasText: "Lagoon Night" }).waitFor();
  await component.locator("button").click();
  await component.locator('body[style*="--hue: 237"]').waitFor();
  // What it was not given it does not get, neither on the server nor in the page.
  await ask("spy");
  await component.locator("p", { hasText: /the page around it: SecurityError/ }).waitFor();
  const got = await component.locator("li").allTextContents();
  assert.match(got[0], /^network: Error: This worker is not permitted to access the internet/);
  assert.match(got[1], /^environment: \{\}/);
  assert.match(got[2], /^files: Error: ENOENT/);
  assert.match(got[3], /^code: EvalError/);
  await ask("plain HTML");
  await page.locator("#state", { hasText: /^It was built before\.$/ }).waitFor();
  assert.equal((await fetch(`${server.url}/component/nothing/`)).status, 404);
  await close();
  packages.close();
});
