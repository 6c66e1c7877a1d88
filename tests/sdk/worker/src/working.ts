import { Agent, callable, type FiberRecoveryContext } from "agents";
import { subscribe } from "agents/observability";

const told: string[] = [];
for (const channel of ["state", "rpc", "schedule", "fiber", "lifecycle"] as const) {
  subscribe(channel, (event) => told.push(`${event.agent}/${event.name} ${event.type}`));
}

/** Work that is done later, again, or after a crash. */
export class Working extends Agent<Env> {
  static options = { keepAliveIntervalMs: 2_000 };

  #note(text: string) {
    this.sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)`;
    this.sql`INSERT INTO notes (text) VALUES (${text})`;
  }

  @callable()
  notes() {
    this.sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)`;
    return this.sql<{ text: string }>`SELECT text FROM notes ORDER BY id`.map(({ text }) => text);
  }

  @callable()
  events() {
    return told.filter((event) => event.startsWith(`Working/${this.name} `));
  }

  @callable()
  async later() {
    const soon = await this.schedule(1, "ring", { text: "delayed" });
    await this.schedule(new Date(Date.now() + 1500), "ring", { text: "dated" });
    await this.schedule("0 8 * * 1", "ring", { text: "cron" });
    const never = await this.schedule(3600, "ring", { text: "never" });
    const every = await this.scheduleEvery(1, "tick");
    await this.cancelSchedule(never.id);
    const listed = await this.listSchedules();
    return { types: listed.map(({ type }) => type).sort(), soon: soon.callback, every: every.type };
  }

  ring({ text }: { text: string }) {
    this.#note(text);
  }

  async tick() {
    this.#note("tick");
    const ticks = this.notes().filter((text) => text === "tick").length;
    if (ticks < 2) return;
    for (const { id, type } of await this.listSchedules()) if (type === "interval") await this.cancelSchedule(id);
  }

  @callable()
  async queueUp() {
    for (const text of ["first", "second", "third"]) await this.queue("work", { text });
  }

  attempts = 0;
  async work({ text }: { text: string }) {
    if (text === "second" && this.attempts++ === 0) throw new Error("once more");
    this.#note(text);
  }

  @callable()
  async again() {
    let attempts = 0;
    const result = await this.retry(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error("not yet");
      return "done";
    }, { maxAttempts: 4, baseDelayMs: 1 });
    return { result, attempts };
  }

  @callable()
  async long() {
    const { fiberId, accepted } = await this.startFiber("long", async (fiber) => {
      fiber.stash({ step: 1 });
      this.#note("began");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
      this.#note("ended");
    }, { idempotencyKey: "long" });
    return { fiberId, accepted };
  }

  async onFiberRecovered(fiber: FiberRecoveryContext) {
    this.#note(`recovered ${fiber.name} ${JSON.stringify(fiber.snapshot)}`);
    return { status: "completed" as const };
  }
}
