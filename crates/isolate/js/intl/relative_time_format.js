/** Intl.RelativeTimeFormat: "in 3 days", "yesterday". */

import { canonicalizeLocaleList, coerceOptions, defineService, resolveLocale, stringOption, TYPE } from "./locale.js";
import { NumberFormat, NUMBERING_SYSTEMS } from "./number_format.js";
import { PluralRules } from "./plural_rules.js";

const UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
/** Short names, singular and plural. */
const SHORT = { second: ["sec.", "sec."], minute: ["min.", "min."], hour: ["hr.", "hr."], day: ["day", "days"], week: ["wk.", "wk."], month: ["mo.", "mo."], quarter: ["qtr.", "qtrs."], year: ["yr.", "yr."] };
const NARROW = { second: "s", minute: "m", hour: "h", day: "d", week: "w", month: "mo", quarter: "q", year: "y" };
/** Words for -1, 0 and 1. */
const WORDS = {
  second: [undefined, "now", undefined],
  minute: [undefined, "this minute", undefined],
  hour: [undefined, "this hour", undefined],
  day: ["yesterday", "today", "tomorrow"],
};

function word(unit, value, style) {
  if (WORDS[unit] !== undefined) return WORDS[unit][value + 1];
  const name = style === "long" ? unit : unit === "quarter" ? "qtr." : SHORT[unit][0];
  return `${["last", "this", "next"][value + 1]} ${name}`;
}

export class RelativeTimeFormat {
  #settings;
  #number;
  #plural;

  constructor(locales = undefined, options = undefined) {
    const requested = canonicalizeLocaleList(locales);
    const given = coerceOptions(options);
    stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "RelativeTimeFormat");
    const numbering = stringOption(given, "numberingSystem", undefined, undefined, "RelativeTimeFormat");
    if (numbering !== undefined && !TYPE.test(numbering)) throw new RangeError(`Invalid numberingSystem : ${numbering}`);
    const resolved = resolveLocale(requested, { nu: numbering }, { nu: Object.keys(NUMBERING_SYSTEMS) });
    const style = stringOption(given, "style", ["long", "short", "narrow"], "long", "RelativeTimeFormat");
    const numeric = stringOption(given, "numeric", ["always", "auto"], "always", "RelativeTimeFormat");
    this.#settings = { locale: resolved.locale, style, numeric, numberingSystem: resolved.nu };
    this.#number = new NumberFormat(resolved.locale, { numberingSystem: resolved.nu });
    this.#plural = new PluralRules(resolved.locale);
  }

  #parts(value, unit) {
    const number = Number(value);
    const name = String(unit).replace(/s$/, "");
    if (!UNITS.includes(name)) throw new RangeError(`Invalid unit argument for format() '${unit}'`);
    if (!Number.isFinite(number)) throw new RangeError(`Invalid time value`);
    const { style, numeric } = this.#settings;
    if (numeric === "auto" && (number === 0 || Math.abs(number) === 1)) {
      const text = word(name, number, style);
      if (text !== undefined) return [{ type: "literal", value: text }];
    }
    const isPast = number < 0 || Object.is(number, -0);
    const size = Math.abs(number);
    const isOne = this.#plural.select(size) === "one";
    const digits = this.#number.formatToParts(size).map((part) => ({ ...part, unit: name }));
    const noun = style === "narrow" ? NARROW[name] : ` ${style === "long" ? (isOne ? name : `${name}s`) : SHORT[name][isOne ? 0 : 1]}`;
    return isPast ? [...digits, { type: "literal", value: `${noun} ago` }] : [{ type: "literal", value: "in " }, ...digits, { type: "literal", value: noun }];
  }

  format(value, unit) {
    return this.#parts(value, unit)
      .map((part) => part.value)
      .join("");
  }

  formatToParts(value, unit) {
    return this.#parts(value, unit);
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

Object.defineProperty(RelativeTimeFormat, "length", { value: 0, configurable: true });
defineService(RelativeTimeFormat, "Intl.RelativeTimeFormat");
