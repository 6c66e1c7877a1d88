import { test, equal, deepEqual, throws } from "atoll:test";

/** 5 July 2024, 17:04:09.087 UTC. */
const TIME = 1720199049087;

/** Locale, options (in UTC unless they say otherwise), and what that moment looks like with them. */
const facts = [
  ["en-US", {}, "7/5/2024"],
  ["en-US", {dateStyle: "full", timeStyle: "full"}, "Friday, July 5, 2024 at 5:04:09 PM Coordinated Universal Time"],
  ["en-US", {dateStyle: "long"}, "July 5, 2024"],
  ["en-US", {dateStyle: "medium", timeStyle: "short"}, "Jul 5, 2024, 5:04 PM"],
  ["en-US", {dateStyle: "short", timeStyle: "long", timeZone: "America/New_York"}, "7/5/24, 1:04:09 PM EDT"],
  ["en-US", {timeStyle: "full", timeZone: "Europe/Paris"}, "7:04:09 PM Central European Summer Time"],
  ["en-US", {weekday: "long"}, "Friday"],
  ["en-US", {weekday: "short", month: "short", day: "numeric"}, "Fri, Jul 5"],
  ["en-US", {year: "numeric", month: "2-digit", day: "2-digit"}, "07/05/2024"],
  ["en-US", {year: "2-digit", month: "numeric"}, "7/24"],
  ["en-US", {month: "long", year: "numeric"}, "July 2024"],
  ["en-US", {era: "short", year: "numeric", month: "long", day: "numeric"}, "July 5, 2024 AD"],
  ["en-US", {hour: "numeric"}, "5 PM"],
  ["en-US", {hour: "numeric", minute: "numeric", second: "numeric", fractionalSecondDigits: 3}, "5:04:09.087 PM"],
  ["en-US", {hour: "numeric", minute: "numeric", hour12: false}, "17:04"],
  ["en-US", {hour: "numeric", hourCycle: "h23"}, "17"],
  ["en-US", {hour: "numeric", dayPeriod: "long"}, "5 in the afternoon"],
  ["en-US", {hour: "numeric", minute: "numeric", timeZone: "Asia/Kathmandu", timeZoneName: "longOffset"}, "10:49 PM GMT+05:45"],
  ["en-US", {hour: "numeric", timeZone: "America/Los_Angeles", timeZoneName: "short"}, "10 AM PDT"],
  ["en-US", {timeZone: "Asia/Tokyo", timeZoneName: "long"}, "7/6/2024, Japan Standard Time"],
  ["en-US", {hour: "numeric", timeZone: "+05:30", timeZoneName: "short"}, "10 PM GMT+5:30"],
  ["en-US", {minute: "2-digit", second: "2-digit"}, "04:09"],
  ["en-US", {month: "long", day: "numeric", hour: "numeric", minute: "2-digit"}, "July 5 at 5:04 PM"],
  ["en-GB", {}, "05/07/2024"],
  ["en-GB", {dateStyle: "full", timeStyle: "medium"}, "Friday, 5 July 2024 at 17:04:09"],
  ["en-GB", {dateStyle: "short"}, "05/07/2024"],
  ["en-GB", {dateStyle: "medium", timeStyle: "short", timeZone: "Europe/London"}, "5 Jul 2024, 18:04"],
  ["en-GB", {timeStyle: "long", timeZone: "Europe/London"}, "18:04:09 BST"],
  ["en-GB", {weekday: "short", day: "numeric", month: "short"}, "Fri 5 Jul"],
  ["en-GB", {month: "short", year: "numeric"}, "Jul 2024"],
];
for (const [locale, options, text] of facts) {
  test(`${locale} ${JSON.stringify(options)} gives ${text}`, () => {
    const format = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
    equal(format.format(TIME), text);
    equal(
      format
        .formatToParts(TIME)
        .map(({ value }) => value)
        .join(""),
      text,
    );
  });
}

/** Locale, options, length in milliseconds, and the range from that moment. */
const ranges = [
  ["en-US", {}, 259200000, "7/5/2024 – 7/8/2024"],
  ["en-US", {dateStyle: "medium"}, 259200000, "Jul 5 – 8, 2024"],
  ["en-US", {dateStyle: "medium"}, 3456000000, "Jul 5 – Aug 14, 2024"],
  ["en-US", {dateStyle: "long"}, 34560000000, "July 5, 2024 – August 9, 2025"],
  ["en-US", {timeStyle: "short"}, 3600000, "5:04 – 6:04 PM"],
  ["en-US", {timeStyle: "short"}, 36000000, "7/5/2024, 5:04 PM – 7/6/2024, 3:04 AM"],
  ["en-US", {dateStyle: "short", timeStyle: "short"}, 3600000, "7/5/24, 5:04 – 6:04 PM"],
  ["en-GB", {dateStyle: "long"}, 259200000, "5 – 8 July 2024"],
];
for (const [locale, options, length, text] of ranges) {
  test(`${locale} ${JSON.stringify(options)} gives the range ${text}`, () => {
    equal(new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).formatRange(TIME, TIME + length), text);
  });
}

test("parts have types", () => {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", dateStyle: "medium", timeStyle: "short" }).formatToParts(TIME);
  equal(JSON.stringify(parts), '[{"type":"month","value":"Jul"},{"type":"literal","value":" "},{"type":"day","value":"5"},{"type":"literal","value":", "},{"type":"year","value":"2024"},{"type":"literal","value":", "},{"type":"hour","value":"5"},{"type":"literal","value":":"},{"type":"minute","value":"04"},{"type":"literal","value":" "},{"type":"dayPeriod","value":"PM"}]');
});

test("the settings can be read", () => {
  const { locale, calendar, numberingSystem, timeZone, year, month, day, hour } = new Intl.DateTimeFormat().resolvedOptions();
  deepEqual({ locale, calendar, numberingSystem, timeZone, year, month, day, hour }, { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: "UTC", year: "numeric", month: "numeric", day: "numeric", hour: undefined });
  equal(new Intl.DateTimeFormat("en", { timeZone: "america/new_york" }).resolvedOptions().timeZone, "America/New_York");
  equal(new Intl.DateTimeFormat("en", { timeZone: "Etc/UTC" }).resolvedOptions().timeZone, "UTC");
  equal(new Intl.DateTimeFormat("en", { hour: "numeric" }).resolvedOptions().hourCycle, "h12");
});

test("summer time begins and ends where it does", () => {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour: "numeric", minute: "numeric", timeZoneName: "short" });
  equal(format.format(Date.UTC(2024, 2, 10, 6, 59)), "1:59 AM EST");
  equal(format.format(Date.UTC(2024, 2, 10, 7, 0)), "3:00 AM EDT");
  equal(format.format(Date.UTC(2024, 10, 3, 5, 59)), "1:59 AM EDT");
  equal(format.format(Date.UTC(2024, 10, 3, 6, 0)), "1:00 AM EST");
});

test("what makes no sense is refused", () => {
  throws(() => new Intl.DateTimeFormat("en", { timeZone: "Mars/Olympus" }), RangeError);
  throws(() => new Intl.DateTimeFormat("en", { dateStyle: "full", year: "numeric" }), TypeError);
  throws(() => new Intl.DateTimeFormat("en", { month: "enormous" }), RangeError);
  throws(() => new Intl.DateTimeFormat().format(NaN), RangeError);
  throws(() => new Intl.DateTimeFormat().format(8.64e15 + 1), RangeError);
});

test("it can be called without new, and format is bound", () => {
  const { format } = Intl.DateTimeFormat("en-US", { timeZone: "UTC" });
  equal(format(0), "1/1/1970");
});
