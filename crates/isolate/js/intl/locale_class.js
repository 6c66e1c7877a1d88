/** Intl.Locale. See https://tc39.es/ecma402/#locale-objects. */

import { baseName, defineService, formatTag, invalidTag, parseTag, setLocaleReader, stringOption, TYPE } from "./locale.js";

/** The likely script and region of common languages. */
const LIKELY = {
  ar: "Arab-EG", bg: "Cyrl-BG", bn: "Beng-BD", ca: "Latn-ES", cs: "Latn-CZ", da: "Latn-DK", de: "Latn-DE", el: "Grek-GR", en: "Latn-US", es: "Latn-ES",
  et: "Latn-EE", fa: "Arab-IR", fi: "Latn-FI", fil: "Latn-PH", fr: "Latn-FR", gu: "Gujr-IN", he: "Hebr-IL", hi: "Deva-IN", hr: "Latn-HR", hu: "Latn-HU",
  id: "Latn-ID", it: "Latn-IT", ja: "Jpan-JP", kn: "Knda-IN", ko: "Kore-KR", lt: "Latn-LT", lv: "Latn-LV", ml: "Mlym-IN", mr: "Deva-IN", ms: "Latn-MY",
  nb: "Latn-NO", nl: "Latn-NL", no: "Latn-NO", pl: "Latn-PL", pt: "Latn-BR", ro: "Latn-RO", ru: "Cyrl-RU", sk: "Latn-SK", sl: "Latn-SI", sr: "Cyrl-RS",
  sv: "Latn-SE", sw: "Latn-TZ", ta: "Taml-IN", te: "Telu-IN", th: "Thai-TH", tr: "Latn-TR", uk: "Cyrl-UA", ur: "Arab-PK", vi: "Latn-VN", zh: "Hans-CN",
  und: "Latn-US",
};
const RIGHT_TO_LEFT = new Set(["Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Mand"]);
const KEYWORDS = { calendar: "ca", collation: "co", firstDayOfWeek: "fw", hourCycle: "hc", caseFirst: "kf", numeric: "kn", numberingSystem: "nu" };


export class Locale {
  #tag;

  constructor(tag, options = undefined) {
    if (typeof tag !== "string" && (typeof tag !== "object" || tag === null)) {
      throw new TypeError("First argument to Intl.Locale constructor can't be empty or missing");
    }
    const text = typeof tag === "object" && #tag in tag ? formatTag(tag.#tag) : String(tag);
    let parsed;
    try {
      parsed = parseTag(text);
    } catch {
      throw invalidTag(text);
    }
    if (options !== undefined) applyOptions(parsed, Object(options), options);
    this.#tag = parsed;
  }

  static {

    setLocaleReader((value) => (#tag in value ? formatTag(value.#tag) : undefined));
  }

  get baseName() {
    return baseName(this.#tag);
  }
  get language() {
    return this.#tag.language;
  }
  get script() {
    return this.#tag.script;
  }
  get region() {
    return this.#tag.region;
  }
  get calendar() {
    return this.#tag.keywords.get("ca");
  }
  get collation() {
    return this.#tag.keywords.get("co");
  }
  get hourCycle() {
    return this.#tag.keywords.get("hc");
  }
  get caseFirst() {
    return this.#tag.keywords.get("kf");
  }
  get numeric() {
    const value = this.#tag.keywords.get("kn");
    return value === "" || value === "true";
  }
  get numberingSystem() {
    return this.#tag.keywords.get("nu");
  }

  #withLikely() {
    const tag = parseTag(formatTag(this.#tag));
    let likely = LIKELY[tag.language];
    if (tag.language === "zh" && (tag.script === "Hant" || ["TW", "HK", "MO"].includes(tag.region))) likely = "Hant-TW";
    if (likely === undefined) return tag;
    const [script, region] = likely.split("-");
    if (tag.language === "und") tag.language = "en";
    tag.script ??= script;
    tag.region ??= region;
    return tag;
  }

  maximize() {
    return new Locale(formatTag(this.#withLikely()));
  }

  minimize() {
    const full = this.#withLikely();
    for (const [script, region] of [
      [undefined, undefined],
      [undefined, full.region],
      [full.script, undefined],
    ]) {
      const trial = { ...full, script, region };
      const grown = new Locale(formatTag(trial)).#withLikely();
      if (grown.script === full.script && grown.region === full.region) return new Locale(formatTag(trial));
    }
    return new Locale(formatTag(full));
  }

  getCalendars() {
    return [this.calendar ?? "gregory"];
  }
  getCollations() {
    return [this.collation ?? "emoji", "eor"].slice(0, this.collation === undefined ? 2 : 1);
  }
  getHourCycles() {
    return [this.hourCycle ?? (["US", "AU", "NZ", "CA", "IN"].includes(this.#withLikely().region) ? "h12" : "h23")];
  }
  getNumberingSystems() {
    return [this.numberingSystem ?? "latn"];
  }
  getTextInfo() {
    return { direction: RIGHT_TO_LEFT.has(this.#withLikely().script) ? "rtl" : "ltr" };
  }

  toString() {
    return formatTag(this.#tag);
  }
}

function applyOptions(tag, options, given) {
  if (given === null) throw new TypeError("Cannot convert undefined or null to object");
  const part = (name, pattern) => {
    const value = stringOption(options, name, undefined, undefined, "Locale");
    if (value !== undefined && !pattern.test(value)) throw new RangeError("Incorrect locale information provided");
    return value;
  };
  const language = part("language", /^(?:[a-z]{2,3}|[a-z]{5,8})$/i);
  const script = part("script", /^[a-z]{4}$/i);
  const region = part("region", /^(?:[a-z]{2}|\d{3})$/i);
  const changed = parseTag([language ?? tag.language, script ?? tag.script, region ?? tag.region].filter(Boolean).join("-"));
  Object.assign(tag, { language: changed.language, script: changed.script, region: changed.region });
  for (const [name, key] of Object.entries(KEYWORDS)) {
    if (options[name] === undefined) continue;
    const value = name === "numeric" ? String(Boolean(options[name])) : String(options[name]);
    const allowed = { hourCycle: ["h11", "h12", "h23", "h24"], caseFirst: ["upper", "lower", "false"] }[name];
    if ((allowed !== undefined && !allowed.includes(value)) || !(TYPE.test(value) || allowed !== undefined)) {
      throw new RangeError(allowed === undefined ? "Incorrect locale information provided" : `Value ${value} out of range for Intl.Locale options property ${name}`);
    }
    tag.keywords.set(key, value === "true" ? "" : value.toLowerCase());
  }
}

defineService(Locale, "Intl.Locale");
