// `@cloudflare/puppeteer` and `@cloudflare/playwright` drive the browser of this machine.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { CHROMIUM, PATIENCE_MS, projectOf, Server, until } from "./support.mjs";

const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;
const options = { timeout: PATIENCE_MS, skip };

const WORKER = `
import puppeteer from "@cloudflare/puppeteer";
import * as playwright from "@cloudflare/playwright";

const text = (bytes) => new TextDecoder("latin1").decode(bytes);

/** It runs in the page: of what Atoll does to code for its own sake, the page has nothing. */
async function inThePage(name) {
  "use strict";
  const seen = [];
  async function* numbers() { yield await 1; yield 2; }
  try {
    for await (const number of numbers()) seen.push(number);
    await Promise.reject(new Error(await Promise.resolve(name)));
  } catch ({ message }) {
    seen.push(await message);
  } finally {
    await undefined;
    seen.push(document.title);
  }
  return seen;
}

const ways = {
  async puppeteer(binding, site) {
    const browser = await puppeteer.launch(binding, { keep_alive: 60_000 });
    const page = await browser.newPage();
    await page.goto(site);
    const png = text((await page.screenshot()).slice(1, 4));
    await page.type("#name", "hello");
    const typed = await page.$eval("#name", (input) => input.value);
    const inside = await page.evaluate(inThePage, "puppeteer");
    const id = browser.sessionId();
    const during = await puppeteer.sessions(binding);
    const taken = await puppeteer.connect(binding, id).then((other) => other.disconnect(), () => "refused");
    await browser.disconnect();
    const again = await puppeteer.connect(binding, id);
    const pages = await again.pages();
    const pdf = text((await pages.at(-1).pdf()).slice(0, 4));
    const limits = await puppeteer.limits(binding);
    await again.close();
    return { id, png, typed, inside, during: during.map(({ sessionId, connectionId }) => [sessionId === id, typeof connectionId]),
      taken: typeof taken, pages: pages.length, pdf, active: limits.activeSessions.length };
  },
  async playwright(binding, site) {
    const browser = await playwright.launch(binding, { keep_alive: 60_000 });
    const page = await browser.newPage();
    await page.goto(site);
    const png = text((await page.screenshot()).slice(1, 4));
    await page.getByRole("textbox").fill("hello");
    const typed = await page.getByRole("textbox").inputValue();
    const inside = await page.evaluate(inThePage, "playwright");
    await page.getByText("more").click();
    await page.waitForURL("**/more");
    const id = browser.sessionId();
    const during = await playwright.sessions(binding);
    await browser.close();
    const { sessionId } = await playwright.acquire(binding);
    const again = await playwright.connect(binding, sessionId);
    const tab = await again.newPage();
    await tab.goto(site);
    const title = await tab.title();
    await again.close();
    const { activeSessions } = await playwright.limits(binding);
    await binding.fetch("http://fake.host/v1/devtools/browser/" + sessionId, { method: "DELETE" });
    return { ids: [id, sessionId], png, typed, inside, during: during.map((session) => session.sessionId === id), title,
      stays: activeSessions.some((session) => session.id === sessionId) };
  },
  sessions: (binding) => puppeteer.sessions(binding),
  history: (binding) => playwright.history(binding),
  async guarded(binding) {
    const guardrails = { allowedHosts: ["example.com"] };
    const launches = [
      () => puppeteer.launch(binding, { guardrails }),
      () => puppeteer.launch(binding, { browser: "kitesurf", guardrails }),
      () => playwright.launch(binding, { guardrails }),
    ];
    const headers = { upgrade: "websocket", "cf-brapi-guardrails": "e30=" };
    const response = await binding.fetch("http://fake.host/v1/devtools/browser?browser=kitesurf", { headers });
    const outcomes = await Promise.all(launches.map((launch) => launch().then(() => "launched", ({ message }) => message)));
    return [...outcomes, response.status + " " + (await response.text())];
  },
};

export default {
  async fetch(request, { BROWSER }) {
    const { pathname, searchParams } = new URL(request.url);
    return Response.json(await ways[pathname.slice(1)](BROWSER, searchParams.get("site")));
  },
};
`;

let site, server;

before(async () => {
  if (skip) return;
  site = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>A page</title><input id=name><p>Read <a href=/more>more</a>.</p>");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const folder = projectOf({
    "index.js": WORKER,
    "wrangler.jsonc": {
      name: "driver",
      main: "index.js",
      compatibility_date: "2026-06-11",
      compatibility_flags: ["nodejs_compat"],
      browser: { binding: "BROWSER" },
    },
  });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
  site?.close();
});

async function ask(way) {
  const response = await fetch(`${server.url}/${way}?site=${encodeURIComponent(`http://127.0.0.1:${site.address().port}/`)}`);
  const text = await response.text();
  return response.ok ? JSON.parse(text) : assert.fail(text);
}

/** How each of these sessions came to its end, which the history has from its beginning on. */
async function ended(...ids) {
  const reasons = await until(async () => {
    const history = await ask("history");
    const sessions = ids.map((id) => history.find(({ sessionId }) => sessionId === id) ?? assert.fail(`${id} is forgotten`));
    return sessions.every(({ endTime }) => endTime !== undefined) && sessions.map(({ closeReasonText }) => closeReasonText);
  });
  assert.deepEqual(await ask("sessions"), []);
  return reasons;
}

test("puppeteer launches, leaves, comes back and closes", options, async () => {
  const { id, ...told } = await ask("puppeteer");
  assert.deepEqual(told, {
    png: "PNG",
    typed: "hello",
    inside: [1, 2, "puppeteer", "A page"],
    during: [[true, "string"]],
    taken: "undefined",
    pages: 2,
    pdf: "%PDF",
    active: 1,
  });
  assert.deepEqual(await ended(id), ["NormalClosure"]);
});

test("playwright launches, finds, clicks and connects to what was acquired", options, async () => {
  const { ids, ...told } = await ask("playwright");
  assert.deepEqual(told, { png: "PNG", typed: "hello", inside: [1, 2, "playwright", "A page"], during: [true], title: "A page", stays: true });
  assert.deepEqual(await ended(...ids), ["NormalClosure", "NormalClosure"]);
});

test("guardrails that nobody would keep are refused", options, async () => {
  const [puppeteer, bound, playwright, raw] = await ask("guarded");
  for (const message of [puppeteer, playwright, raw]) assert.match(message, /\b400\b.*this browser binding has no guardrails/);
  assert.match(bound, /Unable to connect/);
  assert.deepEqual(await ask("sessions"), []);
});
