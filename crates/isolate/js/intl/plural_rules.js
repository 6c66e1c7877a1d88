/** Intl.PluralRules: which form of an English word goes with a number. */

import { toDecimal, toNumber } from "./decimal.js";
import { digitOptions, shownDigitOptions, shownDigits } from "./digits.js";
import { canonicalizeLocaleList, coerceOptions, defineService, resolveLocale, stringOption } from "./locale.js";

/** The cardinal form for shown digits. */
export function cardinal(integer, fraction) {
  return integer.replace(/^0+(?=\d)/, "") === "1" && fraction === "" ? "one" : "other";
}

/** The ordinal form: 1st, 2nd, 3rd, 4th. */
function ordinal(integer, fraction) {
  if (fraction !== "") return "other";
  const tens = integer.slice(-2).padStart(2, "0");
  if (tens[0] === "1") return "other";
  return { 1: "one", 2: "two", 3: "few" }[tens[1]] ?? "other";
}

export class PluralRules {
  #settings;

  constructor(locales = undefined, options = undefined) {
    const requested = canonicalizeLocaleList(locales);
    const given = coerceOptions(options);
    stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "PluralRules");
    const type = stringOption(given, "type", ["cardinal", "ordinal"], "cardinal", "PluralRules");
    const notation = stringOption(given, "notation", ["standard", "scientific", "engineering", "compact"], "standard", "PluralRules");
    this.#settings = { locale: resolveLocale(requested).locale, type, notation, ...digitOptions(given, 0, 3, notation) };
  }

  #select(value) {
    const decimal = toDecimal(value);
    if (decimal.special !== undefined) return "other";
    const { integer, fraction } = shownDigits(decimal, this.#settings);
    return this.#settings.type === "ordinal" ? ordinal(integer, fraction) : cardinal(integer, fraction);
  }

  select(value) {
    return this.#select(value);
  }

  selectRange(start, end) {
    if (start === undefined || end === undefined) throw new TypeError("Invalid argument");
    if (Number.isNaN(toNumber(toDecimal(start))) || Number.isNaN(toNumber(toDecimal(end)))) throw new RangeError("Invalid argument");
    return this.#settings.type === "ordinal" ? this.#select(end) : "other";
  }

  resolvedOptions() {
    const { locale, type, notation, roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay } = this.#settings;
    const categories = type === "ordinal" ? ["few", "one", "two", "other"] : ["one", "other"];
    const resolved = { locale, type, ...(notation === "standard" ? {} : { notation }), ...shownDigitOptions(this.#settings), pluralCategories: categories };
    return { ...resolved, roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay };
  }
}

Object.defineProperty(PluralRules, "length", { value: 0, configurable: true });
Object.defineProperty(PluralRules.prototype.select, "length", { value: 1, configurable: true });
defineService(PluralRules, "Intl.PluralRules");
