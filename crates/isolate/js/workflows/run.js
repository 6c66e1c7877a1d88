// One time that the code of an instance runs: from its beginning to its end, or to where nothing can go on before something
// happens. Steps that an earlier run has done are not done again.
//
// Nothing of a run is needed to go on: what waits is put away with the run, and another run comes as far again.

import { currentEvent, get, set } from "../async_context.js";
import { hasCalls } from "../io.js";
import { clearTimeout, setTimeout } from "../timers.js";
import { serialize } from "../structured_clone.js";
import { isReadableStream } from "../streams/internal.js";
import { delayAfter, isFatal, toMs } from "./config.js";
import { fromRecord, toRecord, WorkflowFatalError, WorkflowInternalError, WorkflowTimeoutError } from "./errors.js";
import { makeStep } from "./step.js";

const MAX_RESULT_BYTES = 1024 * 1024;
/** How often one looks whether what is asked outside of steps has been answered, in milliseconds. */
const LOOK_MS = 20;
const never = new Promise(() => {});

/** Whether a value can be kept, and is not too large for that. */
export function checkResult(what, value) {
  if (isReadableStream(value)) {
    throw new WorkflowFatalError(`${what} is a ReadableStream, which is not supported yet.`);
  }
  let size;
  try {
    size = serialize(value).byteLength;
  } catch {
    throw new WorkflowInternalError(`Value returned from ${what} is not serialisable`);
  }
  if (size > MAX_RESULT_BYTES) {
    throw new WorkflowFatalError(`${what} output is too large. Maximum allowed size is 1MiB.`);
  }
}

/** Steps that take others back are kept under the names of those, after this. */
export const TAKES_BACK = "rollback:";

export class Run {
  #instance;
  /** What takes steps back that have begun, by their keys. @type {Map<string, { rollback: Function, config: object, context: object }>} */
  #takingBack = new Map();
  /** Whether this run only looks for what takes steps back: then nothing begins that has not begun. */
  #looks;
  #hasLooked;
  /** From then on nothing else is done. */
  #takesBack = false;
  #event = currentEvent();
  /** Callbacks under way. */
  #active = 0;
  /** What waits, by its step: when it is due, what it goes on with. @type {Map<string, { at: number, type?: string, go: Function }>} */
  #waiting = new Map();
  #parked;
  /** Resolves when it can only go on after something has happened. */
  parked = new Promise((resolve) => {
    this.#parked = resolve;
  });

  /** In a run that looks: resolves when nothing goes on that has begun. */
  hasLooked = new Promise((resolve) => {
    this.#hasLooked = resolve;
  });

  /**
   * @param {import("./instance.js").WorkflowInstanceObject} instance
   * @param {boolean} [looks]
   */
  constructor(instance, looks = false) {
    this.#instance = instance;
    this.#looks = looks;
    this.step = makeStep(this);
  }

  get #isOver() {
    return this.#instance.run !== this;
  }

  get isActive() {
    return this.#active > 0;
  }

  checkCount(count) {
    const { stepLimit } = this.#instance;
    if (count <= stepLimit) return;
    throw new WorkflowFatalError(
      `The limit of ${stepLimit} steps has been reached. This limit can be changed in your worker configuration.`,
    );
  }

  knows({ key }) {
    return this.#instance.record(key) !== undefined;
  }

  /** When the first of what waits is due. */
  get due() {
    return Math.min(...[...this.#waiting.values()].map(({ at }) => at));
  }

  /** Goes on with what is due by now. */
  wake(now) {
    for (const [key, { at, go }] of [...this.#waiting]) {
      if (at > now) continue;
      this.#waiting.delete(key);
      go();
    }
  }

  /** Goes on with the first that waits for an event of this type. Returns whether there was one. */
  receive(type) {
    for (const [key, { type: wanted, go }] of this.#waiting) {
      if (wanted !== type) continue;
      this.#waiting.delete(key);
      go();
      return true;
    }
    return false;
  }

  /** Resolves once it is due, if this run is still there. */
  #wait(key, at, type) {
    return new Promise((resolve) => {
      this.#waiting.set(key, { at, type, go: resolve });
      this.#consider();
    });
  }

  /** When all jobs have run, and no callback and no question is under way, what waits is all there is. */
  #consider(delay = 0) {
    setTimeout(() => {
      if (this.#isOver || this.#active > 0 || this.#waiting.size === 0) return;
      if (hasCalls(this.#event)) this.#consider(LOOK_MS);
      else if (this.#looks) this.#hasLooked();
      else this.#parked();
    }, delay);
  }

  /** What a run that looks comes to and has not been done. */
  #leave(key) {
    this.#waiting.set(key, { at: Infinity, go() {} });
    this.#consider();
    return never;
  }

  async do(step, config, callback, takingBack) {
    const context = get();
    const { name, count, key } = step;
    if (this.#takesBack && !key.startsWith(TAKES_BACK)) return never;
    const record = this.#instance.record(key) ?? { attempts: 0 };
    if (takingBack !== undefined) {
      record.canBeTakenBack = true;
      this.#takingBack.set(key, { ...takingBack, context: { step: { name, count }, config } });
    }
    for (;;) {
      if (this.#isOver || this.#instance.pauses(this.#active)) return never;
      if (record.error !== undefined) throw fromRecord(record.error);
      if ("result" in record) return record.result.value;
      if (this.#looks) return this.#leave(key);
      if (record.at > Date.now()) {
        await this.#wait(key, record.at);
        set(context);
        continue;
      }
      record.attempts += 1;
      record.at = undefined;
      this.#instance.keep(key, record);
      const outcome = await this.#attempt({ step: { name, count }, attempt: record.attempts, config }, callback);
      set(context);
      if (this.#isOver) return never;
      const thrown = this.#settle(step, config, record, outcome);
      this.#instance.keep(key, record);
      this.#consider();
      if (this.#instance.pauses(this.#active)) return never;
      if (record.error !== undefined) throw thrown;
      if ("result" in record) return outcome.value;
    }
  }

  /** Writes down what became of an attempt. Gives the error that the step ends with, if it does. */
  #settle({ name }, { retries }, record, outcome) {
    let { error } = outcome;
    if (!("error" in outcome)) {
      try {
        checkResult(`Step "${name}"`, outcome.value);
        record.result = { value: outcome.value };
        return undefined;
      } catch (refused) {
        error = refused;
      }
    }
    if (isFatal(error) || record.attempts > retries.limit) {
      record.error = toRecord(error);
      return error;
    }
    const { delay } = retries;
    const base = typeof delay === "function" ? toMs(delay({ attempt: record.attempts, error })) : toMs(delay);
    record.at = Date.now() + (delayAfter(record.attempts, retries, base) || 0);
    return undefined;
  }

  /** Calls back once, for as long as the step may take. */
  #attempt(stepContext, callback) {
    this.#active += 1;
    return new Promise((resolve) => {
      const end = (outcome) => {
        if (timer === undefined) return;
        clearTimeout(timer);
        timer = undefined;
        this.#active -= 1;
        resolve(outcome);
      };
      const ms = toMs(stepContext.config.timeout);
      let timer = setTimeout(() => {
        end({ error: new WorkflowTimeoutError(`Execution timed out after ${ms}ms`) });
      }, Math.min(ms, 2 ** 31 - 1));
      Promise.try(callback, stepContext).then(
        (value) => end({ value }),
        (error) => end({ error }),
      );
    });
  }

  /**
   * Takes back what has begun, the last first, as far as that works. Each is a step of its own.
   * @param {{ name: string, message: string }} error why, as it is kept
   */
  async takeBack(error) {
    const asyncContext = get();
    this.#looks = false;
    this.#takesBack = true;
    this.#waiting.clear();
    for (const [key, record] of this.#instance.canBeTakenBack()) {
      const found = this.#takingBack.get(key);
      // The code has changed meanwhile.
      if (found === undefined) return;
      const { rollback, config, context } = found;
      const { name, count } = context.step;
      const step = { name, count, key: TAKES_BACK + key };
      const ctx = { ...context, attempt: record.attempts };
      try {
        await this.do(step, config, () =>
          rollback({ ctx, error: fromRecord(error), output: record.result?.value, stepName: `${name}-${count}` }),
        );
      } catch {
        return;
      }
      set(asyncContext);
    }
  }

  async sleep({ key }, ms) {
    const context = get();
    if (this.#takesBack) return never;
    let record = this.#instance.record(key);
    if (this.#looks && !(record?.at <= Date.now())) return this.#leave(key);
    if (record === undefined) {
      record = { at: Date.now() + ms };
      this.#instance.keep(key, record);
    }
    while (record.at > Date.now()) {
      await this.#wait(key, record.at);
      set(context);
    }
    return this.#isOver || this.#instance.pauses(this.#active) ? never : undefined;
  }

  async waitForEvent({ key }, type, ms) {
    const context = get();
    if (this.#takesBack) return never;
    let record = this.#instance.record(key);
    if (this.#looks && record?.event === undefined && record?.error === undefined) return this.#leave(key);
    if (record === undefined) {
      record = { at: Date.now() + ms };
      this.#instance.keep(key, record);
    }
    for (;;) {
      if (this.#isOver || this.#instance.pauses(this.#active)) return never;
      if (record.event !== undefined) return record.event;
      if (record.error !== undefined) throw fromRecord(record.error);
      const event = this.#instance.takeEvent(type);
      if (event !== undefined) record.event = event;
      else if (record.at <= Date.now()) {
        record.error = toRecord(new WorkflowTimeoutError(`Execution timed out after ${ms}ms`));
      } else {
        await this.#wait(key, record.at, type);
        set(context);
        continue;
      }
      this.#instance.keep(key, record);
    }
  }
}
