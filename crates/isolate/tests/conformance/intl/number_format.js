import { test, equal } from "atoll:test";

/** Locale, options, and what numbers (as text) look like with them. */
const facts = [
  ["en-US", {}, [["0", "0"], ["-0", "-0"], ["1234.5678", "1,234.568"], ["-98765.4321", "-98,765.432"], ["1e+21", "1,000,000,000,000,000,000,000"], ["NaN", "NaN"], ["-Infinity", "-∞"], ["1e-7", "0"]]],
  ["en-US", {style: "percent"}, [["0.256", "26%"], ["1", "100%"]]],
  ["en-US", {style: "percent", maximumFractionDigits: 1}, [["0.2567", "25.7%"]]],
  ["en-US", {style: "currency", currency: "USD"}, [["0", "$0.00"], ["1234.5", "$1,234.50"], ["-5", "-$5.00"]]],
  ["en-US", {style: "currency", currency: "EUR", currencyDisplay: "code"}, [["9.99", "EUR 9.99"]]],
  ["en-US", {style: "currency", currency: "JPY"}, [["1234.5", "¥1,235"]]],
  ["en-US", {style: "currency", currency: "USD", currencyDisplay: "name"}, [["1", "1.00 US dollars"], ["2", "2.00 US dollars"]]],
  ["en-US", {style: "currency", currency: "USD", currencySign: "accounting"}, [["-5", "($5.00)"]]],
  ["en-US", {style: "currency", currency: "CAD", currencyDisplay: "narrowSymbol"}, [["3", "$3.00"]]],
  ["en-US", {notation: "compact"}, [["999", "999"], ["1234", "1.2K"], ["12345", "12K"], ["999999", "1M"], ["1000000000", "1B"]]],
  ["en-US", {notation: "compact", compactDisplay: "long"}, [["1234567", "1.2 million"]]],
  ["en-US", {notation: "scientific"}, [["12345", "1.235E4"], ["0.00012", "1.2E-4"]]],
  ["en-US", {notation: "engineering"}, [["12345", "12.345E3"]]],
  ["en-US", {signDisplay: "exceptZero"}, [["0", "0"], ["5", "+5"], ["-5", "-5"]]],
  ["en-US", {useGrouping: false}, [["1234567", "1234567"]]],
  ["en-US", {useGrouping: "min2"}, [["1234", "1234"], ["12345", "12,345"]]],
  ["en-US", {minimumIntegerDigits: 3, minimumFractionDigits: 2}, [["1.5", "001.50"]]],
  ["en-US", {maximumSignificantDigits: 3}, [["123456", "123,000"], ["0.0012345", "0.00123"]]],
  ["en-US", {roundingMode: "halfEven", maximumFractionDigits: 0}, [["0.5", "0"], ["1.5", "2"], ["2.5", "2"]]],
  ["en-US", {roundingMode: "floor", maximumFractionDigits: 0}, [["-1.5", "-2"], ["1.5", "1"]]],
  ["en-US", {roundingIncrement: 5, maximumFractionDigits: 2, minimumFractionDigits: 2}, [["1.23", "1.25"], ["1.28", "1.30"]]],
  ["en-US", {trailingZeroDisplay: "stripIfInteger", style: "currency", currency: "USD"}, [["5", "$5"], ["5.5", "$5.50"]]],
  ["en-US", {style: "unit", unit: "kilometer-per-hour"}, [["50", "50 km/h"]]],
  ["en-US", {style: "unit", unit: "liter", unitDisplay: "long"}, [["1", "1 liter"], ["16", "16 liters"]]],
  ["en-US", {style: "unit", unit: "megabyte", unitDisplay: "narrow"}, [["3", "3MB"]]],
  ["en-US", {maximumFractionDigits: 20}, [["12345678901234567890.123456789", "12,345,678,901,234,567,890.123456789"], ["0.1e-3", "0.0001"]]],
  ["en-US", {numberingSystem: "thai"}, [["123", "๑๒๓"]]],
];

const toValue = (text) => (text === "-0" ? -0 : /^-?(?:\d+(?:\.\d+)?|Infinity|NaN)(?:e[+-]?\d+)?$/.test(text) && text.length < 20 ? Number(text) : text);

for (const [locale, options, pairs] of facts) {
  for (const [value, text] of pairs) {
    test(`${locale} ${JSON.stringify(options)} formats ${value} as ${text}`, () => {
      const format = new Intl.NumberFormat(locale, options);
      equal(format.format(toValue(value)), text);
      equal(
        format
          .formatToParts(toValue(value))
          .map((part) => part.value)
          .join(""),
        text,
      );
    });
  }
}

test("a bigint keeps every digit", () => equal(new Intl.NumberFormat("en").format(12345678901234567890123n), "12,345,678,901,234,567,890,123"));
test("numbers, bigints and arrays have toLocaleString", () => {
  equal((1234.5).toLocaleString(), "1,234.5");
  equal((1234.5).toLocaleString("en-US", { style: "currency", currency: "USD" }), "$1,234.50");
  equal(12345n.toLocaleString(), "12,345");
  equal([1234, new Date(0), null, undefined].toLocaleString("en-US", { timeZone: "UTC" }), "1,234,1/1/1970, 12:00:00 AM,,");
});
test("parts have types", () => {
  const parts = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).formatToParts(-1234.5);
  equal(JSON.stringify(parts), '[{"type":"minusSign","value":"-"},{"type":"currency","value":"$"},{"type":"integer","value":"1"},{"type":"group","value":","},{"type":"integer","value":"234"},{"type":"decimal","value":"."},{"type":"fraction","value":"50"}]');
});
