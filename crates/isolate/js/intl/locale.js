/**
 * Language tags, and which locales there are: English of the United States, and of Great Britain for dates.
 *
 * See https://tc39.es/ecma402/#sec-language-sensitive. Asking for any other language gives English, as the standard's lookup
 * does; `supportedLocalesOf` says which were found.
 */

export const DEFAULT_LOCALE = "en-US";

/** Locales that there is data for. */
export const LOCALES = ["en", "en-GB", "en-US"];

const LANGUAGE = /^(?:[a-z]{2,3}|[a-z]{5,8})$/;
const SCRIPT = /^[a-z]{4}$/;
const REGION = /^(?:[a-z]{2}|\d{3})$/;
const VARIANT = /^(?:[a-z\d]{5,8}|\d[a-z\d]{3})$/;
const EXTENSION_PART = /^[a-z\d]{2,8}$/;
const KEY = /^[a-z\d][a-z]$/;
const TYPE_PART = /^[a-z\d]{3,8}$/;

/** Codes that have newer ones. */
const LANGUAGE_ALIASES = { iw: "he", in: "id", ji: "yi", mo: "ro", sh: "sr-Latn", tl: "fil", no: "no", cmn: "zh", jw: "jv", aam: "aas", bh: "bho" };
const REGION_ALIASES = { BU: "MM", DD: "DE", FX: "FR", TP: "TL", YD: "YE", ZR: "CD", UK: "GB", 840: "US", 826: "GB", 276: "DE", 250: "FR" };
const TAG_ALIASES = { "art-lojban": "jbo", "cel-gaulish": "xtg", "zh-guoyu": "zh", "zh-hakka": "hak", "zh-xiang": "hsn", "sgn-gr": "gss", "zh-min-nan": "nan" };

/**
 * @typedef {{ language: string, script?: string, region?: string, variants: string[], extensions: [string, string[]][],
 *   keywords: Map<string, string>, attributes: string[], privateUse?: string }} Tag
 */

export function invalidTag(tag) {
  return new RangeError(`Incorrect locale information provided`);
}

/**
 * @param {string} text
 * @returns {Tag}
 */
export function parseTag(text) {
  let lower = text.toLowerCase();
  if (Object.hasOwn(TAG_ALIASES, lower)) lower = TAG_ALIASES[lower];
  const parts = lower.split("-");
  const fail = () => {
    throw invalidTag(text);
  };
  let at = 0;
  const tag = { language: "und", script: undefined, region: undefined, variants: [], extensions: [], keywords: new Map(), attributes: [], privateUse: undefined };
  if (!LANGUAGE.test(parts[at])) fail();
  tag.language = parts[at++];
  if (SCRIPT.test(parts[at] ?? "")) tag.script = titleCase(parts[at++]);
  if (REGION.test(parts[at] ?? "")) tag.region = parts[at++].toUpperCase();
  while (VARIANT.test(parts[at] ?? "")) {
    if (tag.variants.includes(parts[at])) fail();
    tag.variants.push(parts[at++]);
  }
  const singletons = new Set();
  while (at < parts.length) {
    const singleton = parts[at++];
    if (singleton === "x") {
      const rest = parts.slice(at);
      if (rest.length === 0 || !rest.every((part) => /^[a-z\d]{1,8}$/.test(part))) fail();
      tag.privateUse = rest.join("-");
      break;
    }
    if (!/^[a-z\d]$/.test(singleton) || singletons.has(singleton)) fail();
    singletons.add(singleton);
    const from = at;
    while (at < parts.length && EXTENSION_PART.test(parts[at])) at++;
    const body = parts.slice(from, at);
    if (body.length === 0) fail();
    if (singleton === "u") readKeywords(body, tag, fail);
    else tag.extensions.push([singleton, body]);
  }
  canonicalize(tag);
  return tag;
}

function readKeywords(body, tag, fail) {
  let at = 0;
  while (at < body.length && TYPE_PART.test(body[at])) tag.attributes.push(body[at++]);
  while (at < body.length) {
    const key = body[at++];
    if (!KEY.test(key)) fail();
    const value = [];
    while (at < body.length && TYPE_PART.test(body[at])) value.push(body[at++]);
    if (!tag.keywords.has(key)) tag.keywords.set(key, value[0] === "true" && value.length === 1 ? "" : value.join("-"));
  }
}

const titleCase = (text) => text[0].toUpperCase() + text.slice(1);

function canonicalize(tag) {
  const alias = LANGUAGE_ALIASES[tag.language];
  if (alias !== undefined && Object.hasOwn(LANGUAGE_ALIASES, tag.language)) {
    const [language, script] = alias.split("-");
    tag.language = language;
    tag.script ??= script;
  }
  if (tag.region !== undefined && Object.hasOwn(REGION_ALIASES, tag.region)) tag.region = REGION_ALIASES[tag.region];
  tag.variants.sort();
  tag.extensions.sort(([one], [two]) => (one < two ? -1 : 1));
}

/** @param {Tag} tag */
export function formatTag(tag) {
  let text = baseName(tag);
  const extensions = [...tag.extensions.map(([singleton, body]) => [singleton, body.join("-")])];
  if (tag.keywords.size > 0 || tag.attributes.length > 0) {
    const keywords = [...tag.keywords].sort(([one], [two]) => (one < two ? -1 : 1)).map(([key, value]) => (value === "" ? key : `${key}-${value}`));
    extensions.push(["u", [...tag.attributes.sort(), ...keywords].join("-")]);
  }
  extensions.sort(([one], [two]) => (one < two ? -1 : 1));
  for (const [singleton, body] of extensions) text += `-${singleton}-${body}`;
  if (tag.privateUse !== undefined) text += `-x-${tag.privateUse}`;
  return text;
}

/** @param {Tag} tag */
export function baseName(tag) {
  return [tag.language, tag.script, tag.region, ...tag.variants].filter((part) => part !== undefined).join("-");
}

/** Gives `Intl.Locale`'s tag without a cycle between the two modules. @type {(value: object) => string | undefined} */
let tagOfLocale = () => undefined;
export function setLocaleReader(reader) {
  tagOfLocale = reader;
}

/** CanonicalizeLocaleList. @returns {string[]} */
export function canonicalizeLocaleList(locales) {
  if (locales === undefined) return [];
  if (locales === null) throw new TypeError("Cannot convert undefined or null to object");
  const isOne = typeof locales === "string" || (typeof locales === "object" && tagOfLocale(locales) !== undefined);
  const list = isOne ? [locales] : Object(locales);
  const seen = [];
  const length = Math.min(Math.max(Math.trunc(Number(list.length)) || 0, 0), Number.MAX_SAFE_INTEGER);
  for (let i = 0; i < length; i++) {
    if (!(i in list)) continue;
    const item = list[i];
    if (typeof item !== "string" && (typeof item !== "object" || item === null)) {
      throw new TypeError("Language ID should be string or object.");
    }
    const tag = (typeof item === "object" ? tagOfLocale(item) : undefined) ?? checkedTag(String(item));
    if (!seen.includes(tag)) seen.push(tag);
  }
  return seen;
}

function checkedTag(text) {
  try {
    return formatTag(parseTag(text));
  } catch {
    throw new RangeError(`Incorrect locale information provided`);
  }
}

/** The nearest locale that there is, by cutting subtags off the end; undefined when not even the language is known. */
function bestAvailable(tag) {
  for (let base = baseName(parseTag(tag)); ; ) {
    if (LOCALES.includes(base)) return base;
    const cut = base.lastIndexOf("-");
    if (cut === -1) return undefined;
    base = base.slice(0, cut);
  }
}

/** @returns {string[]} those of `locales` that there is data for */
export function supportedLocalesOf(locales, options) {
  const requested = canonicalizeLocaleList(locales);
  if (options !== undefined) {
    const matcher = Object(options).localeMatcher;
    if (options === null) throw new TypeError("Cannot convert undefined or null to object");
    if (matcher !== undefined) oneOf("localeMatcher", String(matcher), ["lookup", "best fit"]);
  }
  return requested.filter((tag) => bestAvailable(tag) !== undefined);
}

/**
 * ResolveLocale.
 * @param {string[]} requested
 * @param {Record<string, string | undefined>} options values of `-u-` keys that the caller's options set
 * @param {Record<string, readonly string[]>} relevant known values of each relevant key; the first is the default
 */
export function resolveLocale(requested, options = {}, relevant = {}) {
  let found;
  let tag;
  for (const candidate of requested) {
    found = bestAvailable(candidate);
    if (found !== undefined) {
      tag = parseTag(candidate);
      break;
    }
  }
  const result = { locale: found ?? DEFAULT_LOCALE };
  const kept = [];
  for (const [key, values] of Object.entries(relevant)) {
    let value = values[0];
    const asked = tag?.keywords.get(key);
    let isFromTag = false;
    if (asked !== undefined) {
      const normalized = asked === "" ? "true" : asked;
      if (values.includes(normalized)) {
        value = normalized;
        isFromTag = true;
      }
    }
    const option = options[key];
    if (option !== undefined && values.includes(option) && option !== value) {
      value = option;
      isFromTag = false;
    }
    if (isFromTag) kept.push(value === "true" ? key : `${key}-${value}`);
    result[key] = value;
  }
  result.dataLocale = result.locale;
  if (kept.length > 0) result.locale += `-u-${kept.sort().join("-")}`;
  return result;
}

// ------------------------------------------------------------------------------------------------ options

export function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) throw new RangeError(`Value ${value} out of range for Intl options property ${name}`);
  return value;
}

/** GetOption for strings. */
export function stringOption(options, name, allowed, fallback, what = "Intl") {
  const value = options[name];
  if (value === undefined) return fallback;
  const text = String(value);
  if (allowed !== undefined && !allowed.includes(text)) {
    throw new RangeError(`Value ${text} out of range for ${what} options property ${name}`);
  }
  return text;
}

/** GetOption for booleans. */
export function booleanOption(options, name, fallback) {
  const value = options[name];
  return value === undefined ? fallback : Boolean(value);
}

/** GetNumberOption. */
export function numberOption(options, name, least, most, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!(number >= least && number <= most)) throw new RangeError(`${name} value is out of range.`);
  return Math.floor(number);
}

/** GetOptionsObject: undefined is empty, primitives are refused. */
export function optionsObject(options) {
  if (options === undefined) return Object.create(null);
  if (options === null || (typeof options !== "object" && typeof options !== "function")) {
    throw new TypeError("Incorrect options argument: it has to be an object");
  }
  return options;
}

/** CoerceOptionsToObject: what the older constructors do. */
export function coerceOptions(options) {
  if (options === undefined) return Object.create(null);
  if (options === null) throw new TypeError("Cannot convert undefined or null to object");
  return Object(options);
}

export const TYPE = /^[a-z\d]{3,8}(?:-[a-z\d]{3,8})*$/i;

/** Gives a constructor of `Intl` its tag, its static method and hidden members. */
export function defineService(Class, tag) {
  const { prototype } = Class;
  Object.defineProperty(prototype, Symbol.toStringTag, { value: tag, configurable: true });
  if (!Object.hasOwn(Class, "supportedLocalesOf") && tag !== "Intl.Locale") {
    Object.defineProperty(Class, "supportedLocalesOf", {
      value: {
        supportedLocalesOf(locales) {
          return supportedLocalesOf(locales, arguments[1]);
        },
      }.supportedLocalesOf,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return Class;
}

/** A class that may be called without `new`, as the oldest of `Intl` may. */
export function callable(Class) {
  const Callable = {
    [Class.name]: function (...args) {
      return Reflect.construct(Class, args, new.target ?? Callable);
    },
  }[Class.name];
  Object.defineProperty(Callable, "length", { value: 0, configurable: true });
  Object.defineProperty(Callable, "prototype", { value: Class.prototype, writable: false, enumerable: false, configurable: false });
  Object.defineProperty(Class.prototype, "constructor", { value: Callable, writable: true, enumerable: false, configurable: true });
  return Callable;
}
