/** The error of `node:assert`, and the text that shows how two values differ. */
import { inspect } from "../inspect.js";
import { validateObject } from "./validators.js";

const HEADINGS = {
  deepStrictEqual: "Expected values to be strictly deep-equal:",
  partialDeepStrictEqual: "Expected values to be partially and strictly deep-equal:",
  strictEqual: "Expected values to be strictly equal:",
  deepEqual: "Expected values to be loosely deep-equal:",
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
};

/** A short pair of primitives is shown on one line. */
const ONE_LINE_LENGTH = 12;
const MAX_LINES = 50;
/** Beyond this many lines a line-by-line comparison takes longer than it helps. */
const MAX_COMPARED = 1000;

const show = (value) =>
  inspect(value, {
    compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, showHidden: false, showProxy: false,
    sorted: true, getters: true, breakLength: Infinity,
  });

/** Lines of both texts, marked `+` for those of the actual value alone and `-` for those of the expected. */
function markedLines(actual, expected) {
  const lengths = Array.from({ length: actual.length + 1 }, () => new Uint32Array(expected.length + 1));
  for (let row = actual.length - 1; row >= 0; row--) {
    for (let column = expected.length - 1; column >= 0; column--) {
      lengths[row][column] =
        actual[row] === expected[column]
          ? lengths[row + 1][column + 1] + 1
          : Math.max(lengths[row + 1][column], lengths[row][column + 1]);
    }
  }
  const lines = [];
  let row = 0;
  let column = 0;
  while (row < actual.length || column < expected.length) {
    if (row < actual.length && column < expected.length && actual[row] === expected[column]) {
      lines.push(`  ${actual[row++]}`);
      column++;
    } else if (column >= expected.length || (row < actual.length && lengths[row + 1][column] >= lengths[row][column + 1])) {
      lines.push(`+ ${actual[row++]}`);
    } else {
      lines.push(`- ${expected[column++]}`);
    }
  }
  return lines;
}

function differenceText(actual, expected, operator) {
  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  if (operator === "strictEqual" && isObject(actual) && isObject(expected) && show(actual) === show(expected)) {
    return `Values have same structure but are not reference-equal:\n\n${show(actual)}\n`;
  }
  const first = show(actual).split("\n");
  const second = show(expected).split("\n");
  if (first.length === 1 && second.length === 1 && first[0] !== second[0] && !isObject(actual) && !isObject(expected)) {
    const length = first[0].length + second[0].length;
    if (length <= ONE_LINE_LENGTH && (actual !== 0 || expected !== 0)) {
      return `${HEADINGS[operator]}\n\n${first[0]} !== ${second[0]}\n`;
    }
  }
  let lines =
    first.length + second.length > MAX_COMPARED
      ? [...first.map((line) => `+ ${line}`), ...second.map((line) => `- ${line}`)]
      : markedLines(first, second);
  if (lines.length > MAX_LINES) lines = [...lines.slice(0, MAX_LINES), "..."];
  return `${HEADINGS[operator]}\n+ actual - expected\n\n${lines.join("\n")}\n`;
}

function generatedText({ actual, expected, operator }) {
  switch (operator) {
    case "deepStrictEqual":
    case "strictEqual":
    case "partialDeepStrictEqual":
      return differenceText(actual, expected, operator);
    case "notDeepStrictEqual":
    case "notStrictEqual":
    case "notDeepEqual": {
      const shown = show(actual);
      const heading =
        operator === "notStrictEqual" && typeof actual === "object" && actual !== null
          ? 'Expected "actual" not to be reference-equal to "expected":'
          : HEADINGS[operator];
      return shown.includes("\n") ? `${heading}\n\n${shown}\n` : `${heading} ${shown}`;
    }
    case "deepEqual":
      return `${HEADINGS.deepEqual}\n\n${show(actual)}\n\nshould loosely deep-equal\n\n${show(expected)}`;
    default:
      return `${inspect(actual)} ${operator} ${inspect(expected)}`;
  }
}

export class AssertionError extends Error {
  constructor(options) {
    validateObject(options, "options");
    const { message, operator, actual, expected, stackStartFn } = options;
    super(message !== undefined && message !== null ? String(message) : generatedText(options));
    this.generatedMessage = message === undefined || message === null;
    Object.defineProperty(this, "name", { value: "AssertionError", writable: true, configurable: true, enumerable: false });
    this.code = "ERR_ASSERTION";
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    Error.captureStackTrace?.(this, stackStartFn);
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}
