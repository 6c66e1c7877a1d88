/**
 * Errors with a `code`, in the shape that Node's own API throws them.
 * Texts follow the messages programs see from Node, since libraries match on them.
 */
import { inspect } from "../inspect.js";

/**
 * Adds `code` to an error class so that `String(error)` reads `TypeError [CODE]: message`.
 * @param {ErrorConstructor} Base
 */
function withCode(Base) {
  return class extends Base {
    static {
      Object.defineProperty(this, "name", { value: Base.name });
    }
    constructor(code, message, options) {
      super(message, options);
      this.code = code;
    }
    toString() {
      return `${this.name} [${this.code}]: ${this.message}`;
    }
  };
}

export const NodeError = withCode(Error);
export const NodeTypeError = withCode(TypeError);
export const NodeRangeError = withCode(RangeError);
export const NodeSyntaxError = withCode(SyntaxError);

/** The tail of an argument error that says what was given instead. */
export function describeReceived(value) {
  if (value === undefined || value === null) return ` Received ${value}`;
  if (typeof value === "function") return ` Received function ${value.name}`;
  if (typeof value === "object") {
    if (value.constructor?.name) return ` Received an instance of ${value.constructor.name}`;
    return ` Received ${inspect(value, { depth: -1 })}`;
  }
  let shown = inspect(value, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${shown})`;
}

const PRIMITIVE_KINDS = new Set([
  "string",
  "function",
  "number",
  "object",
  "Function",
  "Object",
  "boolean",
  "bigint",
  "symbol",
]);

function joinAlternatives(words, conjunction = "or") {
  if (words.length < 3) return words.join(` ${conjunction} `);
  return `${words.slice(0, -1).join(", ")}, ${conjunction} ${words.at(-1)}`;
}

/** `of type string or an instance of Buffer`, from Node's list of expected kinds. */
function describeExpected(expected) {
  const list = Array.isArray(expected) ? expected : [expected];
  const types = [];
  const classes = [];
  const others = [];
  for (const entry of list) {
    if (PRIMITIVE_KINDS.has(entry)) types.push(entry.toLowerCase());
    else if (/^([A-Z][a-z0-9]*)+$/.test(entry)) classes.push(entry);
    else others.push(entry);
  }
  if (classes.length > 0) {
    const position = types.indexOf("object");
    if (position !== -1) {
      types.splice(position, 1);
      classes.push("Object");
    }
  }
  const parts = [];
  if (types.length > 0) parts.push(`${types.length > 1 ? "one of type" : "of type"} ${joinAlternatives(types)}`);
  if (classes.length > 0) parts.push(`an instance of ${joinAlternatives(classes)}`);
  if (others.length > 1) parts.push(`one of ${joinAlternatives(others)}`);
  else if (others.length === 1) parts.push(others[0].toLowerCase() === others[0] ? others[0] : `an ${others[0]}`);
  return parts.length === 3 ? `${parts[0]}, ${parts[1]}, or ${parts[2]}` : parts.join(" or ");
}

export function invalidArgType(name, expected, value) {
  const subject = name.endsWith(" argument")
    ? `The ${name}`
    : `The "${name}" ${name.includes(".") ? "property" : "argument"}`;
  return new NodeTypeError(
    "ERR_INVALID_ARG_TYPE",
    `${subject} must be ${describeExpected(expected)}.${describeReceived(value)}`,
  );
}

export function invalidArgValue(name, value, reason = "is invalid") {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const kind = name.includes(".") ? "property" : "argument";
  return new NodeTypeError("ERR_INVALID_ARG_VALUE", `The ${kind} '${name}' ${reason}. Received ${shown}`);
}

function groupDigits(text) {
  const start = text.startsWith("-") ? 1 : 0;
  let grouped = "";
  let end = text.length;
  for (; end >= start + 4; end -= 3) grouped = `_${text.slice(end - 3, end)}${grouped}`;
  return text.slice(0, end) + grouped;
}

export function outOfRange(name, range, received, replaceDefault = false) {
  let shown;
  if (Number.isInteger(received) && Math.abs(received) > 2 ** 32) {
    shown = groupDigits(String(received));
  } else if (typeof received === "bigint") {
    shown = String(received);
    if (received > 2n ** 32n || received < -(2n ** 32n)) shown = groupDigits(shown);
    shown += "n";
  } else {
    shown = inspect(received);
  }
  const head = replaceDefault ? name : `The value of "${name}" is out of range.`;
  return new NodeRangeError("ERR_OUT_OF_RANGE", `${head} It must be ${range}. Received ${shown}`);
}

export function missingArgs(...names) {
  const quoted = names.map((name) =>
    Array.isArray(name) ? joinAlternatives(name.map((each) => `"${each}"`)) : `"${name}"`,
  );
  const list = joinAlternatives(quoted, "and");
  return new NodeTypeError(
    "ERR_MISSING_ARGS",
    `The ${list} ${names.length > 1 ? "arguments" : "argument"} must be specified`,
  );
}

export function invalidReturnValue(expected, name, value) {
  const got = value?.constructor?.name ? `an instance of ${value.constructor.name}` : `type ${typeof value}`;
  return new NodeTypeError(
    "ERR_INVALID_RETURN_VALUE",
    `Expected ${expected} to be returned from the "${name}" function but got ${got}.`,
  );
}

export function bufferOutOfBounds(name) {
  return new NodeRangeError(
    "ERR_BUFFER_OUT_OF_BOUNDS",
    name ? `"${name}" is outside of buffer bounds` : "Attempt to access memory outside buffer bounds",
  );
}

export function unknownEncoding(encoding) {
  return new NodeTypeError("ERR_UNKNOWN_ENCODING", `Unknown encoding: ${typeof encoding === "object" ? inspect(encoding) : String(encoding)}`);
}

export function invalidThis(type) {
  return new NodeTypeError("ERR_INVALID_THIS", `Value of "this" must be of type ${type}`);
}

/** The feature exists in Node, and cannot exist here: say so by name. */
export function notImplemented(feature) {
  return new NodeError("ERR_METHOD_NOT_IMPLEMENTED", `The ${feature} method is not implemented`);
}

/** Made when an operation ends because its signal was aborted. */
export class AbortError extends Error {
  constructor(message = "The operation was aborted", options = undefined) {
    super(message, options);
    this.code = "ABORT_ERR";
    this.name = "AbortError";
  }
}

/** One error out of two that happened on the way out of an operation. */
export function aggregateTwoErrors(inner, outer) {
  if (inner && outer && inner !== outer) {
    if (Array.isArray(outer.errors)) {
      outer.errors.push(inner);
      return outer;
    }
    const error = new AggregateError([outer, inner], outer.message);
    error.code = outer.code;
    return error;
  }
  return inner || outer;
}
