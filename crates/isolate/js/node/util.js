/** `node:util`. Printing lives in `inspect.js`; the larger parts in `node_support`. */
import { colors, format, formatWithOptions, inspect, inspectDefaultOptions, styles } from "../inspect.js";
import { log as writeLog } from "atoll:native/io";
import { deepEqual, STRICT } from "../node_support/deep_equal.js";
import { invalidArgType, invalidArgValue, NodeError, notImplemented } from "../node_support/errors.js";
import types from "../node_support/kinds.js";
import { MIMEParams, MIMEType } from "../node_support/mime_type.js";
import { parseArgs } from "../node_support/parse_args.js";
import { errnoOf, systemErrors } from "../node_support/system_errors.js";
import {
  validateAbortSignal, validateArray, validateFunction, validateInteger, validateObject, validateOneOf, validateString,
} from "../node_support/validators.js";
import { TextDecoder, TextEncoder } from "../encoding.js";
import { Buffer } from "./buffer.js";

const customPromisify = Symbol.for("nodejs.util.promisify.custom");

/** What an API calls back with more than one value names them here. */
export const customPromisifyArgs = Symbol("customPromisifyArgs");

inspect.custom ??= Symbol.for("nodejs.util.inspect.custom");
inspect.colors ??= colors;
inspect.styles ??= styles;
inspect.defaultOptions ??= inspectDefaultOptions;

/** @returns {(...args: any[]) => Promise<any>} */
export function promisify(original) {
  validateFunction(original, "original");
  if (original[customPromisify]) {
    const custom = original[customPromisify];
    validateFunction(custom, "util.promisify.custom");
    return Object.defineProperty(custom, customPromisify, { value: custom, configurable: true });
  }
  const names = original[customPromisifyArgs];
  function promisified(...args) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [
        ...args,
        (error, ...values) => {
          if (error) reject(error);
          else if (names === undefined || values.length < 2) resolve(values[0]);
          else resolve(Object.fromEntries(names.map((name, index) => [name, values[index]])));
        },
      ]);
    });
  }
  Object.setPrototypeOf(promisified, Object.getPrototypeOf(original));
  Object.defineProperty(promisified, customPromisify, { value: promisified, configurable: true });
  return Object.defineProperties(promisified, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = customPromisify;

function rejectionForCallback(reason) {
  if (reason) return reason;
  const error = new NodeError("ERR_FALSY_VALUE_REJECTION", "Promise was rejected with falsy value");
  error.reason = reason;
  return error;
}

export function callbackify(original) {
  validateFunction(original, "original");
  function callbackified(...args) {
    const callback = args.pop();
    validateFunction(callback, "last argument");
    Reflect.apply(original, this, args).then(
      (value) => queueMicrotask(() => Reflect.apply(callback, this, [null, value])),
      (reason) => queueMicrotask(() => Reflect.apply(callback, this, [rejectionForCallback(reason)])),
    );
  }
  const descriptors = Object.getOwnPropertyDescriptors(original);
  if (typeof descriptors.length?.value === "number") descriptors.length.value++;
  if (typeof descriptors.name?.value === "string") descriptors.name.value += "Callbackified";
  delete descriptors.prototype;
  return Object.defineProperties(callbackified, descriptors);
}

export function inherits(constructor, superConstructor) {
  if (constructor === undefined || constructor === null) throw invalidArgType("ctor", "Function", constructor);
  if (superConstructor === undefined || superConstructor === null) {
    throw invalidArgType("superCtor", "Function", superConstructor);
  }
  if (superConstructor.prototype === undefined) {
    throw invalidArgType("superCtor.prototype", "Object", superConstructor.prototype);
  }
  Object.defineProperty(constructor, "super_", { value: superConstructor, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, superConstructor.prototype);
}

export function isDeepStrictEqual(first, second) {
  return deepEqual(first, second, STRICT);
}

const warnedCodes = new Set();

/** The function, warning through `process.emitWarning` when first called. */
export function deprecate(callback, message, code) {
  if (code !== undefined) validateString(code, "code");
  let warned = false;
  function deprecated(...args) {
    if (!warned && !globalThis.process?.noDeprecation) {
      warned = true;
      if (code === undefined || !warnedCodes.has(code)) {
        if (code !== undefined) warnedCodes.add(code);
        globalThis.process?.emitWarning?.(message, "DeprecationWarning", code);
      }
    }
    return new.target ? Reflect.construct(callback, args, new.target) : Reflect.apply(callback, this, args);
  }
  Object.setPrototypeOf(deprecated, callback);
  if (callback.prototype) deprecated.prototype = callback.prototype;
  return deprecated;
}

/** Logs when NODE_DEBUG names the section. */
export function debuglog(section, callback) {
  let enabled;
  const isEnabled = () => {
    if (enabled === undefined) {
      const wanted = globalThis.process?.env?.NODE_DEBUG ?? "";
      const patterns = wanted.split(",").map((each) => each.trim().replace(/[|\\{}()[\]^$+?.]/g, "\\$&").replaceAll("*", ".*"));
      enabled = wanted !== "" && patterns.some((each) => new RegExp(`^${each}$`, "i").test(section));
    }
    return enabled;
  };
  const logger = (...args) => {
    if (isEnabled()) writeLog("debug", `${section.toUpperCase()} ${globalThis.process?.pid ?? 1}: ${format(...args)}`);
  };
  Object.defineProperty(logger, "enabled", { get: isEnabled, configurable: true, enumerable: true });
  callback?.(logger);
  return logger;
}
export const debug = debuglog;

const ESCAPES = /[\u001b\u009b][[\]()#;?]*(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001b\\|\u009c)|(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~])/g;

export function stripVTControlCharacters(text) {
  validateString(text, "str");
  return text.replace(ESCAPES, "");
}

export function styleText(styleFormat, text, options = {}) {
  validateString(text, "text");
  validateObject(options, "options");
  const list = Array.isArray(styleFormat) ? styleFormat : [styleFormat];
  let opening = "";
  let closing = "";
  for (const name of list) {
    if (name === "none") continue;
    const codes = inspect.colors[name];
    if (codes === undefined) validateOneOf(name, "format", Object.keys(inspect.colors));
    opening += `\u001b[${codes[0]}m`;
    closing = `\u001b[${codes[1]}m${closing}`;
  }
  return `${opening}${text}${closing}`;
}

export function toUSVString(value) {
  return `${value}`.toWellFormed();
}

/** Resolves when the signal aborts; a collected resource would leave it pending, as it does here anyway. */
export async function aborted(signal, resource) {
  if (signal === undefined) throw invalidArgType("signal", "AbortSignal", signal);
  validateAbortSignal(signal, "signal");
  validateObject(resource, "resource", { allowArray: true, allowFunction: true });
  if (signal.aborted) return undefined;
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

/** Variables out of the text of a dotenv file. */
export function parseEnv(content) {
  validateString(content, "content");
  const variables = {};
  const line = /^\s*(?:export\s+)?([\w.-]+)\s*=[^\S\n]*(?:'([^']*)'|"([^"]*)"|`([^`]*)`|([^#\n]*))?[^\n]*$/gm;
  for (const [, name, single, double, tick, plain] of content.replace(/\r\n?/g, "\n").matchAll(line)) {
    variables[name] = double !== undefined ? double.replace(/\\n/g, "\n") : (single ?? tick ?? (plain ?? "").trim());
  }
  return variables;
}

function longestCommon(first, second) {
  const lengths = Array.from({ length: first.length + 1 }, () => new Uint32Array(second.length + 1));
  for (let row = first.length - 1; row >= 0; row--) {
    for (let column = second.length - 1; column >= 0; column--) {
      lengths[row][column] =
        first[row] === second[column]
          ? lengths[row + 1][column + 1] + 1
          : Math.max(lengths[row + 1][column], lengths[row][column + 1]);
    }
  }
  return lengths;
}

/** Line or item differences: `[-1 | 0 | 1, text]`, for removed, kept and added. */
export function diff(actual, expected) {
  if (actual === expected) return [];
  const isText = (value) => typeof value === "string";
  if (!isText(actual)) validateArray(actual, "actual");
  if (!isText(expected)) validateArray(expected, "expected");
  const first = isText(actual) ? actual.split("") : actual;
  const second = isText(expected) ? expected.split("") : expected;
  const lengths = longestCommon(first, second);
  const result = [];
  let row = 0;
  let column = 0;
  while (row < first.length || column < second.length) {
    if (row < first.length && column < second.length && first[row] === second[column]) {
      result.push([0, first[row++]]);
      column++;
    } else if (column >= second.length || (row < first.length && lengths[row + 1][column] >= lengths[row][column + 1])) {
      result.push([1, first[row++]]);
    } else {
      result.push([-1, second[column++]]);
    }
  }
  return result;
}

/** The stack as objects; the engine gives names, scripts, lines and columns in its stack text. */
export function getCallSites(frameCount = 8) {
  if (typeof frameCount === "object") frameCount = 8;
  validateInteger(frameCount, "frameCount", 1, 200);
  const frames = [];
  // The first two lines are the error's own and this function's.
  for (const line of (new Error().stack ?? "").split("\n").slice(2)) {
    const match = /^\s*at (?:(.*?) )?\(?(.*?)(?::(\d+))?(?::(\d+))?\)?$/.exec(line);
    if (!match || frames.length >= frameCount) continue;
    const [, functionName = "", scriptName, lineNumber = 0, columnNumber = 0] = match;
    const position = { lineNumber: +lineNumber, column: +columnNumber, columnNumber: +columnNumber };
    frames.push({ functionName, scriptId: "0", scriptName, ...position });
  }
  return frames;
}

export function getSystemErrorName(errno) {
  validateInteger(errno, "err", Number.MIN_SAFE_INTEGER, -1);
  return systemErrors().get(errno)?.[0] ?? `Unknown system error ${errno}`;
}

export function getSystemErrorMessage(errno) {
  validateInteger(errno, "err", Number.MIN_SAFE_INTEGER, -1);
  return systemErrors().get(errno)?.[1] ?? `Unknown system error ${errno}`;
}

export function getSystemErrorMap() {
  return systemErrors();
}

export function convertProcessSignalToExitCode(signal) {
  validateString(signal, "signalCode");
  const number = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 }[signal];
  if (number === undefined) throw invalidArgValue("signalCode", signal);
  return 128 + number;
}

export function _errnoException(errno, syscall, original) {
  const code = getSystemErrorName(errno);
  const error = new Error(`${syscall} ${code}${original ? ` ${original}` : ""}`);
  return Object.assign(error, { errno: errno ?? errnoOf(code), code, syscall });
}

export function _exceptionWithHostPort(errno, syscall, address, port, additional) {
  const where = port && port > 0 ? `${address}:${port}` : address;
  const error = _errnoException(errno, syscall, `${where}${additional ? ` - Local (${additional})` : ""}`);
  error.address = address;
  if (port) error.port = port;
  return error;
}

export function _extend(target, source) {
  return source === null || typeof source !== "object" ? target : Object.assign(target, source);
}

export function log(...args) {
  writeLog("log", `${new Date().toISOString()} - ${format(...args)}`);
}

export function getCallSite(frameCount) {
  return getCallSites(frameCount);
}

export function transferableAbortController() {
  throw notImplemented("transferableAbortController");
}

export function transferableAbortSignal() {
  throw notImplemented("transferableAbortSignal");
}

export function setTraceSigInt() {
  throw notImplemented("setTraceSigInt");
}

export const isArray = Array.isArray;
export const isBoolean = (value) => typeof value === "boolean";
export const isBuffer = (value) => Buffer.isBuffer(value);
export const isNull = (value) => value === null;
export const isNullOrUndefined = (value) => value === null || value === undefined;
export const isNumber = (value) => typeof value === "number";
export const isString = (value) => typeof value === "string";
export const isSymbol = (value) => typeof value === "symbol";
export const isUndefined = (value) => value === undefined;
export const isRegExp = types.isRegExp;
export const isObject = (value) => value !== null && typeof value === "object";
export const isDate = types.isDate;
export const isError = (value) => types.isNativeError(value) || value instanceof Error;
export const isFunction = (value) => typeof value === "function";
export const isPrimitive = (value) => value === null || (typeof value !== "object" && typeof value !== "function");


export { format, formatWithOptions, inspect, MIMEParams, MIMEType, parseArgs, TextDecoder, TextEncoder, types };

export default {
  MIMEParams, MIMEType, TextDecoder, TextEncoder, _errnoException, _exceptionWithHostPort, _extend, aborted,
  callbackify, convertProcessSignalToExitCode, debug, debuglog, deprecate, diff, format, formatWithOptions, getCallSite,
  getCallSites, getSystemErrorMap, getSystemErrorMessage, getSystemErrorName, inherits, inspect, isArray, isBoolean,
  isBuffer, isDate, isDeepStrictEqual, isError, isFunction, isNull, isNullOrUndefined, isNumber, isObject, isPrimitive,
  isRegExp, isString, isSymbol, isUndefined, log, parseArgs, parseEnv, promisify, setTraceSigInt,
  stripVTControlCharacters, styleText, toUSVString, transferableAbortController, transferableAbortSignal, types,
};
