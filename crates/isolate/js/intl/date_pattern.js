/**
 * Which fields a date is shown with, in which order and with what between them, in American and in British English.
 *
 * A pattern is a list of literals (strings) and fields (`[field, width]`).
 */

/** @typedef {Record<string, any>} Settings what a DateTimeFormat was made with */

const DATE_STYLES = {
  full: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  long: { year: "numeric", month: "long", day: "numeric" },
  medium: { year: "numeric", month: "short", day: "numeric" },
  short: { year: "2-digit", month: "numeric", day: "numeric" },
};
const TIME_STYLES = {
  full: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "long" },
  long: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
  medium: { hour: "numeric", minute: "2-digit", second: "2-digit" },
  short: { hour: "numeric", minute: "2-digit" },
};

const isText = (width) => width === "long" || width === "short" || width === "narrow";

/** The fields that `dateStyle` and `timeStyle` stand for. @param {Settings} settings */
export function styleFields({ dateStyle, timeStyle, isBritish }) {
  const fields = { ...(dateStyle === undefined ? {} : DATE_STYLES[dateStyle]), ...(timeStyle === undefined ? {} : TIME_STYLES[timeStyle]) };
  if (isBritish && dateStyle === "short") Object.assign(fields, { year: "numeric", month: "2-digit", day: "2-digit" });
  return fields;
}

/** @param {Settings} settings @returns {(string | [string, any])[]} */
export function patternOf(settings) {
  const fields = settings.dateStyle !== undefined || settings.timeStyle !== undefined ? { ...settings, ...styleFields(settings) } : settings;
  const date = datePattern(fields, settings);
  const time = timePattern(fields, settings);
  const zone = fields.timeZoneName === undefined ? [] : [["timeZoneName", fields.timeZoneName]];
  if (time.length === 0) return zone.length > 0 && date.length > 0 ? [...date, ", ", ...zone] : [...date, ...zone];
  const clock = zone.length > 0 ? [...time, " ", ...zone] : time;
  if (date.length === 0) return clock;
  const isLong = settings.dateStyle === "full" || settings.dateStyle === "long" || (settings.dateStyle === undefined && fields.month === "long");
  const isWeekday = !settings.isBritish && date.length === 1 && fields.weekday !== undefined && fields.hour !== undefined && fields.fractionalSecondDigits === undefined;
  return [...date, isWeekday ? " " : isLong ? " at " : ", ", ...clock];
}

function datePattern(fields, settings) {
  const { weekday, era, year, month, day } = fields;
  const item = (name, width) => [name, width];
  if (month === undefined) return withoutMonth(fields, settings);
  if (!isText(month)) return numericDate(fields, settings);
  const pattern = [];
  if (settings.isBritish) {
    if (weekday !== undefined) pattern.push(item("weekday", weekday), year === undefined ? " " : ", ");
    if (day !== undefined) pattern.push(item("day", day), " ");
    pattern.push(item("month", month));
    if (year !== undefined) pattern.push(" ", item("year", year));
  } else {
    if (weekday !== undefined) pattern.push(item("weekday", weekday), ", ");
    pattern.push(item("month", month));
    if (day !== undefined) pattern.push(" ", item("day", day));
    if (year !== undefined) pattern.push(day !== undefined ? ", " : " ", item("year", year));
  }
  if (era !== undefined) pattern.push(" ", item("era", era));
  return pattern;
}

function withoutMonth({ weekday, era, year, day }, { isBritish }) {
  const pattern = [];
  if (isBritish && weekday !== undefined && day !== undefined && year === undefined) return [["weekday", weekday], " ", ["day", day]];
  if (year !== undefined) pattern.push(["year", year]);
  if (era !== undefined) pattern.push(...(pattern.length > 0 ? [" "] : []), ["era", era]);
  if (day !== undefined) pattern.push(...(pattern.length > 0 ? [" (day: "] : []), ["day", day], ...(pattern.length > 0 ? [")"] : []));
  if (weekday !== undefined) pattern.push(...(pattern.length > 0 ? [" "] : []), ["weekday", weekday]);
  return pattern;
}

function numericDate(fields, { isBritish }) {
  const { weekday, era, year, month, day } = fields;
  const pattern = [];
  if (weekday !== undefined) pattern.push(["weekday", weekday], isBritish && year === undefined ? " " : ", ");
  // British dates have two digits unless they were asked for otherwise.
  const isWide = isBritish && ((month === "numeric" && (day === "numeric" || (day === undefined && year !== undefined))) || weekday !== undefined);
  const monthItem = ["month", isWide ? "2-digit" : month];
  const dayItem = day === undefined ? undefined : ["day", isWide ? "2-digit" : day];
  const yearItem = year === undefined ? undefined : ["year", year];
  const items = (isBritish ? [dayItem, monthItem, yearItem] : [monthItem, dayItem, yearItem]).filter((part) => part !== undefined);
  items.forEach((part, index) => pattern.push(...(index > 0 ? ["/"] : []), part));
  if (era !== undefined) pattern.push(" ", ["era", era === "short" ? "narrow" : era]);
  return pattern;
}

function timePattern(fields, settings) {
  const { hour, minute, second, dayPeriod, fractionalSecondDigits } = fields;
  const pattern = [];
  const clock = settings.hourCycle;
  const isHalfDay = clock === "h11" || clock === "h12";
  if (hour !== undefined) pattern.push(["hour", isHalfDay ? hour : "2-digit"]);
  if (minute !== undefined) {
    if (pattern.length > 0) pattern.push(":");
    pattern.push(["minute", hour !== undefined || second !== undefined ? "2-digit" : "numeric"]);
  }
  if (second !== undefined) {
    if (pattern.length > 0) pattern.push(":");
    pattern.push(["second", minute !== undefined ? "2-digit" : "numeric"]);
  }
  if (fractionalSecondDigits !== undefined) {
    if (pattern.length > 0) pattern.push(".");
    pattern.push(["fractionalSecond", fractionalSecondDigits]);
  }
  if (dayPeriod !== undefined && (hour === undefined || isHalfDay)) {
    if (pattern.length > 0) pattern.push(" ");
    pattern.push(["dayPeriod", dayPeriod]);
  } else if (hour !== undefined && isHalfDay) {
    pattern.push(" ", ["amPm", "short"]);
  }
  return pattern;
}

