/** How many digits a number is shown with: the options that NumberFormat and PluralRules share. */

import { magnitude, roundAt, split } from "./decimal.js";
import { numberOption, stringOption } from "./locale.js";

const INCREMENTS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];
const MODES = ["ceil", "floor", "expand", "trunc", "halfCeil", "halfFloor", "halfExpand", "halfTrunc", "halfEven"];
const MOST_FRACTION_DIGITS = 100;

/** SetNumberFormatDigitOptions. */
export function digitOptions(options, leastDefault, mostDefault, notation) {
  const least = numberOption(options, "minimumIntegerDigits", 1, 21, 1);
  const given = {
    minimumFractionDigits: options.minimumFractionDigits,
    maximumFractionDigits: options.maximumFractionDigits,
    minimumSignificantDigits: options.minimumSignificantDigits,
    maximumSignificantDigits: options.maximumSignificantDigits,
  };
  const increment = numberOption(options, "roundingIncrement", 1, 5000, 1);
  if (!INCREMENTS.includes(increment)) throw new RangeError("roundingIncrement value is out of range.");
  const mode = stringOption(options, "roundingMode", MODES, "halfExpand", "NumberFormat");
  const priority = stringOption(options, "roundingPriority", ["auto", "morePrecision", "lessPrecision"], "auto", "NumberFormat");
  const trailing = stringOption(options, "trailingZeroDisplay", ["auto", "stripIfInteger"], "auto", "NumberFormat");
  if (increment !== 1) mostDefault = leastDefault;
  const result = { minimumIntegerDigits: least, roundingIncrement: increment, roundingMode: mode, trailingZeroDisplay: trailing };
  const hasSignificant = given.minimumSignificantDigits !== undefined || given.maximumSignificantDigits !== undefined;
  const hasFraction = given.minimumFractionDigits !== undefined || given.maximumFractionDigits !== undefined;
  let needsSignificant = true;
  let needsFraction = true;
  if (priority === "auto") {
    needsSignificant = hasSignificant;
    if (needsSignificant || (!hasFraction && notation === "compact")) needsFraction = false;
  }
  if (needsSignificant) {
    if (hasSignificant) {
      result.minimumSignificantDigits = numberOption(given, "minimumSignificantDigits", 1, 21, 1);
      result.maximumSignificantDigits = numberOption(given, "maximumSignificantDigits", result.minimumSignificantDigits, 21, 21);
    } else {
      result.minimumSignificantDigits = 1;
      result.maximumSignificantDigits = 21;
    }
  }
  if (needsFraction) fractionOptions(given, result, hasFraction, leastDefault, mostDefault);
  if (!needsSignificant && !needsFraction) {
    Object.assign(result, {
      minimumFractionDigits: 0,
      maximumFractionDigits: 0,
      minimumSignificantDigits: 1,
      maximumSignificantDigits: 2,
    });
    result.roundingType = "morePrecision";
    result.roundingPriority = "morePrecision";
  } else {
    result.roundingType = priority !== "auto" ? priority : hasSignificant ? "significantDigits" : "fractionDigits";
    result.roundingPriority = priority;
  }
  if (increment !== 1) {
    if (result.roundingType !== "fractionDigits") throw new TypeError("roundingIncrement can only be used with fraction digits");
    if (result.maximumFractionDigits !== result.minimumFractionDigits) {
      throw new RangeError("roundingIncrement needs equal minimumFractionDigits and maximumFractionDigits");
    }
  }
  return result;
}

function fractionOptions(given, result, hasFraction, leastDefault, mostDefault) {
  let least = leastDefault;
  let most = mostDefault;
  if (hasFraction) {
    least = numberOption(given, "minimumFractionDigits", 0, MOST_FRACTION_DIGITS, undefined);
    most = numberOption(given, "maximumFractionDigits", 0, MOST_FRACTION_DIGITS, undefined);
    if (least === undefined) least = Math.min(leastDefault, most);
    else if (most === undefined) most = Math.max(mostDefault, least);
    else if (least > most) throw new RangeError("maximumFractionDigits value is out of range.");
  }
  result.minimumFractionDigits = least;
  result.maximumFractionDigits = most;
}

/** The digits that `resolvedOptions` shows, in its order. */
export function shownDigitOptions(settings) {
  const names = ["minimumIntegerDigits", "minimumFractionDigits", "maximumFractionDigits", "minimumSignificantDigits", "maximumSignificantDigits"];
  return Object.fromEntries(names.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]));
}

/**
 * Rounds a decimal and gives its digits.
 * @returns {{ decimal: import("./decimal.js").Decimal, integer: string, fraction: string }}
 */
export function shownDigits(decimal, settings) {
  const byFraction = () => {
    const position = -settings.maximumFractionDigits;
    return { rounded: roundAt(decimal, position, settings.roundingMode, settings.roundingIncrement), position, least: settings.minimumFractionDigits };
  };
  const bySignificance = () => {
    const position = magnitude(decimal) - settings.maximumSignificantDigits + 1;
    const rounded = roundAt(decimal, position, settings.roundingMode);
    return { rounded, position, least: Math.max(0, settings.minimumSignificantDigits - 1 - magnitude(rounded)) };
  };
  let chosen;
  switch (settings.roundingType) {
    case "fractionDigits":
      chosen = byFraction();
      break;
    case "significantDigits":
      chosen = bySignificance();
      break;
    default: {
      const [significant, fraction] = [bySignificance(), byFraction()];
      const significantIsFiner = significant.position <= fraction.position;
      chosen = significantIsFiner === (settings.roundingType === "morePrecision") ? significant : fraction;
    }
  }
  let [integer, fraction] = split(chosen.rounded);
  fraction = fraction.padEnd(chosen.least, "0");
  if (settings.trailingZeroDisplay === "stripIfInteger" && /^0*$/.test(fraction)) fraction = "";
  integer = integer.padStart(settings.minimumIntegerDigits, "0");
  return { decimal: chosen.rounded, integer, fraction };
}

