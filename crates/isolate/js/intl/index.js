/**
 * The `Intl` object, and the methods of other objects that stand on it.
 *
 * See https://tc39.es/ecma402/.
 */

import { keys, timeZoneNames } from "atoll:native/intl";
import { Collator, localeCompare } from "./collator.js";
import { DateTimeFormat, dateToLocaleString } from "./date_time_format.js";
import { DisplayNames } from "./display_names.js";
import { DurationFormat } from "./duration_format.js";
import { ListFormat } from "./list_format.js";
import { canonicalizeLocaleList, parseTag } from "./locale.js";
import { Locale } from "./locale_class.js";
import { NumberFormat, NUMBERING_SYSTEMS, numberToLocaleString, units } from "./number_format.js";
import { PluralRules } from "./plural_rules.js";
import { RelativeTimeFormat } from "./relative_time_format.js";
import { Segmenter } from "./segmenter.js";

const hidden = (object, values) => {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
  }
  return object;
};

const functions = {
  getCanonicalLocales(locales) {
    return canonicalizeLocaleList(locales);
  },
  supportedValuesOf(key) {
    switch (String(key)) {
      case "calendar":
        return ["gregory"];
      case "collation":
        return ["default"];
      case "currency":
        return keys("currencies").sort();
      case "numberingSystem":
        return Object.keys(NUMBERING_SYSTEMS).sort();
      case "timeZone":
        return timeZoneNames()
          .filter((name) => name === "UTC" || /^(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)\//.test(name))
          .sort();
      case "unit":
        return [...units()].sort();
      default:
        throw new RangeError(`Invalid key : ${String(key)}`);
    }
  },
};

export const Intl = hidden({}, {
  ...functions,
  DateTimeFormat,
  NumberFormat,
  Collator,
  PluralRules,
  RelativeTimeFormat,
  ListFormat,
  Locale,
  DisplayNames,
  Segmenter,
  DurationFormat,
});
Object.defineProperty(Intl, Symbol.toStringTag, { value: "Intl", configurable: true });

const numberValue = Number.prototype.valueOf;
const bigIntValue = BigInt.prototype.valueOf;
const dateTime = Date.prototype.getTime;

/** Methods that take optional locales and options have no required parameter. */
const optional = (methods, length = 0) => {
  for (const name of Object.keys(methods)) Object.defineProperty(methods[name], "length", { value: length, configurable: true });
  return methods;
};

hidden(
  Number.prototype,
  optional({
    toLocaleString(locales, options) {
      return numberToLocaleString(numberValue.call(this), locales, options);
    },
  }),
);
hidden(
  BigInt.prototype,
  optional({
    toLocaleString(locales, options) {
      return numberToLocaleString(bigIntValue.call(this), locales, options);
    },
  }),
);
hidden(
  Date.prototype,
  optional({
    toLocaleString(locales, options) {
      return dateToLocaleString(dateTime.call(this), locales, options, "any", "all");
    },
    toLocaleDateString(locales, options) {
      return dateToLocaleString(dateTime.call(this), locales, options, "date", "date");
    },
    toLocaleTimeString(locales, options) {
      return dateToLocaleString(dateTime.call(this), locales, options, "time", "time");
    },
  }),
);

function thisText(value, method) {
  if (value === undefined || value === null) throw new TypeError(`String.prototype.${method} called on null or undefined`);
  return String(value);
}

/** Letters whose case differs in Turkish, Azeri and Lithuanian. */
function localeCase(value, locales, method) {
  const text = thisText(value, method);
  const [first] = canonicalizeLocaleList(locales);
  const language = first === undefined ? "en" : parseTag(first).language;
  const isUpper = method === "toLocaleUpperCase";
  if (language === "tr" || language === "az") {
    return isUpper ? text.replaceAll("i", "İ").toUpperCase() : text.replaceAll("İ", "i").replaceAll("I\u0307", "i").replaceAll("I", "ı").toLowerCase();
  }
  return isUpper ? text.toUpperCase() : text.toLowerCase();
}

hidden(
  String.prototype,
  optional({
    toLocaleUpperCase(locales) {
      return localeCase(this, locales, "toLocaleUpperCase");
    },
    toLocaleLowerCase(locales) {
      return localeCase(this, locales, "toLocaleLowerCase");
    },
  }),
);
hidden(
  String.prototype,
  optional(
    {
      localeCompare(that, locales, options) {
        return localeCompare(thisText(this, "localeCompare"), String(that), locales, options);
      },
    },
    1,
  ),
);

function listToLocaleString(list, locales, options) {
  const texts = [];
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    texts.push(item === undefined || item === null ? "" : String(item.toLocaleString(locales, options)));
  }
  return texts.join(",");
}

for (const prototype of [Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)]) {
  hidden(
    prototype,
    optional({
      toLocaleString(locales, options) {
        return listToLocaleString(Object(this), locales, options);
      },
    }),
  );
}
