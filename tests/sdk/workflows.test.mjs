// Workflows of agents, and email for agents: what the SDK makes of the bindings.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PATIENCE_MS, projectOf, Server, until } from "./support.mjs";

const options = { timeout: PATIENCE_MS };

const INDEX = `
import { Agent, routeAgentEmail, getAgentByName } from "agents";
import { createAddressBasedEmailResolver } from "agents/email";
import { AgentWorkflow } from "agents/workflows";

export class Order extends AgentWorkflow {
  async run(event, step) {
    const { item } = event.payload;
    const price = await step.do("price", async () => item.length * 10);
    await this.agent.note("priced " + price);
    await this.reportProgress({ step: "price", status: "complete", percent: 0.5 });
    if (item === "broken") throw new Error("no such item");
    const approval = await this.waitForApproval(step, { timeout: "1 day" });
    await step.mergeAgentState({ last: item });
    await step.reportComplete({ price, by: approval?.by });
    return { price };
  }
}

export class Shop extends Agent {
  initialState = { last: "" };
  onStart() {
    this.sql\`CREATE TABLE IF NOT EXISTS notes (text TEXT)\`;
  }
  note(text) {
    this.sql\`INSERT INTO notes VALUES (\${text})\`;
  }
  notes() {
    return { notes: this.sql\`SELECT text FROM notes\`.map(({ text }) => text), last: this.state.last };
  }
  async onWorkflowProgress(name, id, progress) {
    this.note("progress " + progress.percent);
  }
  async onWorkflowComplete(name, id, result) {
    this.note("complete " + JSON.stringify(result));
  }
  async onWorkflowError(name, id, error) {
    this.note("error " + error);
  }
  order(item, id) {
    return this.runWorkflow("ORDER", { item }, { id });
  }
  tracked(id) {
    const { status } = this.getWorkflow(id) ?? {};
    return status;
  }
  approve(id) {
    return this.approveWorkflow(id, { metadata: { by: "boss" } });
  }
  reject(id) {
    return this.rejectWorkflow(id, { reason: "too dear" });
  }
  async change(id, what) {
    if (what === "pause") await this.pauseWorkflow(id);
    if (what === "resume") await this.resumeWorkflow(id);
    if (what === "terminate") await this.terminateWorkflow(id);
    return this.getWorkflowStatus("ORDER", id);
  }
  async onEmail(email) {
    const raw = new TextDecoder().decode(await email.getRaw());
    this.note("mail from " + email.from + ": " + email.headers.get("subject") + ", " + raw.trim().split("\\r\\n").at(-1));
    await this.replyToEmail(email, { fromName: "Shop", body: "Thank you", contentType: "text/plain" });
  }
  send() {
    return this.sendEmail({ binding: this.env.EMAIL, from: "shop@a.test", to: "you@b.test", subject: "Sale", text: "Now" });
  }
}

export default {
  async fetch(request, env) {
    const [, name, method, ...args] = new URL(request.url).pathname.split("/");
    const agent = await getAgentByName(env.Shop, name);
    if (method === "status") return Response.json(await (await env.ORDER.get(args[0])).status());
    return Response.json((await agent[method](...args)) ?? null);
  },
  email: (message, env) => routeAgentEmail(message, env, { resolver: createAddressBasedEmailResolver("Shop") }),
};
`;

let server, folder;
const start = () => Server.start(["dev", "-c", folder, "--port", "0"], { cwd: folder });

before(async () => {
  folder = projectOf({
    "wrangler.json": {
      name: "shop", main: "index.ts", compatibility_date: "2026-06-11", compatibility_flags: ["nodejs_compat"],
      durable_objects: { bindings: [{ name: "Shop", class_name: "Shop" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Shop"] }],
      workflows: [{ binding: "ORDER", name: "order", class_name: "Order" }],
      send_email: [{ name: "EMAIL" }],
    },
    "index.ts": INDEX,
  });
  server = await start();
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
});

const get = async (path, init) => {
  const text = await (await fetch(server.url + path, init)).text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`no JSON at ${path}: ${text.slice(0, 800)}`);
  }
};
const becomes = (path, wanted) => until(async () => (await get(path)).status === wanted, () => `${path} is never ${wanted}`);
const noted = (name, text) => until(async () => (await get(`/${name}/notes`)).notes.some((note) => note.includes(text)));

test("a workflow of an agent waits for approval over a kill of the server", options, async () => {
  assert.equal(await get("/one/order/tea/order-1"), "order-1");
  await becomes("/one/status/order-1", "waiting");
  await server.end("SIGKILL");
  server = await start();
  assert.equal((await get("/one/status/order-1")).status, "waiting");
  await get("/one/approve/order-1");
  await becomes("/one/status/order-1", "complete");
  assert.deepEqual((await get("/one/status/order-1")).output, { price: 30 });
  await noted("one", "complete");
  const { notes, last } = await get("/one/notes");
  assert.equal(last, "tea");
  assert.equal(notes.at(-1), 'complete {"price":30,"by":"boss"}');
  assert.equal(await get("/one/tracked/order-1"), "complete");
});

test("a rejection and an error reach the agent", options, async () => {
  await get("/two/order/milk/order-2");
  await becomes("/two/status/order-2", "waiting");
  await get("/two/reject/order-2");
  await becomes("/two/status/order-2", "errored");
  await noted("two", "error too dear");
  await get("/two/order/broken/order-3");
  await becomes("/two/status/order-3", "errored");
  assert.deepEqual((await get("/two/status/order-3")).error, { name: "Error", message: "no such item" });
  await noted("two", "error no such item");
});

test("an agent pauses, resumes and ends its workflows", options, async () => {
  await get("/three/order/salt/order-4");
  await becomes("/three/status/order-4", "waiting");
  assert.equal((await get("/three/change/order-4/pause")).status, "paused");
  await get("/three/change/order-4/resume");
  await becomes("/three/status/order-4", "waiting");
  assert.equal((await get("/three/change/order-4/terminate")).status, "terminated");
  assert.equal(await get("/three/tracked/order-4"), "terminated");
});

test("email reaches the agent that its address names, and is answered", options, async () => {
  const message = "From: you@b.test\r\nTo: four@a.test\r\nSubject: Hello\r\nMessage-ID: <1@b.test>\r\n\r\nIs there tea?\r\n";
  const response = await fetch(`${server.url}/cdn-cgi/handler/email?from=you@b.test&to=four@a.test`, { method: "POST", body: message });
  assert.equal(await response.text(), "Worker successfully processed email");
  assert.deepEqual((await get("/four/notes")).notes, ["mail from you@b.test: Hello, Is there tea?"]);
  await server.says(/email from four@a\.test to you@b\.test is in /);
  const { messageId } = await get("/four/send");
  assert.match(messageId, /@a\.test>$/);
  await server.says(/email from shop@a\.test to you@b\.test is in /);
});
