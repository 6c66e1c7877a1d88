import { test, assert, equal, deepEqual, throws } from "atoll:test";

const atTop = [Date.now(), new Date().getTime(), new Date(5).getTime()];

test("time is 0 or frozen while a module is evaluated, and a given time is kept", () => {
  equal(atTop[0], atTop[1]);
  equal(atTop[2], 5);
});

test("time stands still while code runs", () => {
  const before = Date.now();
  for (let i = 0; i < 200_000; i++) Math.sqrt(i);
  equal(Date.now(), before);
  equal(new Date().getTime(), before);
  assert(Number.isInteger(before));
});

test("Date called as a function gives text", () => {
  equal(typeof Date(), "string");
  equal(Date(1, 2, 3), new Date().toString());
});

test("Date keeps its shape", () => {
  equal(Date.length, 7);
  equal(Date.name, "Date");
  equal(Date.prototype.constructor, Date);
  equal(new Date().constructor, Date);
  deepEqual(Object.getOwnPropertyNames(Date).sort(), ["UTC", "length", "name", "now", "parse", "prototype"]);
  equal(Object.prototype.toString.call(new Date()), "[object Date]");
  equal(Object.getOwnPropertyDescriptor(globalThis, "Date").enumerable, false);
});

test("Date can be extended and constructed reflectively", () => {
  class Later extends Date {
    twice() {
      return this.getTime() * 2;
    }
  }
  equal(new Later(4).twice(), 8);
  assert(new Later() instanceof Date);
  equal(new Later().getTime(), Date.now());
  assert(Reflect.construct(Date, [9], Later) instanceof Later);
});

test("the time zone is UTC and named so", () => {
  equal(new Date(0).getTimezoneOffset(), 0);
  equal(new Date(0).toString(), "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)");
  equal(new Date(0).toTimeString(), "00:00:00 GMT+0000 (Coordinated Universal Time)");
  equal(new Date(2020, 0, 1, 5).toISOString(), "2020-01-01T05:00:00.000Z");
  equal(String(new Date(NaN)), "Invalid Date");
});

const parsed = {
  "2020-01-01": 1577836800000,
  "2020-01-01T00:00:00+02:00": 1577829600000,
  "2020-01-01 10:20": 1577874000000,
  "2020/01/02": 1577923200000,
  "Jan 1, 2020": 1577836800000,
  "1 January 2020": 1577836800000,
  "12/25/1995": 819849600000,
  "Jan 1 2020 5:06 PM": 1577898360000,
  "Wed, 01 Jan 2020 10:00:00 GMT": 1577872800000,
  "Mon, 25 Dec 1995 13:30:00 PST": 819927000000,
  "Dec 25, 1995 13:30 GMT+0530": 819878400000,
  "2020-13-01": NaN,
  garbage: NaN,
};
for (const [text, time] of Object.entries(parsed)) {
  test(`Date.parse reads ${text}`, () => equal(Date.parse(text), time));
}

test("toLocaleString and its relatives speak American English in UTC", () => {
  const date = new Date(Date.UTC(2024, 6, 15, 17, 5, 9));
  equal(date.toLocaleString(), "7/15/2024, 5:05:09 PM");
  equal(date.toLocaleDateString(), "7/15/2024");
  equal(date.toLocaleTimeString(), "5:05:09 PM");
  equal(date.toLocaleDateString("en-GB"), "15/07/2024");
  equal(date.toLocaleTimeString("en-US", { hour: "2-digit", minute: "2-digit" }), "05:05 PM");
  equal(date.toLocaleString("en-US", { timeZone: "Asia/Tokyo" }), "7/16/2024, 2:05:09 AM");
  equal(new Date(NaN).toLocaleString(), "Invalid Date");
  throws(() => date.toLocaleDateString("en", { timeStyle: "short" }), TypeError);
});
