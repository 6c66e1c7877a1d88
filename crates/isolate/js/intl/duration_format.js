/** Intl.DurationFormat. See https://tc39.es/ecma402/#durationformat-objects. */

import { canonicalizeLocaleList, defineService, numberOption, optionsObject, resolveLocale, stringOption } from "./locale.js";
import { ListFormat } from "./list_format.js";
import { NumberFormat } from "./number_format.js";

const UNITS = ["years", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"];
const CLOCK = ["hours", "minutes", "seconds"];
const WORDS = ["long", "short", "narrow"];
const BELOW_SECONDS = UNITS.slice(7);

function unitSettings(given, baseStyle) {
  const settings = {};
  let previous = "";
  for (const unit of UNITS) {
    const isClock = CLOCK.includes(unit);
    const isFraction = BELOW_SECONDS.includes(unit);
    const allowed = isClock ? [...WORDS, "numeric", "2-digit"] : isFraction ? [...WORDS, "numeric"] : WORDS;
    let style = stringOption(given, unit, allowed, undefined, "DurationFormat");
    let display = "always";
    if (style === undefined) {
      if (baseStyle === "digital") {
        display = isClock ? "always" : "auto";
        style = isClock || isFraction ? "numeric" : "short";
      } else {
        display = "auto";
        style = ["numeric", "2-digit", "fractional"].includes(previous) && (isClock || isFraction) ? "numeric" : baseStyle;
      }
    }
    const isAfterNumber = ["numeric", "2-digit"].includes(previous);
    if (isFraction && style === "numeric") display = "auto";
    display = stringOption(given, `${unit}Display`, ["auto", "always"], display, "DurationFormat");
    if (isAfterNumber && (isClock || isFraction) && WORDS.includes(style)) {
      throw new RangeError(`${unit} cannot have the style ${style} after a unit that is shown as a number`);
    }
    if (isAfterNumber && (unit === "minutes" || unit === "seconds")) style = "2-digit";
    settings[unit] = { style, display };
    previous = style;
  }
  return settings;
}

function readDuration(value) {
  if (typeof value !== "object" || value === null) throw new TypeError("Invalid duration: it has to be an object");
  const duration = {};
  let sign = 0;
  let isAnyGiven = false;
  for (const unit of UNITS) {
    const given = value[unit];
    if (given === undefined) continue;
    const number = Number(given);
    if (!Number.isInteger(number)) throw new RangeError(`Invalid duration: ${unit} has to be an integer`);
    if (number !== 0 && sign !== 0 && Math.sign(number) !== sign) throw new RangeError("Invalid duration: signs differ");
    if (number !== 0) sign = Math.sign(number);
    duration[unit] = number;
    isAnyGiven = true;
  }
  if (!isAnyGiven) throw new TypeError("Invalid duration: it has none of the units");
  return { duration, sign };
}

export class DurationFormat {
  #settings;

  constructor(locales = undefined, options = undefined) {
    const requested = canonicalizeLocaleList(locales);
    const given = optionsObject(options);
    stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "DurationFormat");
    const style = stringOption(given, "style", [...WORDS, "digital"], "short", "DurationFormat");
    const { locale } = resolveLocale(requested);
    const units = unitSettings(given, style);
    const fractionalDigits = numberOption(given, "fractionalDigits", 0, 9, undefined);
    this.#settings = { locale, style, units, fractionalDigits };
  }

  #parts(value) {
    const { duration, sign } = readDuration(value);
    const { locale, style, units, fractionalDigits } = this.#settings;
    const groups = [];
    let clock;
    let needsSign = sign < 0;
    for (const unit of UNITS) {
      const { style: unitStyle, display } = units[unit];
      let number = Math.abs(duration[unit] ?? 0);
      const next = UNITS[UNITS.indexOf(unit) + 1];
      const options = {};
      const takesFraction = (unit === "seconds" || unit === "milliseconds" || unit === "microseconds") && units[next].style === "numeric";
      if (takesFraction) {
        number = fractionOf(duration, unit);
        options.minimumFractionDigits = fractionalDigits ?? 0;
        options.maximumFractionDigits = fractionalDigits ?? 9;
        options.roundingMode = "trunc";
      }
      const isZero = Number(number) === 0;
      const isClockMiddle = unit === "minutes" && clock !== undefined && (units.seconds.display === "always" || fractionOf(duration, "seconds") !== "0");
      if (!isZero || display === "always" || isClockMiddle) {
        const isNumber = unitStyle === "numeric" || unitStyle === "2-digit";
        if (isNumber) {
          if (unitStyle === "2-digit") options.minimumIntegerDigits = 2;
          options.useGrouping = false;
        } else {
          Object.assign(options, { style: "unit", unit: unit.slice(0, -1), unitDisplay: unitStyle });
        }
        const text = takesFraction ? String(number) : number;
        const parts = new NumberFormat(locale, options).formatToParts(needsSign ? (typeof text === "string" ? `-${text}` : -text) : text);
        needsSign = false;
        const tagged = parts.map((part) => ({ ...part, unit: unit.slice(0, -1) }));
        if (isNumber && clock !== undefined) clock.push({ type: "literal", value: ":" }, ...tagged);
        else groups.push((clock = tagged));
        if (!isNumber) clock = undefined;
      }
      if (takesFraction) break;
    }
    const list = new ListFormat(locale, { type: "unit", style: style === "digital" ? "short" : style });
    const result = [];
    let index = 0;
    for (const part of list.formatToParts(groups.map(() => ""))) {
      if (part.type === "element") result.push(...groups[index++]);
      else result.push(part);
    }
    return result;
  }

  format(duration) {
    return this.#parts(duration)
      .map(({ value }) => value)
      .join("");
  }

  formatToParts(duration) {
    return this.#parts(duration);
  }

  resolvedOptions() {
    const { locale, style, units, fractionalDigits } = this.#settings;
    const resolved = { locale, numberingSystem: "latn", style };
    for (const unit of UNITS) {
      resolved[unit] = units[unit].style;
      resolved[`${unit}Display`] = units[unit].display;
    }
    if (fractionalDigits !== undefined) resolved.fractionalDigits = fractionalDigits;
    return resolved;
  }
}

/** `unit` and everything below it, as decimal text. */
function fractionOf(duration, unit) {
  const from = UNITS.indexOf(unit);
  let total = 0n;
  for (let i = from; i < UNITS.length; i++) total += BigInt(Math.abs(duration[UNITS[i]] ?? 0)) * 1000n ** BigInt(UNITS.length - 1 - i);
  const digits = (UNITS.length - 1 - from) * 3;
  const text = String(total).padStart(digits + 1, "0");
  const fraction = text.slice(text.length - digits).replace(/0+$/, "");
  return fraction === "" ? text.slice(0, text.length - digits) : `${text.slice(0, text.length - digits)}.${fraction}`;
}

Object.defineProperty(DurationFormat, "length", { value: 0, configurable: true });
defineService(DurationFormat, "Intl.DurationFormat");
