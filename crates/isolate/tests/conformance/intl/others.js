import { test, assert, equal, deepEqual, throws } from "atoll:test";

/** Options and the order they give. */
const orders = [
  [{}, [" x", "_", "-", "10", "2", "a", "á", "Á", "æ", "b", "B", "n", "ñ", "o", "ø", "resume", "Resume", "résumé", "Résumé", "ss", "ß", "z", "Z"]],
  [{numeric: true}, ["9", "10", "a1", "a2", "a10"]],
  [{caseFirst: "upper"}, ["A", "a", "B", "b"]],
];
for (const [options, order] of orders) {
  test(`Collator ${JSON.stringify(options)} sorts as the root collation does`, () => {
    deepEqual([...order].reverse().sort(new Intl.Collator("en", options).compare), order);
  });
}

test("sensitivity decides what differs", () => {
  const compare = (sensitivity, one, two) => new Intl.Collator("en", { sensitivity }).compare(one, two);
  deepEqual([compare("base", "a", "Á"), compare("accent", "a", "A"), compare("case", "a", "á")], [0, 0, 0]);
  assert(compare("accent", "a", "á") < 0 && compare("case", "a", "A") < 0 && compare("base", "a", "b") < 0);
  equal("a".localeCompare("b"), -1);
  equal("a".localeCompare("B"), -1);
  equal("ä".localeCompare("a", "en", { sensitivity: "base" }), 0);
});

test("plural rules", () => {
  const cardinal = new Intl.PluralRules("en");
  deepEqual([0, 1, 2, 1.5].map((value) => cardinal.select(value)), ["other", "one", "other", "other"]);
  const ordinal = new Intl.PluralRules("en", { type: "ordinal" });
  deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111].map((value) => ordinal.select(value)), ["one", "two", "few", "other", "other", "other", "other", "one", "two", "one", "other"]);
});

test("relative times", () => {
  const always = new Intl.RelativeTimeFormat("en");
  deepEqual([always.format(3, "day"), always.format(-1, "hours"), always.format(1, "month")], ["in 3 days", "1 hour ago", "in 1 month"]);
  const auto = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  deepEqual([auto.format(-1, "day"), auto.format(0, "year"), auto.format(1, "week"), auto.format(0, "second")], ["yesterday", "this year", "next week", "now"]);
  equal(new Intl.RelativeTimeFormat("en", { style: "short" }).format(-2, "minute"), "2 min. ago");
  throws(() => always.format(1, "fortnight"), RangeError);
});

test("lists", () => {
  const list = ["a", "b", "c"];
  equal(new Intl.ListFormat("en").format(list), "a, b, and c");
  equal(new Intl.ListFormat("en", { type: "disjunction" }).format(list), "a, b, or c");
  equal(new Intl.ListFormat("en-GB").format(list), "a, b and c");
  equal(new Intl.ListFormat("en", { type: "unit", style: "narrow" }).format(list), "a b c");
  equal(new Intl.ListFormat("en").format(["a", "b"]), "a and b");
  throws(() => new Intl.ListFormat("en").format([1]), TypeError);
});

test("segments", () => {
  const graphemes = [...new Intl.Segmenter("en").segment("a👨‍👩‍👧é🇫🇷")].map(({ segment }) => segment);
  deepEqual(graphemes, ["a", "👨‍👩‍👧", "é", "🇫🇷"]);
  const words = [...new Intl.Segmenter("en", { granularity: "word" }).segment("Don't stop, now!")];
  deepEqual(words.filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment), ["Don't", "stop", "now"]);
  deepEqual([...new Intl.Segmenter("en", { granularity: "sentence" }).segment("One. Two? Three!")].map(({ index }) => index), [0, 5, 10]);
  deepEqual(new Intl.Segmenter("en", { granularity: "word" }).segment("hello world").containing(8), { segment: "world", index: 6, input: "hello world", isWordLike: true });
});

test("locales", () => {
  deepEqual(Intl.getCanonicalLocales(["EN-latn-us", "iw", "zh-hant-tw"]), ["en-Latn-US", "he", "zh-Hant-TW"]);
  throws(() => Intl.getCanonicalLocales("en_US"), RangeError);
  const locale = new Intl.Locale("en-US", { hourCycle: "h23", numeric: true });
  deepEqual([String(locale), locale.language, locale.region, locale.hourCycle, locale.numeric], ["en-US-u-hc-h23-kn", "en", "US", "h23", true]);
  equal(String(new Intl.Locale("en").maximize()), "en-Latn-US");
  equal(String(new Intl.Locale("en-Latn-US").minimize()), "en");
});

test("other languages resolve to English, and supportedLocalesOf says so", () => {
  equal(new Intl.NumberFormat("de").resolvedOptions().locale, "en-US");
  equal(new Intl.NumberFormat("en-ZA").resolvedOptions().locale, "en");
  deepEqual(Intl.DateTimeFormat.supportedLocalesOf(["de", "en-GB", "en"]), ["en-GB", "en"]);
});

test("display names", () => {
  const of = (type, code) => new Intl.DisplayNames("en", { type }).of(code);
  deepEqual([of("region", "US"), of("language", "pt-BR"), of("language", "de"), of("script", "Latn"), of("currency", "USD")], ["United States", "Brazilian Portuguese", "German", "Latin", "US Dollar"]);
  equal(of("region", "ZX"), "ZX");
});

test("durations", () => {
  equal(new Intl.DurationFormat("en").format({ hours: 1, minutes: 2, seconds: 3 }), "1 hr, 2 min, 3 sec");
  equal(new Intl.DurationFormat("en", { style: "digital" }).format({ hours: 1, minutes: 2, seconds: 3 }), "1:02:03");
  equal(new Intl.DurationFormat("en", { style: "long" }).format({ days: 1, hours: 2 }), "1 day, 2 hours");
});

test("supported values are listed", () => {
  assert(Intl.supportedValuesOf("timeZone").includes("Europe/Paris"));
  assert(Intl.supportedValuesOf("currency").includes("EUR"));
  assert(Intl.supportedValuesOf("unit").includes("liter"));
  throws(() => Intl.supportedValuesOf("nonsense"), RangeError);
});

test("Intl has the shape of a namespace", () => {
  equal(Object.prototype.toString.call(Intl), "[object Intl]");
  equal(Object.keys(Intl).length, 0);
  for (const name of ["DateTimeFormat", "NumberFormat", "Collator", "PluralRules", "RelativeTimeFormat", "ListFormat", "Segmenter", "Locale", "DisplayNames", "DurationFormat"]) {
    equal(Object.prototype.toString.call(Intl[name].prototype), `[object Intl.${name}]`);
    equal(Intl[name].name, name);
  }
  equal("İ".toLocaleLowerCase("tr"), "i");
  equal("i".toLocaleUpperCase("tr"), "İ");
  equal("i".toLocaleUpperCase(), "I");
});
