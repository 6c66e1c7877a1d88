/** Intl.DateTimeFormat. See https://tc39.es/ecma402/#datetimeformat-objects. */

import { now } from "atoll:native/io";
import { canonicalZone, fieldsAt, fieldText, MAX_TIME_MS } from "./date_fields.js";
import { patternOf } from "./date_pattern.js";
import { rangeParts } from "./date_range.js";
import { booleanOption, callable, canonicalizeLocaleList, coerceOptions, defineService, numberOption, resolveLocale, stringOption, TYPE } from "./locale.js";
import { NUMBERING_SYSTEMS } from "./number_format.js";

const WHAT = "DateTimeFormat";
const TEXT_WIDTHS = ["narrow", "short", "long"];
const NUMBER_WIDTHS = ["2-digit", "numeric"];
const FIELDS = {
  weekday: TEXT_WIDTHS,
  era: TEXT_WIDTHS,
  year: NUMBER_WIDTHS,
  month: [...NUMBER_WIDTHS, ...TEXT_WIDTHS],
  day: NUMBER_WIDTHS,
  dayPeriod: TEXT_WIDTHS,
  hour: NUMBER_WIDTHS,
  minute: NUMBER_WIDTHS,
  second: NUMBER_WIDTHS,
  fractionalSecondDigits: undefined,
  timeZoneName: ["short", "long", "shortOffset", "longOffset", "shortGeneric", "longGeneric"],
};
const DATE_FIELDS = ["weekday", "year", "month", "day"];
const TIME_FIELDS = ["dayPeriod", "hour", "minute", "second", "fractionalSecondDigits"];
const STYLES = ["full", "long", "medium", "short"];
const AMERICAN = new Set(["en", "en-US"]);

/**
 * @param {"date" | "time" | "any"} required which fields there have to be
 * @param {"date" | "time" | "all"} defaults which are taken when there are none
 */
function readSettings(locales, options, required, defaults) {
  const requested = canonicalizeLocaleList(locales);
  const given = coerceOptions(options);
  stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", WHAT);
  const calendar = typedOption(given, "calendar");
  const numbering = typedOption(given, "numberingSystem");
  const hour12 = booleanOption(given, "hour12", undefined);
  let hourCycle = stringOption(given, "hourCycle", ["h11", "h12", "h23", "h24"], undefined, WHAT);
  const resolved = resolveLocale(
    requested,
    { ca: calendar, nu: numbering, hc: hour12 === undefined ? hourCycle : undefined },
    { ca: ["gregory"], nu: Object.keys(NUMBERING_SYSTEMS), hc: [undefined, "h11", "h12", "h23", "h24"] },
  );
  const settings = { locale: resolved.locale, calendar: resolved.ca, numberingSystem: resolved.nu };
  settings.isBritish = !AMERICAN.has(resolved.dataLocale);
  settings.timeZone = readZone(given.timeZone);
  let isAnyGiven = false;
  for (const [name, allowed] of Object.entries(FIELDS)) {
    const value = name === "fractionalSecondDigits" ? numberOption(given, name, 1, 3, undefined) : stringOption(given, name, allowed, undefined, WHAT);
    if (value === undefined) continue;
    settings[name] = value;
    isAnyGiven = true;
  }
  stringOption(given, "formatMatcher", ["basic", "best fit"], "best fit", WHAT);
  settings.dateStyle = stringOption(given, "dateStyle", STYLES, undefined, WHAT);
  settings.timeStyle = stringOption(given, "timeStyle", STYLES, undefined, WHAT);
  if (settings.dateStyle !== undefined || settings.timeStyle !== undefined) {
    const field = Object.keys(FIELDS).find((name) => settings[name] !== undefined);
    if (isAnyGiven) throw new TypeError(`Can't set option ${field} when ${settings.dateStyle !== undefined ? "dateStyle" : "timeStyle"} is used`);
    if (required === "date" && settings.timeStyle !== undefined) throw new TypeError("Invalid option : timeStyle");
    if (required === "time" && settings.dateStyle !== undefined) throw new TypeError("Invalid option : dateStyle");
  } else {
    addDefaults(settings, required, defaults);
  }
  chooseHourCycle(settings, hour12, resolved.hc ?? hourCycle);
  settings.pattern = patternOf(settings);
  return settings;
}

function typedOption(options, name) {
  const value = stringOption(options, name, undefined, undefined, WHAT);
  if (value !== undefined && !TYPE.test(value)) throw new RangeError(`Invalid ${name} : ${value}`);
  return value;
}

function readZone(value) {
  if (value === undefined) return "UTC";
  const zone = canonicalZone(String(value));
  if (zone === undefined) throw new RangeError(`Invalid time zone specified: ${value}`);
  return zone;
}

function addDefaults(settings, required, defaults) {
  const has = (names) => names.some((name) => settings[name] !== undefined);
  const isSatisfied = (required !== "time" && has(DATE_FIELDS)) || (required !== "date" && has(TIME_FIELDS));
  if (isSatisfied) return;
  if (defaults !== "time") Object.assign(settings, { year: "numeric", month: "numeric", day: "numeric" });
  if (defaults !== "date") Object.assign(settings, { hour: "numeric", minute: "2-digit", second: "2-digit" });
}

function chooseHourCycle(settings, hour12, asked) {
  if (settings.hour === undefined && settings.timeStyle === undefined) return;
  if (hour12 !== undefined) settings.hourCycle = hour12 ? "h12" : "h23";
  else settings.hourCycle = asked ?? (settings.isBritish ? "h23" : "h12");
}

const PART_TYPES = { amPm: "dayPeriod" };

/** Parts of one moment. */
export function momentParts(settings, time, pattern = settings.pattern) {
  const fields = fieldsAt(settings.timeZone, time);
  const zero = NUMBERING_SYSTEMS[settings.numberingSystem];
  const parts = [];
  for (const item of pattern) {
    if (typeof item === "string") {
      const last = parts[parts.length - 1];
      if (last?.type === "literal") last.value += item;
      else parts.push({ type: "literal", value: item });
      continue;
    }
    const [field, width] = item;
    let value = fieldText(field, width, fields, settings);
    if (zero !== 0x30) value = value.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
    parts.push({ type: PART_TYPES[field] ?? field, value });
  }
  return parts;
}

const joined = (parts) => parts.map(({ value }) => value).join("");

function toTime(date) {
  const time = date === undefined ? Math.floor(now()) : Number(date);
  if (!(Math.abs(time) <= MAX_TIME_MS)) throw new RangeError("Invalid time value");
  return Math.trunc(time) + 0;
}

class DateTimeFormatClass {
  #settings;
  #format;

  constructor(locales = undefined, options = undefined) {
    this.#settings = readSettings(locales, options, "any", "date");
  }

  get format() {
    this.#format ??= Object.defineProperty((date) => joined(momentParts(this.#settings, toTime(date))), "name", { value: "" });
    return this.#format;
  }

  formatToParts(date) {
    return momentParts(this.#settings, toTime(date));
  }

  #range(start, end) {
    if (start === undefined || end === undefined) throw new TypeError("startDate or endDate cannot be undefined");
    return rangeParts(this.#settings, toTime(start), toTime(end), momentParts);
  }

  formatRange(startDate, endDate) {
    return joined(this.#range(startDate, endDate));
  }

  formatRangeToParts(startDate, endDate) {
    return this.#range(startDate, endDate);
  }

  resolvedOptions() {
    const settings = this.#settings;
    const { locale, calendar, numberingSystem, timeZone } = settings;
    const resolved = { locale, calendar, numberingSystem, timeZone };
    if (settings.hourCycle !== undefined) {
      resolved.hourCycle = settings.hourCycle;
      resolved.hour12 = settings.hourCycle === "h11" || settings.hourCycle === "h12";
    }
    if (settings.dateStyle === undefined && settings.timeStyle === undefined) {
      const shown = new Map(settings.pattern.filter((item) => typeof item !== "string"));
      for (const name of Object.keys(FIELDS)) {
        const width = shown.get(name === "fractionalSecondDigits" ? "fractionalSecond" : name);
        if (width !== undefined) resolved[name] = width;
      }
    }
    if (settings.dateStyle !== undefined) resolved.dateStyle = settings.dateStyle;
    if (settings.timeStyle !== undefined) resolved.timeStyle = settings.timeStyle;
    return resolved;
  }
}

Object.defineProperty(DateTimeFormatClass, "name", { value: "DateTimeFormat" });
export const DateTimeFormat = callable(DateTimeFormatClass);
defineService(DateTimeFormat, "Intl.DateTimeFormat");

const plainSettings = new Map();

/** `toLocaleString` and its relatives. */
export function dateToLocaleString(time, locales, options, required, defaults) {
  if (Number.isNaN(time)) return "Invalid Date";
  if (locales !== undefined || options !== undefined) return joined(momentParts(readSettings(locales, options, required, defaults), time));
  const key = required + defaults;
  let settings = plainSettings.get(key);
  if (settings === undefined) plainSettings.set(key, (settings = readSettings(undefined, undefined, required, defaults)));
  return joined(momentParts(settings, time));
}
