/** Intl.NumberFormat. See https://tc39.es/ecma402/#numberformat-objects. */

import { keys, lookUp } from "atoll:native/intl";
import { magnitude, scale, toDecimal } from "./decimal.js";
import { digitOptions, shownDigitOptions, shownDigits } from "./digits.js";
import { callable, canonicalizeLocaleList, coerceOptions, defineService, resolveLocale, stringOption, TYPE } from "./locale.js";
import { cardinal } from "./plural_rules.js";
import { joinRange } from "./range.js";

const WHAT = "NumberFormat";
const NBSP = "\u00a0";
/** Digits of numbering systems that are ten characters in a row. */
export const NUMBERING_SYSTEMS = { latn: 0x30, beng: 0x9e6, deva: 0x966, fullwide: 0xff10, gujr: 0xae6, guru: 0xa66, khmr: 0x17e0, knda: 0xce6, laoo: 0xed0, mlym: 0xd66, mymr: 0x1040, orya: 0xb66, tamldec: 0xbe6, telu: 0xc66, thai: 0xe50, tibt: 0xf20 };

const COMPACT = [
  [15, "T", " trillion", 12],
  [12, "T", " trillion", 12],
  [9, "B", " billion", 9],
  [6, "M", " million", 6],
  [3, "K", " thousand", 3],
];

export function currencyFacts(code) {
  const [, symbol = "", narrow = "", digits = "2", one = code, other = code, title = ""] = (lookUp("currencies", code) ?? "").split("|");
  return { symbol: symbol || code, narrow: narrow || code, digits: Number(digits || 2), one, other, title: title || other };
}

function isCurrencyCode(code) {
  return /^[a-z]{3}$/i.test(code);
}

let simpleUnits;
export const units = () => (simpleUnits ??= keys("units").filter((key) => !key.includes("-per-")));

function isUnit(unit) {
  if (units().includes(unit)) return true;
  const [one, two, more] = unit.split("-per-");
  return two !== undefined && more === undefined && units().includes(one) && units().includes(two);
}

const DISPLAYS = ["short", "narrow", "long"];

/** Text before and after the number. */
function unitPattern(unit, display, plural) {
  const column = 1 + DISPLAYS.indexOf(display) * 2 + (plural === "one" ? 0 : 1);
  const whole = lookUp("units", unit);
  if (whole !== undefined) return whole.split("|")[column].split("{0}");
  const [one, two] = unit.split("-per-");
  const pattern = lookUp("units", one).split("|")[column];
  return (pattern + lookUp("units", two).split("|")[7 + DISPLAYS.indexOf(display)]).split("{0}");
}

function readSettings(locales, options) {
  const requested = canonicalizeLocaleList(locales);
  const given = coerceOptions(options);
  stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", WHAT);
  const numbering = stringOption(given, "numberingSystem", undefined, undefined, WHAT);
  if (numbering !== undefined && !TYPE.test(numbering)) throw new RangeError(`Invalid numberingSystem : ${numbering}`);
  const resolved = resolveLocale(requested, { nu: numbering }, { nu: Object.keys(NUMBERING_SYSTEMS) });
  const settings = { locale: resolved.locale, numberingSystem: resolved.nu };

  settings.style = stringOption(given, "style", ["decimal", "percent", "currency", "unit"], "decimal", WHAT);
  const currency = stringOption(given, "currency", undefined, undefined, WHAT);
  if (currency === undefined && settings.style === "currency") throw new TypeError("Currency code is required with currency style.");
  if (currency !== undefined && !isCurrencyCode(currency)) throw new RangeError(`Invalid currency code : ${currency}`);
  const currencyDisplay = stringOption(given, "currencyDisplay", ["code", "symbol", "narrowSymbol", "name"], "symbol", WHAT);
  const currencySign = stringOption(given, "currencySign", ["standard", "accounting"], "standard", WHAT);
  const unit = stringOption(given, "unit", undefined, undefined, WHAT);
  if (unit === undefined && settings.style === "unit") throw new TypeError("Unit is required with unit style.");
  if (unit !== undefined && !isUnit(unit)) throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${unit}'`);
  const unitDisplay = stringOption(given, "unitDisplay", ["short", "narrow", "long"], "short", WHAT);
  if (settings.style === "currency") Object.assign(settings, { currency: currency.toUpperCase(), currencyDisplay, currencySign });
  if (settings.style === "unit") Object.assign(settings, { unit, unitDisplay });

  settings.notation = stringOption(given, "notation", ["standard", "scientific", "engineering", "compact"], "standard", WHAT);
  let least = 0;
  let most = settings.style === "percent" ? 0 : 3;
  if (settings.style === "currency" && settings.notation === "standard") least = most = currencyFacts(settings.currency).digits;
  else if (settings.style === "currency") most = 0;
  Object.assign(settings, digitOptions(given, least, most, settings.notation));
  const compactDisplay = stringOption(given, "compactDisplay", ["short", "long"], "short", WHAT);
  if (settings.notation === "compact") settings.compactDisplay = compactDisplay;
  settings.useGrouping = groupingOption(given, settings.notation === "compact" ? "min2" : "auto");
  settings.signDisplay = stringOption(given, "signDisplay", ["auto", "never", "always", "exceptZero", "negative"], "auto", WHAT);
  return settings;
}

/** GetBooleanOrStringNumberFormatOption for useGrouping. */
function groupingOption(options, fallback) {
  const value = options.useGrouping;
  if (value === undefined) return fallback;
  if (value === true) return "always";
  if (!value) return false;
  const text = String(value);
  if (text === "true" || text === "false") return fallback;
  if (!["min2", "auto", "always"].includes(text)) throw new RangeError(`Value ${text} out of range for ${WHAT} options property useGrouping`);
  return text;
}

/** Sign that is shown: "-", "+" or "". */
function signOf(decimal, isZero, display) {
  switch (display) {
    case "never":
      return "";
    case "always":
      return decimal.negative ? "-" : "+";
    case "exceptZero":
      return isZero || decimal.special === "nan" ? "" : decimal.negative ? "-" : "+";
    case "negative":
      return decimal.negative && !isZero ? "-" : "";
    default:
      return decimal.negative ? "-" : "";
  }
}

function pushGrouped(parts, integer, grouping) {
  const isGrouped = grouping !== false && integer.length > (grouping === "min2" ? 4 : 3);
  if (!isGrouped) {
    parts.push({ type: "integer", value: integer });
    return;
  }
  const head = integer.length % 3 || 3;
  parts.push({ type: "integer", value: integer.slice(0, head) });
  for (let at = head; at < integer.length; at += 3) {
    parts.push({ type: "group", value: "," }, { type: "integer", value: integer.slice(at, at + 3) });
  }
}

/** The number without its sign, its unit or its currency, and what those need to know of it. */
function numberParts(decimal, settings) {
  const parts = [];
  if (decimal.special !== undefined) {
    parts.push(decimal.special === "nan" ? { type: "nan", value: "NaN" } : { type: "infinity", value: "∞" });
    return { parts, plural: "other", isZero: false, compact: undefined };
  }
  if (settings.style === "percent") decimal = scale(decimal, 2);
  const { shown, exponent, compact } = scaledDigits(decimal, settings);
  pushGrouped(parts, shown.integer, settings.useGrouping);
  if (shown.fraction !== "") parts.push({ type: "decimal", value: "." }, { type: "fraction", value: shown.fraction });
  if (settings.notation === "scientific" || settings.notation === "engineering") {
    parts.push({ type: "exponentSeparator", value: "E" });
    if (exponent < 0) parts.push({ type: "exponentMinusSign", value: "-" });
    parts.push({ type: "exponentInteger", value: String(Math.abs(exponent)) });
  }
  if (compact !== undefined) {
    const long = settings.compactDisplay === "long" && settings.style !== "currency";
    if (long) parts.push({ type: "literal", value: " " });
    parts.push({ type: "compact", value: long ? compact[2].slice(1) : compact[1] });
  }
  const plural = compact === undefined && exponent === 0 ? cardinal(shown.integer, shown.fraction) : "other";
  return { parts, plural, isZero: shown.decimal.digits === "" };
}

/** Digits after the notation's division by a power of ten. Rounding can carry into the next power, which is then taken. */
function scaledDigits(decimal, settings) {
  const { notation } = settings;
  if (notation === "standard") return { shown: shownDigits(decimal, settings), exponent: 0 };
  let power = magnitude(decimal);
  for (let attempt = 0; ; attempt++) {
    const compact = notation === "compact" ? COMPACT.find(([least]) => power >= least) : undefined;
    const exponent = notation === "compact" ? (compact?.[3] ?? 0) : notation === "engineering" ? Math.floor(power / 3) * 3 : power;
    const shown = shownDigits(scale(decimal, -exponent), settings);
    const carried = magnitude(shown.decimal) + exponent;
    if (decimal.digits === "" || carried === power || attempt > 0) return { shown, exponent, compact };
    power = carried;
  }
}

function localDigits(parts, numberingSystem) {
  const zero = NUMBERING_SYSTEMS[numberingSystem];
  if (zero === NUMBERING_SYSTEMS.latn) return parts;
  return parts.map(({ type, value }) => ({ type, value: value.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit))) }));
}

/** PartitionNumberPattern. */
export function formatDecimal(input, settings) {
  const { parts: number, plural, isZero } = numberParts(input, settings);
  const sign = signOf(input, isZero, settings.signDisplay);
  const signPart = { type: sign === "-" ? "minusSign" : "plusSign", value: sign };
  let parts = number;
  switch (settings.style) {
    case "percent":
      parts = [...number, { type: "percentSign", value: "%" }];
      break;
    case "unit":
      parts = unitParts(number, settings, plural);
      break;
    case "currency":
      return localDigits(currencyParts(number, settings, plural, sign, signPart), settings.numberingSystem);
    default:
  }
  if (sign !== "") parts = [signPart, ...parts];
  return localDigits(parts, settings.numberingSystem);
}

function unitParts(number, settings, plural) {
  const [before, after] = unitPattern(settings.unit, settings.unitDisplay, plural);
  if (settings.unit === "percent" && settings.unitDisplay !== "long") return [...number, { type: "unit", value: "%" }];
  const parts = [];
  if (before !== "") parts.push({ type: "unit", value: before.trim() }, ...(before.endsWith(" ") ? [{ type: "literal", value: " " }] : []));
  parts.push(...number);
  if (after.startsWith(" ")) parts.push({ type: "literal", value: " " });
  if (after !== "") parts.push({ type: "unit", value: after.trim() });
  return parts;
}

function currencyParts(number, settings, plural, sign, signPart) {
  const { currency, currencyDisplay } = settings;
  const facts = currencyFacts(currency);
  if (currencyDisplay === "name") {
    const parts = [...number, { type: "literal", value: " " }, { type: "currency", value: plural === "one" ? facts.one : facts.other }];
    return sign === "" ? parts : [signPart, ...parts];
  }
  const symbol = currencyDisplay === "code" ? currency : currencyDisplay === "narrowSymbol" ? facts.narrow : facts.symbol;
  const parts = [{ type: "currency", value: symbol }];
  // Letters are kept apart from digits.
  if (/\p{L}$/u.test(symbol) && number[0].type === "integer") parts.push({ type: "literal", value: NBSP });
  parts.push(...number);
  if (sign === "-" && settings.currencySign === "accounting") {
    return [{ type: "literal", value: "(" }, ...parts, { type: "literal", value: ")" }];
  }
  return sign === "" ? parts : [signPart, ...parts];
}

const joined = (parts) => parts.map(({ value }) => value).join("");

/** Settings once made are kept, since `toLocaleString` asks for the same ones over and over. */
let plainSettings;

class NumberFormatClass {
  #settings;
  #format;

  constructor(locales = undefined, options = undefined) {
    this.#settings = readSettings(locales, options);
  }

  get format() {
    this.#format ??= Object.defineProperty((value) => joined(formatDecimal(toDecimal(value), this.#settings)), "name", { value: "" });
    return this.#format;
  }

  formatToParts(value) {
    return formatDecimal(toDecimal(value), this.#settings);
  }

  #range(start, end) {
    if (start === undefined || end === undefined) throw new TypeError("start or end is undefined");
    const ends = [toDecimal(start), toDecimal(end)];
    if (ends.some(({ special }) => special === "nan")) throw new RangeError("Invalid number value: NaN");
    const [one, two] = ends.map((decimal) => formatDecimal(decimal, this.#settings));
    return joinRange(one, two, this.#settings);
  }

  formatRange(start, end) {
    return joined(this.#range(start, end));
  }

  formatRangeToParts(start, end) {
    return this.#range(start, end);
  }

  resolvedOptions() {
    const settings = this.#settings;
    const resolved = { locale: settings.locale, numberingSystem: settings.numberingSystem, style: settings.style };
    for (const name of ["currency", "currencyDisplay", "currencySign", "unit", "unitDisplay"]) {
      if (settings[name] !== undefined) resolved[name] = settings[name];
    }
    Object.assign(resolved, shownDigitOptions(settings), { useGrouping: settings.useGrouping, notation: settings.notation });
    if (settings.compactDisplay !== undefined) resolved.compactDisplay = settings.compactDisplay;
    const { signDisplay, roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay } = settings;
    return { ...resolved, signDisplay, roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay };
  }
}

Object.defineProperty(NumberFormatClass, "name", { value: "NumberFormat" });
export const NumberFormat = callable(NumberFormatClass);
defineService(NumberFormat, "Intl.NumberFormat");

/** `toLocaleString` of numbers. */
export function numberToLocaleString(value, locales, options) {
  if (locales === undefined && options === undefined) {
    plainSettings ??= readSettings(undefined, undefined);
    return joined(formatDecimal(toDecimal(value), plainSettings));
  }
  return joined(formatDecimal(toDecimal(value), readSettings(locales, options)));
}

