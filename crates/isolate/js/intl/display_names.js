/** Intl.DisplayNames: English names of languages, regions, scripts, currencies, calendars and date fields. */

import { lookUp } from "atoll:native/intl";
import { baseName, canonicalizeLocaleList, defineService, parseTag, resolveLocale, stringOption } from "./locale.js";
import { currencyFacts } from "./number_format.js";

const TYPES = ["language", "region", "script", "currency", "calendar", "dateTimeField"];
const CALENDARS = { gregory: "Gregorian Calendar", iso8601: "Gregorian Calendar (Year First)", buddhist: "Buddhist Calendar", chinese: "Chinese Calendar", coptic: "Coptic Calendar", dangi: "Dangi Calendar", ethiopic: "Ethiopic Calendar", hebrew: "Hebrew Calendar", indian: "Indian National Calendar", islamic: "Hijri Calendar", japanese: "Japanese Calendar", persian: "Persian Calendar", roc: "Minguo Calendar" };
const DATE_FIELDS = { era: "era", year: "year", quarter: "quarter", month: "month", weekOfYear: "week", weekday: "day of the week", day: "day", dayPeriod: "AM/PM", hour: "hour", minute: "minute", second: "second", timeZoneName: "time zone" };

const nameIn = (table, key) => lookUp(table, key)?.split("|")[1];

function languageName(code, display) {
  const tag = parseTag(code);
  const key = baseName({ ...tag, variants: [] });
  const whole = display === "dialect" && key !== tag.language ? nameIn("languages", key) : undefined;
  if (whole !== undefined) return whole;
  const name = nameIn("languages", tag.language);
  return name === undefined ? undefined : withDetails(name, [tag.script, tag.region].filter((part) => part !== undefined));
}

function withDetails(name, details) {
  if (details.length === 0) return name;
  const names = details.map((part) => (part.length === 4 ? nameIn("scripts", part) : nameIn("regions", part)) ?? part);
  return `${name} (${names.join(", ")})`;
}

export class DisplayNames {
  #settings;

  constructor(locales, options) {
    const requested = canonicalizeLocaleList(locales);
    if (options === undefined) throw new TypeError("Cannot convert undefined or null to object");
    if (options === null || typeof options !== "object") throw new TypeError("Incorrect options argument: it has to be an object");
    stringOption(options, "localeMatcher", ["lookup", "best fit"], "best fit", "DisplayNames");
    const style = stringOption(options, "style", ["narrow", "short", "long"], "long", "DisplayNames");
    const type = stringOption(options, "type", TYPES, undefined, "DisplayNames");
    if (type === undefined) throw new TypeError("Required option \"type\" must not be undefined");
    const fallback = stringOption(options, "fallback", ["code", "none"], "code", "DisplayNames");
    const languageDisplay = stringOption(options, "languageDisplay", ["dialect", "standard"], "dialect", "DisplayNames");
    this.#settings = { locale: resolveLocale(requested).locale, style, type, fallback };
    if (type === "language") this.#settings.languageDisplay = languageDisplay;
  }

  of(code) {
    const { type, fallback, languageDisplay } = this.#settings;
    const [key, name] = this.#find(type, String(code), languageDisplay);
    return name ?? (fallback === "code" ? key : undefined);
  }

  #find(type, code, languageDisplay) {
    const invalid = () => new RangeError(`Invalid argument to Intl.DisplayNames.prototype.of`);
    switch (type) {
      case "language": {
        let tag;
        try {
          tag = parseTag(code);
        } catch {
          throw invalid();
        }
        if (tag.extensions.length > 0 || tag.keywords.size > 0) throw invalid();
        return [baseName(tag), languageName(code, languageDisplay)];
      }
      case "region":
        if (!/^(?:[a-z]{2}|\d{3})$/i.test(code)) throw invalid();
        return [code.toUpperCase(), nameIn("regions", code.toUpperCase())];
      case "script": {
        if (!/^[a-z]{4}$/i.test(code)) throw invalid();
        const key = code[0].toUpperCase() + code.slice(1).toLowerCase();
        return [key, nameIn("scripts", key)];
      }
      case "currency": {
        if (!/^[a-z]{3}$/i.test(code)) throw invalid();
        const key = code.toUpperCase();
        return [key, lookUp("currencies", key) === undefined ? undefined : currencyFacts(key).title];
      }
      case "calendar":
        if (!/^[a-z\d]{3,8}(?:-[a-z\d]{3,8})*$/i.test(code)) throw invalid();
        return [code.toLowerCase(), CALENDARS[code.toLowerCase()]];
      default:
        if (!Object.hasOwn(DATE_FIELDS, code)) throw invalid();
        return [code, DATE_FIELDS[code]];
    }
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

defineService(DisplayNames, "Intl.DisplayNames");
