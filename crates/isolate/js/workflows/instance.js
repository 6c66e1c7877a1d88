// One instance of a Workflow: a Durable Object of the worker that has the Workflow's class. It keeps what each step gave
// before the next one begins, and its alarm goes on with what was interrupted or has slept.

import { currentEvent } from "../async_context.js";
import { DurableObject } from "../cloudflare/workers.js";
import { env } from "../env.js";
import { ExecutionContext } from "../execution_context.js";
import { setTimeout, clearTimeout } from "../timers.js";
import { toMs } from "./config.js";
import { toRecord, workflowError, WorkflowInternalError } from "./errors.js";
import { checkResult, Run, TAKES_BACK } from "./run.js";

const STATE = "state";
const STEP = "step:";
const EVENT = "event:";
/** Events that wait for somebody who waits for them. */
const MAX_EVENTS = 1000;
const MAX_PARAMS_BYTES = 1024 * 1024;
/** How long an alarm waits for a run before another one takes its place: handlers may not take longer than 15 minutes. */
const PATIENCE_MS = 10 * 60 * 1000;
/** How often an isolate may end in the middle of a run before the instance is given up. */
const MAX_DEATHS = 5;
const DEFAULT_RETENTION = "30 days";

const OVER = new Set(["complete", "errored", "terminated"]);

export class WorkflowInstanceObject extends DurableObject {
  #ended = undefined;
  /** How many steps have begun. */
  #count;
  #kv;
  #definition;
  // What a run asks for is its own: who holds a binding may call what the class has, and nothing else.
  /** The run that goes on. @type {Run | undefined} */
  run = undefined;
  record = (key) => this.#kv.get(STEP + key);
  keep = (key, record) => this.#keep(key, record);
  canBeTakenBack = () => this.#canBeTakenBack();
  takeEvent = (type) => this.#takeEvent(type);
  pauses = (active) => this.#pauses(active);

  /** @param {{ find: () => Function, steps: number }} definition its class, and how many steps it may take */
  constructor(ctx, given, definition) {
    super(ctx, given);
    this.#kv = ctx.storage.kv;
    this.#definition = definition;
    Object.defineProperty(this, "stepLimit", { value: definition.steps });
  }

  get #state() {
    const state = this.#kv.get(STATE);
    if (state === undefined) throw workflowError("Instance does not exist", "instance.not_found");
    return state;
  }

  #change(change) {
    const state = { ...this.#state, ...change };
    this.#kv.put(STATE, state);
    return state;
  }

  // --- What the binding asks ---

  create(id, workflow, params, retention) {
    if (this.#kv.get(STATE) !== undefined) throw workflowError("Instance already exists", "instance.already_exists");
    checkSize(params);
    this.#kv.put(STATE, { id, workflow, params, retention, created: Date.now(), status: "queued" });
    return this.#ring(Date.now());
  }

  exists() {
    return this.#kv.get(STATE) !== undefined;
  }

  status() {
    const { status, output = null, error } = this.#state;
    return error === undefined ? { status, output } : { status, error, output };
  }

  pause() {
    const { status } = this.#open("pause", { evenWhileTakenBack: false });
    if (status === "paused" || status === "waitingForPause") return undefined;
    const isActive = this.run?.isActive === true;
    this.#change({ status: isActive ? "waitingForPause" : "paused" });
    return isActive ? undefined : this.#stop();
  }

  resume() {
    const { status } = this.#open("resume");
    if (status !== "paused" && status !== "waitingForPause") return undefined;
    this.#change({ status: "queued" });
    return this.#ring(Date.now());
  }

  terminate(options = undefined) {
    this.#open("terminate");
    if (options?.rollback !== true || this.#canBeTakenBack().length === 0) return this.#finish({ status: "terminated" });
    this.#halt();
    const error = { name: "Terminated", message: "Instance terminated during rollback" };
    this.#change({ status: "rollingBack", takenBack: { error, end: { status: "terminated" } } });
    return this.#ring(Date.now());
  }

  restart(options = undefined) {
    const { id, workflow, params, retention, created } = this.#state;
    const from = options?.from;
    const dropped = from === undefined ? undefined : this.#since(from);
    this.#halt();
    if (dropped === undefined) {
      for (const [key] of [...this.#kv.list()]) this.#kv.delete(key);
    } else {
      for (const key of dropped) this.#kv.delete(STEP + key);
      for (const [key] of [...this.#kv.list({ prefix: EVENT })]) this.#kv.delete(key);
    }
    const began = dropped === undefined ? Date.now() : created;
    this.#kv.put(STATE, { id, workflow, params, retention, created: began, status: "queued" });
    return this.#ring(Date.now());
  }

  delete() {
    void this.#state;
    this.#halt();
    return this.ctx.storage.deleteAll().then(() => this.ctx.storage.deleteAlarm());
  }

  sendEvent({ type, payload }) {
    const { status, events = 0 } = this.#open("receive_event");
    checkSize(payload);
    const waiting = [...this.#kv.list({ prefix: EVENT })].length;
    if (waiting >= MAX_EVENTS) throw workflowError("Too many events wait for this instance", "instance.too_many_events");
    const key = EVENT + String(events).padStart(12, "0");
    this.#kv.put(key, { type: String(type), payload, timestamp: new Date() });
    this.#change({ events: events + 1 });
    if (status === "paused") return undefined;
    return this.run?.receive(type) === true ? undefined : this.#ring(Date.now());
  }

  /** The state of an instance that is not over. */
  #open(what, { evenWhileTakenBack = true } = {}) {
    const state = this.#state;
    if (!OVER.has(state.status) && (evenWhileTakenBack || state.takenBack === undefined)) return state;
    throw workflowError(`Cannot ${what.replace("_", " ")} instance since its on a finite state`, `instance.cannot_${what}`);
  }

  // --- What a run asks ---

  /** Records have numbers in the order in which their steps have begun. */
  #keep(key, record) {
    this.#count ??= Math.max(0, ...this.#records().map(([, { n = 0 }]) => n));
    record.n ??= this.#count += 1;
    this.#kv.put(STEP + key, record);
  }

  /** Steps and their records, in the order in which they have begun. */
  #records() {
    const all = [...this.#kv.list({ prefix: STEP })].map(([key, record]) => [key.slice(STEP.length), record]);
    return all.sort(([, one], [, other]) => (one.n ?? 0) - (other.n ?? 0));
  }

  /** What has something that takes it back, the last first. */
  #canBeTakenBack() {
    return this.#records().filter(([, { canBeTakenBack }]) => canBeTakenBack === true).reverse();
  }

  /** The keys of a step and of all that have begun after it, and of what took steps back. */
  #since({ name, count = 1, type = "do" }) {
    const kind = type === "waitForEvent" ? "event" : type;
    const records = this.#records();
    const at = records.findIndex(([key]) => key === `${kind}:${name}:${count}`);
    if (at === -1) throw workflowError(`Step "${name}" not found in execution history`, "instance.cannot_restart");
    return records.filter(([key], index) => index >= at || key.startsWith(TAKES_BACK)).map(([key]) => key);
  }

  /** The event of this type that has waited for longest. */
  #takeEvent(type) {
    for (const [key, event] of this.#kv.list({ prefix: EVENT })) {
      if (event.type !== type) continue;
      this.#kv.delete(key);
      return event;
    }
    return undefined;
  }

  /** Whether a run must not go on. It is paused once no callback is under way. */
  #pauses(active) {
    const { status } = this.#state;
    if (status === "waitingForPause" && active === 0) {
      this.#change({ status: "paused" });
      this.#halt();
    }
    return status === "paused" || status === "waitingForPause";
  }

  // --- Going on ---

  #ring(at) {
    return this.ctx.storage.setAlarm(at);
  }

  /** What runs has no effect any more. */
  #halt() {
    this.run = undefined;
    this.#count = undefined;
    this.#ended?.();
  }

  #stop() {
    this.#halt();
    return this.ctx.storage.deleteAlarm();
  }

  #finish(change) {
    const { retention } = this.#change({ ...change, takenBack: undefined });
    this.#halt();
    for (const [key] of [...this.#kv.list({ prefix: EVENT })]) this.#kv.delete(key);
    const kept = change.status === "complete" ? retention?.successRetention : retention?.errorRetention;
    return this.#ring(Date.now() + toMs(kept ?? DEFAULT_RETENTION));
  }

  alarm({ retryCount }) {
    const state = this.#kv.get(STATE);
    if (state === undefined || state.status === "paused") return undefined;
    // Nobody needs to know any more what became of it.
    if (OVER.has(state.status)) return this.ctx.storage.deleteAll();
    if (retryCount >= MAX_DEATHS) {
      const error = new WorkflowInternalError("The isolate of this instance has ended too often while it ran.");
      return this.#finish({ status: "errored", error: toRecord(error) });
    }
    if (this.run === undefined) this.#begin(state);
    else this.run.wake(Date.now());
    return this.#watch(this.run);
  }

  /** Waits until the run is over or has to wait, and sees to it that it goes on. */
  #watch(run) {
    if (run === undefined) return undefined;
    const patience = new Promise((resolve) => {
      const timer = setTimeout(() => resolve("late"), PATIENCE_MS);
      this.#ended = () => {
        clearTimeout(timer);
        resolve("ended");
      };
    });
    return Promise.race([run.parked.then(() => "parked"), patience]).then((what) => {
      if (what === "late") return this.#ring(Date.now());
      if (this.run !== run) return undefined;
      const at = run.due;
      this.#halt();
      if (this.#state.takenBack === undefined) this.#change({ status: "waiting" });
      return this.#ring(Math.max(at, Date.now()));
    });
  }

  #begin(state) {
    if (state.takenBack !== undefined) return this.#beginToTakeBack(state);
    this.#change({ status: "running" });
    const run = new Run(this);
    this.run = run;
    // What it gives or throws counts if it is still the run that goes on.
    const over = (change) => (this.run === run ? this.#finish(change) : undefined);
    return this.#call(state, run)
      .then((output) => {
        checkResult("Workflow", output);
        return over({ status: "complete", output });
      })
      .catch((thrown) => {
        const error = toRecord(thrown);
        const end = { status: "errored", error };
        if (this.run !== run || this.#canBeTakenBack().length === 0) return over(end);
        this.#change({ status: "rollingBack", takenBack: { error, end } });
        return run.takeBack(error).then(() => over(end));
      });
  }

  /** Runs as far as it once came, to learn what takes its steps back, and does that. */
  #beginToTakeBack(state) {
    const { error, end } = state.takenBack;
    const run = new Run(this, true);
    this.run = run;
    const settled = this.#call(state, run).catch(() => {});
    return Promise.race([settled, run.hasLooked])
      .then(() => run.takeBack(error))
      .then(() => (this.run === run ? this.#finish(end) : undefined));
  }

  #call({ id, workflow, params, created }, run) {
    const event = { payload: params, timestamp: new Date(created), instanceId: id, workflowName: workflow };
    return Promise.try(() => {
      const Class = this.#definition.find();
      const instance = new Class(new ExecutionContext(currentEvent()), env);
      if (typeof instance.run !== "function") throw new TypeError("The Workflow's class has no run() method.");
      return instance.run(event, run.step);
    });
  }
}

function checkSize(value) {
  try {
    checkResult("", value);
  } catch {
    throw workflowError(`Params and payloads have to be serializable and at most ${MAX_PARAMS_BYTES} bytes`, "body");
  }
}
