// What steps may be told: names, retries, timeouts, durations (https://developers.cloudflare.com/workflows/build/workers-api/).

import { isFatal, WorkflowFatalError } from "./errors.js";

export { isFatal };

const SECOND = 1000;
const UNITS = {
  second: SECOND,
  minute: 60 * SECOND,
  hour: 3600 * SECOND,
  day: 86_400 * SECOND,
  week: 7 * 86_400 * SECOND,
  month: 30 * 86_400 * SECOND,
  year: 365 * 86_400 * SECOND,
};
const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?\s*$/;

const MAX_STEP_NAME = 256;
const DEFAULT_RETRIES = { limit: 5, delay: SECOND, backoff: "exponential" };
const DEFAULT_TIMEOUT = "10 minutes";

/** Milliseconds of a number of them or of a text like "3 days"; NaN for what is neither. */
export function toMs(duration) {
  if (typeof duration === "number") return duration;
  if (typeof duration !== "string") return Number.NaN;
  let sum = 0;
  for (const part of duration.split(/,|\band\b/)) {
    const found = DURATION.exec(part);
    if (found === null) return Number.NaN;
    sum += Number(found[1]) * UNITS[found[2]];
  }
  return sum;
}

export function checkName(name) {
  const text = String(name);
  if (text.length <= MAX_STEP_NAME && !/[\0-\x1f]/.test(text)) return text;
  throw new WorkflowFatalError(
    `Step name "${text}" exceeds max length (${MAX_STEP_NAME} chars) or invalid characters found`,
  );
}

const isDelay = (delay) => typeof delay === "function" || toMs(delay) >= 0;

function isValid({ retries, timeout, sensitive, ...others }) {
  if (Object.keys(others).length > 0) return false;
  if (timeout !== undefined && !(toMs(timeout) > 0)) return false;
  if (sensitive !== undefined && sensitive !== "output") return false;
  if (retries === undefined) return true;
  const { limit, delay, backoff, ...rest } = retries;
  if (Object.keys(rest).length > 0) return false;
  if (!(typeof limit === "number" && limit >= 0) || (delay !== undefined && !isDelay(delay))) return false;
  return backoff === undefined || ["constant", "linear", "exponential"].includes(backoff);
}

/** The configuration of a step, with what it does not say. */
export function toConfig(name, config) {
  if (typeof config !== "object" || config === null || !isValid(config)) {
    throw new WorkflowFatalError(
      `Step config for "${name}" is in a invalid format. See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/`,
    );
  }
  return {
    ...config,
    retries: { ...DEFAULT_RETRIES, ...config.retries },
    timeout: config.timeout ?? DEFAULT_TIMEOUT,
  };
}

/** What takes a step back, if anything does. */
export function toTakingBack(name, options) {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new WorkflowFatalError(`Rollback options for "${name}" must be an object`);
  }
  const { rollback, rollbackConfig = {} } = options;
  if (typeof rollback !== "function") throw new WorkflowFatalError(`Rollback for "${name}" must be a function`);
  if (typeof rollbackConfig !== "object" || rollbackConfig === null || !isValid(rollbackConfig)) {
    throw new WorkflowFatalError(
      `Rollback config for "${name}" is in a invalid format. See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/`,
    );
  }
  return { rollback, config: toConfig(name, rollbackConfig) };
}

/** How long to wait after this many attempts, in milliseconds. */
export function delayAfter(attempts, { delay, backoff }, base = toMs(delay)) {
  if (backoff === "exponential") return base * 2 ** (attempts - 1);
  return backoff === "linear" ? base * attempts : base;
}
