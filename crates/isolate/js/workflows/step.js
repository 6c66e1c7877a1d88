// What `run()` is handed to do things durably with: `WorkflowStep` of the documentation.

import { defineInterface, illegalConstructor } from "../webidl.js";
import { checkName, toConfig, toMs, toTakingBack } from "./config.js";
import { WorkflowFatalError } from "./errors.js";

const token = Symbol("WorkflowStep");
const DEFAULT_EVENT_TIMEOUT = "24 hours";
const MAX_SLEEP_MS = 365 * 86_400_000;
const EVENT_TYPE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;

export class WorkflowStep {
  #run;
  /** How often each name was used: a run that is repeated finds its steps by that. @type {Map<string, number>} */
  #counts = new Map();
  #steps = 0;

  /** @param {import("./run.js").Run} run */
  constructor(key, run) {
    if (key !== token) throw illegalConstructor();
    this.#run = run;
  }

  #next(kind, name) {
    const used = `${kind}:${name}`;
    const count = (this.#counts.get(used) ?? 0) + 1;
    this.#counts.set(used, count);
    return { key: `${used}:${count}`, name, count };
  }

  async do(name, ...rest) {
    const [config, callback, options] = typeof rest[0] === "function" ? [{}, ...rest] : rest;
    if (typeof callback !== "function") throw new WorkflowFatalError(`Step "${name}" requires a callback function`);
    const takingBack = toTakingBack(name, options);
    this.#steps += 1;
    this.#run.checkCount(this.#steps);
    const step = this.#next("do", checkName(name));
    return this.#run.do(step, toConfig(step.name, config ?? {}), callback, takingBack);
  }

  async sleep(name, duration) {
    const ms = toMs(duration);
    if (!(ms >= 0)) throw new WorkflowFatalError(`"${duration}" is not a duration to sleep for.`);
    if (ms > MAX_SLEEP_MS) throw new WorkflowFatalError("Sleep duration exceeds the limit of 365 days.");
    return this.#run.sleep(this.#next("sleep", checkName(name)), ms);
  }

  async sleepUntil(name, timestamp) {
    const step = this.#next("sleep", checkName(name));
    const at = timestamp instanceof Date ? timestamp.getTime() : Number(timestamp);
    if (Number.isNaN(at)) throw new WorkflowFatalError(`"${timestamp}" is not a time to sleep until.`);
    // One that has begun may be over by now.
    if (!this.#run.knows(step) && at < Date.now()) {
      throw new Error("You can't sleep until a time in the past, time-traveler");
    }
    return this.#run.sleep(step, at - Date.now());
  }

  async waitForEvent(name, options) {
    const { type, timeout } = options ?? {};
    if (typeof type !== "string" || !EVENT_TYPE.test(type)) {
      throw new WorkflowFatalError(`waitForEvent("${name}") needs the \`type\` of an event: letters, digits, "-", "_" and "."`);
    }
    const ms = toMs(timeout || DEFAULT_EVENT_TIMEOUT);
    if (!(ms > 0)) throw new WorkflowFatalError(`"${timeout}" is not a timeout.`);
    return this.#run.waitForEvent(this.#next("event", checkName(name)), type, ms);
  }
}
defineInterface(WorkflowStep, { receiver: true });

/** @param {import("./run.js").Run} run */
export const makeStep = (run) => new WorkflowStep(token, run);
