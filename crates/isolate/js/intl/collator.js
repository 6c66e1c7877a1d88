/**
 * Intl.Collator: the order of Unicode's root collation, approximated.
 *
 * Spaces, punctuation, symbols, digits and letters come in the root's order; Latin letters sort by their base letter, then by
 * accents, then by case. Scripts other than Latin follow in the order of their code points.
 */

import { booleanOption, callable, canonicalizeLocaleList, coerceOptions, defineService, resolveLocale, stringOption } from "./locale.js";

/** ASCII and common characters in the root's order; letters follow. */
const ORDER = "\t\n\v\f\r\u0085\u2028\u2029 _‿-–—,;:!¡?¿.…'‘’\"“”«»()[]{}§¶@*/\\&#%‰†‡•`´˜^¨¯°©®+±÷×<=>|¦~¬¤¢$£¥€";
const FIRST_DIGIT = 1000;
const FIRST_LETTER = 2000;
/** Weights between Latin letters leave room for those that are letters of their own. */
const LETTER_STEP = 10;
const OTHER = 100_000;

const primaries = new Map([...ORDER].map((char, index) => [char, index + 1]));
for (let digit = 0; digit < 10; digit++) primaries.set(String(digit), FIRST_DIGIT + digit);
for (let letter = 0; letter < 26; letter++) primaries.set(String.fromCharCode(97 + letter), FIRST_LETTER + letter * LETTER_STEP);
const letterAfter = (letter) => primaries.get(letter) + 1;
/** Letters that do not decompose. */
for (const [char, weight] of [["ŧ", letterAfter("t")], ["ı", letterAfter("i")], ["ŋ", letterAfter("n")], ["þ", primaries.get("z") + 5]]) {
  primaries.set(char, weight);
}
/** Letters that sort as others, or as several. */
const EXPANSIONS = { ß: "ss", đ: "d", ð: "d", ħ: "h", ł: "l", ø: "o", æ: "ae", œ: "oe", ĳ: "ij", ŀ: "l·", ŉ: "ʼn" };

const MARK = /\p{M}/u;
const SIMPLE = /^[\x20-\x7e]*$/;

function primaryOf(char) {
  const weight = primaries.get(char);
  if (weight !== undefined) return weight;
  const code = char.codePointAt(0);
  if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0xad || code === 0x200b) return 0;
  return /\p{N}/u.test(char) ? FIRST_DIGIT + 100 + (code % 800) : /\p{L}/u.test(char) ? OTHER + code : FIRST_DIGIT - 500 + (code % 400);
}

/**
 * What a string sorts by: parallel lists of its characters' primary weights, the marks on each, and the case of each.
 * Runs of digits become one weight each when `numeric`.
 */
function sortKey(text, { numeric, ignorePunctuation }) {
  const primary = [];
  const marks = [];
  const cases = [];
  const push = (weight, isUpper) => {
    primary.push(weight);
    marks.push("");
    cases.push(isUpper ? 1 : 0);
  };
  const source = SIMPLE.test(text) ? text : text.normalize("NFD");
  for (let at = 0; at < source.length; ) {
    if (numeric) {
      const digits = /^[0-9]+/.exec(source.slice(at, at + 400))?.[0];
      if (digits !== undefined) {
        const value = digits.replace(/^0+(?=.)/, "");
        // A number sorts by its length, then by its digits.
        push(FIRST_DIGIT + Math.min(value.length, 400), false);
        for (const digit of value) push(FIRST_DIGIT + Number(digit), false);
        at += digits.length;
        continue;
      }
    }
    const char = String.fromCodePoint(source.codePointAt(at));
    at += char.length;
    if (MARK.test(char)) {
      if (marks.length > 0) marks[marks.length - 1] += char;
      continue;
    }
    const lower = char.toLowerCase();
    for (const unit of EXPANSIONS[lower] ?? lower) {
      const weight = primaryOf(unit);
      if (weight === 0 || (ignorePunctuation && /[\p{P}\p{Z}\s]/u.test(unit))) continue;
      push(weight, lower !== char);
      if (EXPANSIONS[lower] !== undefined) marks[marks.length - 1] = "\uffff";
    }
  }
  return { primary, marks, cases };
}

function compareLists(one, two) {
  const length = Math.min(one.length, two.length);
  for (let i = 0; i < length; i++) {
    if (one[i] < two[i]) return -1;
    if (one[i] > two[i]) return 1;
  }
  return Math.sign(one.length - two.length);
}

/** Weights of printable ASCII characters by code; 0 for all others. */
const asciiWeights = new Uint16Array(128);
for (let code = 0x20; code < 0x7f; code++) asciiWeights[code] = primaryOf(String.fromCharCode(code).toLowerCase());

/** Compares printable ASCII without making sort keys, undefined when there is anything else. */
function compareAscii(one, two, { sensitivity, caseFirst }) {
  const length = Math.min(one.length, two.length);
  let order = 0;
  let byCase = 0;
  let at = 0;
  for (; at < length; at++) {
    const first = one.charCodeAt(at);
    const second = two.charCodeAt(at);
    if (first === second && first < 0x7f && first >= 0x20) continue;
    const left = asciiWeights[first];
    const right = asciiWeights[second];
    if (!left || !right) return undefined;
    if (order === 0) order = left - right;
    // The same letter twice: the one with the lower code is the capital.
    if (byCase === 0 && left === right) byCase = second - first;
  }
  for (const rest of [one, two]) {
    for (let i = at; i < rest.length; i++) if (!asciiWeights[rest.charCodeAt(i)]) return undefined;
  }
  if (order === 0) order = one.length - two.length;
  if (order === 0 && sensitivity !== "base" && sensitivity !== "accent") order = caseFirst === "upper" ? -byCase : byCase;
  return Math.sign(order);
}

export function compareStrings(one, two, settings) {
  if (one === two) return 0;
  if (!settings.numeric && !settings.ignorePunctuation) {
    const order = compareAscii(one, two, settings);
    if (order !== undefined) return order;
  }
  const [first, second] = [sortKey(one, settings), sortKey(two, settings)];
  const { sensitivity, caseFirst } = settings;
  const byPrimary = compareLists(first.primary, second.primary);
  if (byPrimary !== 0 || sensitivity === "base") return byPrimary;
  if (sensitivity !== "case") {
    const byMarks = compareLists(first.marks, second.marks);
    if (byMarks !== 0 || sensitivity === "accent") return byMarks;
  }
  const byCase = compareLists(first.cases, second.cases);
  return caseFirst === "upper" ? -byCase : byCase;
}

function readSettings(locales, options) {
  const requested = canonicalizeLocaleList(locales);
  const given = coerceOptions(options);
  const usage = stringOption(given, "usage", ["sort", "search"], "sort", "Collator");
  stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "Collator");
  const numericOption = booleanOption(given, "numeric", undefined);
  const caseFirst = stringOption(given, "caseFirst", ["upper", "lower", "false"], undefined, "Collator");
  const resolved = resolveLocale(
    requested,
    { kn: numericOption === undefined ? undefined : String(numericOption), kf: caseFirst },
    { co: ["default"], kn: ["false", "true"], kf: ["false", "upper", "lower"] },
  );
  const sensitivity = stringOption(given, "sensitivity", ["base", "accent", "case", "variant"], "variant", "Collator");
  const ignorePunctuation = booleanOption(given, "ignorePunctuation", false);
  return { locale: resolved.locale, usage, sensitivity, ignorePunctuation, collation: "default", numeric: resolved.kn === "true", caseFirst: resolved.kf };
}

class CollatorClass {
  #settings;
  #compare;

  constructor(locales = undefined, options = undefined) {
    this.#settings = readSettings(locales, options);
  }

  get compare() {
    this.#compare ??= Object.defineProperty((one, two) => compareStrings(String(one), String(two), this.#settings), "name", { value: "" });
    return this.#compare;
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

Object.defineProperty(CollatorClass, "name", { value: "Collator" });
export const Collator = callable(CollatorClass);
defineService(Collator, "Intl.Collator");

const PLAIN = { numeric: false, ignorePunctuation: false, sensitivity: "variant", caseFirst: "false" };

/** The locale that was asked for last, and what it means: a sort asks for the same one at each comparison. */
let lastLocale;
let lastSettings = PLAIN;

/** `String.prototype.localeCompare`. */
export function localeCompare(one, two, locales, options) {
  if (options !== undefined || (locales !== undefined && typeof locales !== "string")) {
    return compareStrings(one, two, readSettings(locales, options));
  }
  if (locales !== lastLocale) {
    lastSettings = locales === undefined ? PLAIN : readSettings(locales, undefined);
    lastLocale = locales;
  }
  return compareStrings(one, two, lastSettings);
}
