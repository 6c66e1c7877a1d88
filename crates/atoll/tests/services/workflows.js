// Workflows as Cloudflare's pages have them.
import { WorkflowEntrypoint } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
import { AsyncLocalStorage } from "node:async_hooks";
import { assert, failure } from "./support.js";

const { equal, deepEqual } = assert.default ?? assert;
/** How often callbacks of steps have run, by instance. */
const runs = new Map();
const store = new AsyncLocalStorage();

class Counting extends WorkflowEntrypoint {
  count(event, what) {
    const key = `${event.instanceId} ${what}`;
    runs.set(key, (runs.get(key) ?? 0) + 1);
    return runs.get(key);
  }
}

const stories = {
  async plain(event, step) {
    equal(event.timestamp instanceof Date, true);
    deepEqual([event.payload, event.workflowName], [{ n: 2 }, "stories"]);
    const a = await step.do("double", async ({ step, attempt, config }) => {
      deepEqual([step, attempt, config.timeout], [{ name: "double", count: 1 }, 1, "10 minutes"]);
      this.count(event, "double");
      return { n: event.payload.n * 2, when: new Date(5), map: new Map([["k", 1]]) };
    });
    await step.sleep("a moment", 20);
    const again = await step.do("double", () => this.count(event, "second") + 10);
    return { a, again, all: await Promise.all([1, 2, 3].map((n) => step.do(`p${n}`, async () => n))) };
  },
  async retries(event, step) {
    const config = { retries: { limit: 2, delay: 10, backoff: "linear" } };
    const value = await step.do("flaky", config, async ({ attempt }) => {
      const ran = this.count(event, "flaky");
      equal(ran, attempt);
      if (ran < 3) throw new Error(`not yet ${ran}`);
      return ran;
    });
    const failed = await failure(() =>
      step.do("never", config, () => {
        this.count(event, "never");
        throw new RangeError("no");
      }),
    );
    const fatal = await failure(() =>
      step.do("fatal", () => {
        this.count(event, "fatal");
        throw new NonRetryableError("stop");
      }),
    );
    const late = await failure(() =>
      step.do("late", { timeout: 20, retries: { limit: 0, delay: 0 } }, () => new Promise(() => {})),
    );
    return { value, failed, fatal, late };
  },
  async waits(event, step) {
    const first = await step.waitForEvent("go", { type: "go" });
    const late = await failure(() => step.waitForEvent("none", { type: "none", timeout: 30 }));
    const both = await Promise.all([
      step.waitForEvent("left", { type: "left", timeout: "1 hour" }),
      step.waitForEvent("right", { type: "right", timeout: "1 hour" }),
    ]);
    return { first, late, both: both.map(({ payload }) => payload) };
  },
  async throws() {
    throw new TypeError("broken");
  },
  async long(event, step) {
    await step.do("before", () => this.count(event, "before"));
    await step.sleep("for long", "30 days");
    return "slept";
  },
  async refuses(event, step) {
    return [
      await failure(() => step.do("x".repeat(257), () => {})),
      await failure(() => step.do("x", { retries: { limit: "many" } }, () => {})),
      await failure(() => step.do("x")),
      await failure(() => step.do("big", { retries: { limit: 0, delay: 0 } }, () => "x".repeat(1024 * 1024 + 1))),
      await failure(() => step.do("function", { retries: { limit: 0, delay: 0 } }, () => () => {})),
      await failure(() => step.sleepUntil("past", new Date(0))),
      await failure(() => step.waitForEvent("type", { type: "a b" })),
    ];
  },
  async many(event, step) {
    for (let index = 0; index < 4; index += 1) await step.do(`step ${index}`, () => index);
  },
  async books(event, step) {
    const undo = (what) => ({
      async rollback({ ctx, error, output, stepName }) {
        const ran = this.count(event, `undo ${what}`);
        if (what === "hotel" && ran === 1) throw new Error("not yet");
        const told = (await this.env.KV.get(event.instanceId)) ?? "";
        await this.env.KV.put(event.instanceId, `${told}${stepName} ${ctx.step.count} ${output} ${error.name}: ${error.message}; `);
      },
      rollbackConfig: { retries: { limit: 1, delay: 10 } },
    });
    const bound = (what) => {
      const { rollback, ...rest } = undo(what);
      return { ...rest, rollback: rollback.bind(this) };
    };
    await step.do("flight", () => (this.count(event, "flight"), "F1"), bound("flight"));
    await step.do("mail", () => this.count(event, "mail"));
    await step.do("hotel", async () => "H2", bound("hotel"));
    if (event.payload.waits) await step.sleep("for long", "30 days");
    await step.do("car", { retries: { limit: 0, delay: 0 } }, () => Promise.reject(new RangeError("no cars")), bound("car"));
  },
  async beside(event, step) {
    const aside = async () => {
      for (let index = 0; index < 3; index += 1) await this.env.KV.get("nothing");
      return step.do("aside", () => this.count(event, "aside"));
    };
    await Promise.all([aside(), step.sleep("for long", "30 days")]);
  },
  async context(event, step) {
    return store.run("kept", async () => {
      const inside = await step.do("inside", async () => store.getStore());
      await step.sleep("a moment", 10);
      return [inside, store.getStore(), (await this.env.KV.get("nothing")) ?? "fetched"];
    });
  },
};

export class Stories extends Counting {
  async run(event, step) {
    const { tell, ...payload } = event.payload;
    return stories[tell].call(this, { ...event, payload }, step);
  }
}

export class Short extends Counting {
  run(event, step) {
    return stories.many.call(this, event, step);
  }
}

async function until(instance, wanted) {
  for (;;) {
    const status = await instance.status();
    if (status.status === wanted) return status;
    if (["complete", "errored", "terminated"].includes(status.status)) {
      throw new Error(`${instance.id} is ${status.status} and not ${wanted}: ${JSON.stringify(status)}`);
    }
    await scheduler.wait(5);
  }
}

const ran = ({ id }, what) => runs.get(`${id} ${what}`) ?? 0;

const cases = {
  async "steps run once, and their results come back"({ STORIES }) {
    const instance = await STORIES.create({ id: "plain-1", params: { tell: "plain", n: 2 } });
    equal(instance.id, "plain-1");
    const { output } = await until(instance, "complete");
    deepEqual(output, { a: { n: 4, when: new Date(5), map: new Map([["k", 1]]) }, again: 11, all: [1, 2, 3] });
    deepEqual([ran(instance, "double"), ran(instance, "second")], [1, 1]);
    deepEqual((await (await STORIES.get("plain-1")).status()).output.again, 11);
  },
  async "what fails is tried again, as often as it says"({ STORIES }) {
    const instance = await STORIES.create({ params: { tell: "retries" } });
    const { output } = await until(instance, "complete");
    deepEqual(output, {
      value: 3, failed: "RangeError: no", fatal: "NonRetryableError: stop",
      late: "WorkflowTimeoutError: Execution timed out after 20ms",
    });
    deepEqual([ran(instance, "flaky"), ran(instance, "never"), ran(instance, "fatal")], [3, 3, 1]);
  },
  async "events are waited for, in whatever order they come"({ STORIES }) {
    const instance = await STORIES.create({ params: { tell: "waits" } });
    await instance.sendEvent({ type: "right", payload: "early" });
    await until(instance, "waiting");
    await instance.sendEvent({ type: "go", payload: { n: 1 } });
    await instance.sendEvent({ type: "left", payload: "late" });
    const { output } = await until(instance, "complete");
    const { payload, type, timestamp } = output.first;
    deepEqual([payload, type, timestamp instanceof Date], [{ n: 1 }, "go", true]);
    equal(output.late, "WorkflowTimeoutError: Execution timed out after 30ms");
    deepEqual(output.both, ["late", "early"]);
    equal(
      await failure(() => instance.sendEvent({ type: "go", payload: 1 })),
      "WorkflowError: (instance.cannot_receive_event) Cannot receive event instance since its on a finite state",
    );
  },
  async "instances are paused, resumed, ended and begun again"({ STORIES }) {
    const instance = await STORIES.create({ params: { tell: "long" } });
    await until(instance, "waiting");
    await instance.pause();
    equal((await instance.status()).status, "paused");
    await instance.resume();
    await until(instance, "waiting");
    equal(ran(instance, "before"), 1);
    await instance.restart();
    await until(instance, "waiting");
    equal(ran(instance, "before"), 2);
    await instance.terminate();
    deepEqual(await instance.status(), { status: "terminated", output: null });
    equal(
      await failure(() => instance.pause()),
      "WorkflowError: (instance.cannot_pause) Cannot pause instance since its on a finite state",
    );
    await instance.restart();
    await until(instance, "waiting");
    equal(ran(instance, "before"), 3);
    await instance.terminate();
  },
  async "an instance begins again from one of its steps"({ STORIES }) {
    const instance = await STORIES.create({ params: { tell: "plain", n: 2 } });
    await until(instance, "complete");
    await instance.restart({ from: { name: "double", count: 2 } });
    equal((await until(instance, "complete")).output.again, 12);
    deepEqual([ran(instance, "double"), ran(instance, "second")], [1, 2]);
    await instance.restart({ from: { name: "a moment", type: "sleep" } });
    equal((await until(instance, "complete")).output.again, 13);
    equal(
      await failure(() => instance.restart({ from: { name: "a moment" } })),
      'WorkflowError: (instance.cannot_restart) Step "a moment" not found in execution history',
    );
    equal((await instance.status()).status, "complete");
  },
  async "what was done is taken back when it fails, the last first"({ STORIES, KV }) {
    const instance = await STORIES.create({ id: "trip", params: { tell: "books" } });
    const { error } = await until(instance, "errored");
    deepEqual(error, { name: "RangeError", message: "no cars" });
    const why = "RangeError: no cars";
    equal(await KV.get("trip"), `car-1 1 undefined ${why}; hotel-1 1 H2 ${why}; flight-1 1 F1 ${why}; `);
    deepEqual([ran(instance, "undo hotel"), ran(instance, "flight"), ran(instance, "mail")], [2, 1, 1]);
  },
  async "what was done is taken back when it is ended so"({ STORIES, KV }) {
    const instance = await STORIES.create({ id: "left", params: { tell: "books", waits: true } });
    await until(instance, "waiting");
    await instance.terminate({ rollback: true });
    deepEqual(await until(instance, "terminated"), { status: "terminated", output: null });
    const why = "Terminated: Instance terminated during rollback";
    equal(await KV.get("left"), `hotel-1 1 H2 ${why}; flight-1 1 F1 ${why}; `);
    deepEqual([ran(instance, "flight"), ran(instance, "undo car")], [1, 0]);
  },
  async "instances are deleted"({ STORIES }) {
    const params = { tell: "long" };
    const [one] = await STORIES.createBatch([{ id: "d1", params }, { id: "d2", params }]);
    await until(one, "waiting");
    await one.delete();
    equal(await failure(() => STORIES.get("d1")), "Error: instance.not_found");
    equal(await failure(() => one.delete()), "WorkflowError: (instance.not_found) Instance does not exist");
    deepEqual(await STORIES.deleteBatch(["d1", "d2", "d2"]), {
      deleted: [{ id: "d2" }, { id: "d2" }],
      errors: [{ id: "d1", code: 10400, message: "workflows.api.error.instance.not_found" }],
    });
    equal(
      await failure(() => STORIES.deleteBatch([])),
      "WorkflowError: (body) batchDeleteInstances should have at least 1 instance",
    );
    equal((await STORIES.create({ id: "d1", params: { tell: "throws" } })).id, "d1");
  },
  async "errors of run() are kept"({ STORIES }) {
    const { error } = await until(await STORIES.create({ params: { tell: "throws" } }), "errored");
    deepEqual(error, { name: "TypeError", message: "broken" });
  },
  async "ids name one instance each"({ STORIES }) {
    const params = { tell: "long" };
    const [one, two] = await STORIES.createBatch([{ id: "one", params }, { id: "two", params }]);
    deepEqual([one.id, two.id], ["one", "two"]);
    equal(
      await failure(() => STORIES.create({ id: "one", params })),
      "WorkflowError: (instance.already_exists) Instance already exists",
    );
    deepEqual((await STORIES.createBatch([{ id: "one", params }, { id: "three", params }])).map(({ id }) => id), ["three"]);
    equal(await failure(() => STORIES.get("none")), "Error: instance.not_found");
    equal(await failure(() => STORIES.create({ id: "not valid" })), "WorkflowError: Workflow instance has invalid id");
    equal(await failure(() => STORIES.createBatch([])), "Error: WorkflowError: batchCreate should have at least 1 instance");
  },
  async "what steps cannot be is told"({ STORIES }) {
    const { output } = await until(await STORIES.create({ params: { tell: "refuses" } }), "complete");
    deepEqual(output, [
      `WorkflowFatalError: Step name "${"x".repeat(257)}" exceeds max length (256 chars) or invalid characters found`,
      'WorkflowFatalError: Step config for "x" is in a invalid format. See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/',
      'WorkflowFatalError: Step "x" requires a callback function',
      'WorkflowFatalError: Step "big" output is too large. Maximum allowed size is 1MiB.',
      'WorkflowInternalError: Value returned from Step "function" is not serialisable',
      "Error: You can't sleep until a time in the past, time-traveler",
      'WorkflowFatalError: waitForEvent("type") needs the `type` of an event: letters, digits, "-", "_" and "."',
    ]);
  },
  async "the steps that the configuration allows are counted"({ SHORT }) {
    const { error } = await until(await SHORT.create(), "errored");
    deepEqual(error, {
      name: "WorkflowFatalError",
      message: "The limit of 3 steps has been reached. This limit can be changed in your worker configuration.",
    });
  },
  async "what is asked outside of steps goes on while others sleep"({ STORIES }) {
    const instance = await STORIES.create({ params: { tell: "beside" } });
    while (ran(instance, "aside") === 0) await scheduler.wait(5);
    await until(instance, "waiting");
    await instance.terminate();
    equal(ran(instance, "aside"), 1);
  },
  async "steps have the context of those who call them, and may ask others"({ STORIES }) {
    const { output } = await until(await STORIES.create({ params: { tell: "context" } }), "complete");
    deepEqual(output, ["kept", "kept", "fetched"]);
  },
};

export default {
  async test(_, env) {
    for (const [name, run] of Object.entries(cases)) {
      try {
        await run(env);
      } catch (error) {
        throw new Error(`${name}: ${error.stack ?? error}`);
      }
    }
  },
};
