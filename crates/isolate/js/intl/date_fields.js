/** A moment as calendar fields in a time zone, and the text of each field in English. */

import { lookUp, timeZoneName, zoneOffset } from "atoll:native/intl";

const DAY_MS = 86_400_000;
export const MAX_TIME_MS = 8.64e15;
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const UTC_NAMES = new Set(["utc", "gmt", "etc/utc", "etc/gmt", "etc/uct", "uct", "zulu", "etc/zulu", "universal", "etc/universal", "greenwich", "etc/greenwich", "gmt0", "etc/gmt0", "gmt+0", "gmt-0", "etc/gmt+0", "etc/gmt-0"]);

/**
 * The name of a zone as `resolvedOptions` shows it; undefined for one that there is not.
 * @param {string} name
 */
export function canonicalZone(name) {
  const offset = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/.exec(name);
  if (offset !== null) {
    const [, sign, hours, minutes = "00"] = offset;
    return hours === "00" && minutes === "00" ? "+00:00" : `${sign}${hours}:${minutes}`;
  }
  if (UTC_NAMES.has(name.toLowerCase())) return "UTC";
  return timeZoneName(name);
}

/** @returns {[number, boolean]} seconds east of Greenwich, and whether it is summer time */
export function offsetAt(zone, time) {
  if (zone === "UTC") return [0, false];
  if (zone[0] === "+" || zone[0] === "-") {
    const seconds = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60;
    return [zone[0] === "-" ? -seconds : seconds, false];
  }
  const [seconds, isSummer] = zoneOffset(zone, time) ?? [0, 0];
  return [seconds, isSummer === 1];
}

/** @param {number} time milliseconds */
export function fieldsAt(zone, time) {
  const [offset, isSummer] = offsetAt(zone, time);
  const local = time + offset * 1000;
  const days = Math.floor(local / DAY_MS);
  const rest = local - days * DAY_MS;
  const { year, month, day } = civil(days);
  return {
    time,
    offset,
    isSummer,
    year,
    month,
    day,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / 60_000) % 60,
    second: Math.floor(rest / 1000) % 60,
    millisecond: rest % 1000,
  };
}

/** The date that many days after 1970-01-01, counted in eras of 400 years that begin in March. */
function civil(days) {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1 };
}

const pad = (number, width) => String(number).padStart(width, "0");
const numeric = (number, width) => (width === "2-digit" ? pad(number % 100, 2) : String(number));

function named(names, index, width) {
  const name = names[index];
  return width === "long" ? name : width === "narrow" ? name[0] : name.slice(0, 3);
}

/** The text of one field. @param {import("./date_pattern.js").Settings} settings */
export function fieldText(field, width, fields, settings) {
  switch (field) {
    case "weekday":
      return named(DAYS, fields.weekday, width);
    case "era": {
      const isBefore = fields.year <= 0;
      if (width === "long") return isBefore ? "Before Christ" : "Anno Domini";
      return width === "narrow" ? (isBefore ? "B" : "A") : isBefore ? "BC" : "AD";
    }
    case "year": {
      const year = fields.year > 0 ? fields.year : 1 - fields.year;
      return numeric(year, width);
    }
    case "month":
      if (width === "numeric" || width === "2-digit") return numeric(fields.month, width);
      if (width === "short" && fields.month === 9 && settings.isBritish) return "Sept";
      return named(MONTHS, fields.month - 1, width);
    case "day":
      return numeric(fields.day, width);
    case "hour": {
      const { hour } = fields;
      const shown = { h11: hour % 12, h12: hour % 12 || 12, h23: hour, h24: hour || 24 }[settings.hourCycle];
      return numeric(shown, width);
    }
    case "minute":
      return numeric(fields.minute, width);
    case "second":
      return numeric(fields.second, width);
    case "fractionalSecond":
      return pad(fields.millisecond, 3).slice(0, width);
    case "amPm":
      return settings.isBritish ? (fields.hour < 12 ? "am" : "pm") : fields.hour < 12 ? "AM" : "PM";
    case "dayPeriod":
      return dayPeriodText(fields, width, settings);
    default:
      return zoneText(width, fields, settings);
  }
}

function dayPeriodText({ hour, minute }, width, settings) {
  if (hour === 12 && (minute === 0 || settings.minute === undefined)) return width === "narrow" ? "n" : "noon";
  if (hour < 12) return "in the morning";
  if (hour < 18) return "in the afternoon";
  if (hour < 21) return "in the evening";
  return "at night";
}

function offsetText(seconds, isLong) {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "-" : "+";
  const hours = Math.floor(size / 3600);
  const minutes = Math.floor(size / 60) % 60;
  const rest = size % 60;
  const tail = (minutes === 0 && rest === 0 && !isLong ? "" : `:${pad(minutes, 2)}`) + (rest === 0 ? "" : `:${pad(rest, 2)}`);
  return `GMT${sign}${isLong ? pad(hours, 2) : hours}${tail}`;
}

/** Columns of the table of zones. */
const [LONG, LONG_SUMMER, LONG_GENERIC, SHORT, SHORT_SUMMER, SHORT_GENERIC, BRITISH, BRITISH_SUMMER] = [1, 2, 3, 4, 5, 6, 7, 8];

/** A winter and a summer day of the year that the names are from. */
const NAMED_TIMES = [Date.UTC(2024, 0, 15), Date.UTC(2024, 6, 15)];

function zoneText(style, { time, offset, isSummer }, settings) {
  const { timeZone } = settings;
  const isLong = style.startsWith("long");
  if (style === "shortOffset" || style === "longOffset") return offsetText(offset, isLong);
  // Names are of today: a zone that kept other time back then is shown by that.
  const isNamed =
    time >= 0 &&
    NAMED_TIMES.some((named) => {
      const [seconds, summer] = offsetAt(timeZone, named);
      return seconds === offset && summer === isSummer;
    });
  if (!isNamed && timeZone !== "UTC" && !style.endsWith("Generic")) return offsetText(offset, isLong);
  const columns = lookUp("zones", timeZone)?.split("|") ?? [];
  let column;
  if (style === "longGeneric") column = LONG_GENERIC;
  else if (style === "shortGeneric") column = SHORT_GENERIC;
  else if (isLong) column = isSummer ? LONG_SUMMER : LONG;
  else if (settings.isBritish) column = isSummer ? BRITISH_SUMMER : BRITISH;
  else column = isSummer ? SHORT_SUMMER : SHORT;
  if (timeZone === "UTC" && style === "long") return "Coordinated Universal Time";
  if (timeZone === "UTC" && style === "short") return "UTC";
  // Zones that keep Greenwich time are named by it.
  if (style === "short" && offset === 0 && columns[LONG] === "Greenwich Mean Time") return "GMT";
  return (timeZone === "UTC" ? "" : columns[column]) || offsetText(offset, isLong);
}
