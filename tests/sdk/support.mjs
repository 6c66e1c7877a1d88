// Servers as processes, a browser, and waiting for what should come.

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "../..");
const atoll = process.env.ATOLL ?? join(root, "target/release/atoll");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** How long anything may take before it counts as lost. Nothing waits this long unless it fails. */
export const PATIENCE_MS = 120_000;

/** A free port, for servers that have to come back where they were. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A folder with a project of this repository, its packages, and other settings. */
export function copyOf(project, { settings, packages = here, remove = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "atoll-sdk-"));
  cpSync(join(root, project), folder, { recursive: true, filter: (path) => !/node_modules|\.atoll/.test(path) });
  symlinkSync(join(packages, "node_modules"), join(folder, "node_modules"));
  for (const file of remove) rmSync(join(folder, file));
  if (settings !== undefined) {
    const path = join(folder, "atoll.jsonc");
    const before = existsSync(path) ? JSON.parse(readFileSync(path, "utf8").replace(/^\s*\/\/.*$/gm, "")) : {};
    writeFileSync(path, JSON.stringify({ ...before, ...settings }));
  }
  return folder;
}

/** A project of these files. */
export function projectOf(files) {
  const folder = mkdtempSync(join(tmpdir(), "atoll-sdk-"));
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

/** On a slow machine, with others at work, the top level of an SDK may take longer than it usually may. */
function giveTimeToStart(folder) {
  const path = join(folder, "atoll.jsonc");
  const before = existsSync(path) ? JSON.parse(readFileSync(path, "utf8").replace(/^\s*\/\/.*$/gm, "")) : {};
  writeFileSync(path, JSON.stringify({ ...before, limits: { startupCpuMs: 10_000, ...before.limits } }));
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A program of Atoll that listens. */
export class Server {
  said = "";
  url = undefined;

  static async start(args, { cwd, env, until = /(?:ready in|atoll (?:serve|model)[\s\S]*http:\/\/)/ } = {}) {
    const named = args.indexOf("-c");
    if (named !== -1) giveTimeToStart(args[named + 1]);
    const server = new Server();
    server.child = spawn(atoll, args, { cwd, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1", ...env } });
    running.add(server.child);
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it does not start:\n${server.said}`)), PATIENCE_MS);
      const hear = (chunk) => {
        server.said += chunk;
        const [, url] = /(http:\/\/[\w.:[\]]+)/.exec(server.said) ?? [];
        if (url !== undefined && until.test(server.said)) {
          server.url = url;
          clearTimeout(timer);
          resolve();
        }
      };
      server.child.stdout.on("data", hear);
      server.child.stderr.on("data", hear);
      server.child.on("error", reject);
      server.child.on("exit", () => reject(new Error(`it ended:\n${server.said}`)));
    });
    return server;
  }

  /** It has said something that matches, after what it had said at `from`. */
  async says(pattern, from = 0) {
    await until(() => pattern.test(this.said.slice(from)), () => `it never said ${pattern}:\n${this.said}`);
  }

  /** The processes that run workers: forked from templates, which are forked from the zygote. */
  isolates() {
    return children(this.child.pid).flatMap(children).flatMap(children);
  }

  killIsolates() {
    const isolates = this.isolates();
    for (const id of isolates) process.kill(id, "SIGKILL");
    return isolates.length;
  }

  async end(signal = "SIGTERM") {
    running.delete(this.child);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.on("exit", () => resolve(true)));
    this.child.kill(signal);
    const lost = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref());
    if (await Promise.race([ended, lost])) return;
    this.child.kill("SIGKILL");
    throw new Error(`it does not end:\n${this.said}`);
  }
}

function children(id) {
  try {
    return readdirSync(`/proc/${id}/task`).flatMap((thread) =>
      readFileSync(`/proc/${id}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Waits until `check` gives something true, and gives that. */
export async function until(check, describe = () => `never came true: ${check}`) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(describe());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A browser, or why there is none. */
export async function browser() {
  if (!existsSync(CHROMIUM)) return { skip: `there is no ${CHROMIUM}` };
  const { chromium } = await import("playwright-core");
  return { browser: await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }) };
}
