/** Intl.ListFormat: "a, b, and c". */

import { canonicalizeLocaleList, defineService, optionsObject, resolveLocale, stringOption } from "./locale.js";

/** What stands between two items, between items of a longer list, and before its last. */
const SEPARATORS = {
  conjunction: { long: [" and ", ", ", ", and "], short: [" & ", ", ", ", & "], narrow: [", ", ", ", ", "] },
  disjunction: { long: [" or ", ", ", ", or "], short: [" or ", ", ", ", or "], narrow: [" or ", ", ", ", or "] },
  unit: { long: [", ", ", ", ", "], short: [", ", ", ", ", "], narrow: [" ", " ", " "] },
};

export class ListFormat {
  #settings;

  constructor(locales = undefined, options = undefined) {
    const requested = canonicalizeLocaleList(locales);
    const given = optionsObject(options);
    stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "ListFormat");
    const { locale } = resolveLocale(requested);
    const type = stringOption(given, "type", ["conjunction", "disjunction", "unit"], "conjunction", "ListFormat");
    const style = stringOption(given, "style", ["long", "short", "narrow"], "long", "ListFormat");
    this.#settings = { locale, type, style };
  }

  #parts(list) {
    const items = [];
    if (list !== undefined) {
      for (const item of list) {
        if (typeof item !== "string") throw new TypeError("Iterable yielded a non-String value");
        items.push(item);
      }
    }
    let [pair, middle, last] = SEPARATORS[this.#settings.type][this.#settings.style];
    // British lists have no comma before the last item, and no ampersand.
    if (this.#settings.locale === "en-GB") {
      last = last.replace(/^, (?=\S+ )/, " ").replace("&", "and");
      pair = pair.replace("&", "and");
    }
    const parts = [];
    items.forEach((value, index) => {
      if (index > 0) parts.push({ type: "literal", value: items.length === 2 ? pair : index === items.length - 1 ? last : middle });
      parts.push({ type: "element", value });
    });
    return parts;
  }

  format(list) {
    return this.#parts(list)
      .map(({ value }) => value)
      .join("");
  }

  formatToParts(list) {
    return this.#parts(list);
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

Object.defineProperty(ListFormat, "length", { value: 0, configurable: true });
defineService(ListFormat, "Intl.ListFormat");
