/** Two moments as one range: what both share is written once where English does so. */

import { fieldsAt } from "./date_fields.js";
import { patternOf } from "./date_pattern.js";

const SEPARATOR = " – ";
const DATE = ["era", "year", "month", "day", "weekday"];

const mark = (parts, source) => parts.map((part) => ({ ...part, source }));
const text = (parts) => parts.map(({ value }) => value).join("");

/** @param {(settings: object, time: number, pattern?: object[]) => { type: string, value: string }[]} format */
export function rangeParts(settings, start, end, format) {
  const [one, two] = [fieldsAt(settings.timeZone, start), fieldsAt(settings.timeZone, end)];
  const isDateShared = one.year === two.year && one.month === two.month && one.day === two.day;
  settings = withMissingFields(settings, one, two, isDateShared);
  const { pattern } = settings;
  const [first, second] = [format(settings, start, pattern), format(settings, end, pattern)];
  if (text(first) === text(second)) return mark(first, "shared");
  const isTime = ([field]) => !DATE.includes(field) && field !== "timeZoneName";
  const items = pattern.map((item) => (Array.isArray(item) ? item[0] : undefined));
  const firstTime = pattern.findIndex((item) => Array.isArray(item) && isTime(item));
  const lastTime = pattern.findLastIndex((item) => Array.isArray(item) && isTime(item));
  const isTight = isDateShared && settings.isBritish && !items.includes("amPm");
  const separator = { type: "literal", value: isTight ? "–" : SEPARATOR, source: "shared" };

  if (isDateShared && firstTime !== -1) {
    const clock = pattern.slice(firstTime, lastTime + 1);
    const isHalfShared = items.includes("amPm") && one.hour < 12 === two.hour < 12;
    const left = isHalfShared ? clock.slice(0, clock.findIndex((item) => item[0] === "amPm") - 1) : clock;
    return [
      ...mark(format(settings, start, pattern.slice(0, firstTime)), "shared"),
      ...mark(format(settings, start, left), "startRange"),
      separator,
      ...mark(format(settings, end, clock), "endRange"),
      ...mark(format(settings, end, pattern.slice(lastTime + 1)), "shared"),
    ];
  }
  const month = pattern.find((item) => item[0] === "month" && Array.isArray(item));
  const hasTextMonth = month !== undefined && !/digit|numeric/.test(month[1]);
  if (firstTime === -1 && hasTextMonth && one.year === two.year && (items.includes("day") || items.includes("year"))) {
    return namedMonthRange(settings, start, end, format, items, one.month === two.month, separator);
  }
  return [...mark(first, "startRange"), separator, ...mark(second, "endRange")];
}

/** Times of different days are shown with their dates, and days of different years with their years. */
function withMissingFields(settings, one, two, isDateShared) {
  const has = (name) => settings.pattern.some((item) => item[0] === name && Array.isArray(item));
  let added;
  if (!isDateShared && has("hour") && !DATE.some(has)) added = { year: "numeric", month: "numeric", day: "numeric" };
  else if (one.year !== two.year && has("month") && has("day") && !has("year")) added = { year: "numeric" };
  if (added === undefined) return settings;
  const widths = Object.fromEntries(settings.pattern.filter((item) => Array.isArray(item)));
  const base = { ...settings, ...widths, amPm: undefined, ...added, dateStyle: undefined, timeStyle: undefined };
  return { ...base, pattern: patternOf(base) };
}

/** "Jan 3 – 5, 2024", "Jan 3 – Feb 5, 2024", "3 – 5 January 2024". */
function namedMonthRange(settings, start, end, format, items, isMonthShared, separator) {
  const { pattern } = settings;
  const year = items.indexOf("year");
  const tailFrom = year === -1 ? pattern.length : year - 1;
  const tail = mark(format(settings, end, pattern.slice(tailFrom)), "shared");
  let [head, left, right] = [[], pattern.slice(0, tailFrom), pattern.slice(0, tailFrom)];
  if (isMonthShared && !items.includes("weekday") && items.includes("day")) {
    const [month, day] = [items.indexOf("month"), items.indexOf("day")];
    if (month < day) {
      head = pattern.slice(0, day);
      left = pattern.slice(day, tailFrom);
      right = left;
    } else {
      left = [pattern[day]];
    }
  }
  return [...mark(format(settings, start, head), "shared"), ...mark(format(settings, start, left), "startRange"), separator, ...mark(format(settings, end, right), "endRange"), ...tail];
}
