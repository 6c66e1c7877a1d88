/**
 * Exact decimal numbers, as text: what number formatting rounds and lays out.
 *
 * A decimal is `{ negative, digits, exponent }`: 0.digits times ten to the exponent, digits without zeros at either end, "" for
 * zero. Not-a-number and the infinities have `special` set.
 */

/** @typedef {{ negative: boolean, digits: string, exponent: number, special?: "nan" | "infinity" }} Decimal */

const NUMERIC = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** @returns {Decimal} */
export function toDecimal(value) {
  if (typeof value === "object" || typeof value === "function") {
    value = toPrimitive(value);
  }
  if (typeof value === "bigint") return parse(String(value));
  if (typeof value === "string") {
    const text = value.trim();
    if (NUMERIC.test(text)) return parse(text);
    return fromNumber(Number(text));
  }
  return fromNumber(Number(value));
}

function toPrimitive(value) {
  if (value === null) return 0;
  const convert = value[Symbol.toPrimitive];
  if (convert !== undefined && convert !== null) return Reflect.apply(convert, value, ["number"]);
  const number = value.valueOf();
  return typeof number === "object" && number !== null ? value.toString() : number;
}

/** @returns {Decimal} */
function fromNumber(number) {
  if (Number.isNaN(number)) return { negative: false, digits: "", exponent: 0, special: "nan" };
  if (!Number.isFinite(number)) return { negative: number < 0, digits: "", exponent: 0, special: "infinity" };
  if (number === 0) return { negative: Object.is(number, -0), digits: "", exponent: 0 };
  return parse(String(number));
}

function parse(text) {
  const [, sign, integer, fraction = "", power = "0"] = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  return normalize(sign === "-", integer + fraction, integer.length + Number(power));
}

/** @returns {Decimal} */
export function normalize(negative, digits, exponent) {
  const lead = /^0*/.exec(digits)[0].length;
  const trimmed = digits.slice(lead).replace(/0+$/, "");
  return trimmed === "" ? { negative, digits: "", exponent: 0 } : { negative, digits: trimmed, exponent: exponent - lead };
}

/** Multiplied by ten to the `power`. @returns {Decimal} */
export function scale(decimal, power) {
  return decimal.digits === "" ? decimal : { ...decimal, exponent: decimal.exponent + power };
}

/** The power of ten of the first digit. */
export function magnitude(decimal) {
  return decimal.digits === "" ? 0 : decimal.exponent - 1;
}

/**
 * Rounds so that no digit is below ten to the `position`, in steps of `increment` there.
 * @param {Decimal} decimal
 * @returns {Decimal}
 */
export function roundAt(decimal, position, mode, increment = 1) {
  if (decimal.special !== undefined || decimal.digits === "") return decimal;
  const { negative, digits, exponent } = decimal;
  const kept = exponent - position;
  if (increment === 1 && kept >= digits.length) return decimal;
  const padded = kept > 0 ? digits.padEnd(kept, "0") : digits;
  let quotient = BigInt(kept > 0 ? padded.slice(0, kept) : "0");
  // What is cut off, compared with a half of the last place; `kept` below zero means leading zeros there.
  const cut = kept > 0 ? padded.slice(kept) : "0".repeat(-kept) + digits;
  const step = BigInt(increment);
  const remainder = quotient % step;
  quotient -= remainder;
  const exact = remainder === 0n && /^0*$/.test(cut);
  if (!exact && roundsUp(mode, negative, compareHalf(remainder, step, cut), (quotient / step) % 2n === 0n)) quotient += step;
  return normalize(negative, String(quotient), String(quotient).length + position);
}

/** Where `remainder.cut` lies against half of `step`: -1, 0 or 1. */
function compareHalf(remainder, step, cut) {
  const scaleDigits = 10n ** BigInt(cut.length);
  const twice = (remainder * scaleDigits + BigInt(cut === "" ? "0" : cut)) * 2n;
  const whole = step * scaleDigits;
  return twice < whole ? -1 : twice > whole ? 1 : 0;
}

function roundsUp(mode, negative, half, isEven) {
  switch (mode) {
    case "ceil":
      return !negative;
    case "floor":
      return negative;
    case "expand":
      return true;
    case "trunc":
      return false;
    case "halfCeil":
      return half > 0 || (half === 0 && !negative);
    case "halfFloor":
      return half > 0 || (half === 0 && negative);
    case "halfTrunc":
      return half > 0;
    case "halfEven":
      return half > 0 || (half === 0 && !isEven);
    default:
      return half >= 0;
  }
}

/** Integer and fraction digits. */
export function split(decimal) {
  const { digits, exponent } = decimal;
  if (digits === "") return ["0", ""];
  if (exponent <= 0) return ["0", "0".repeat(-exponent) + digits];
  return [digits.slice(0, exponent).padEnd(exponent, "0"), digits.slice(exponent)];
}

/** As a JavaScript number. */
export function toNumber(decimal) {
  if (decimal.special === "nan") return Number.NaN;
  const size = decimal.special === "infinity" ? Infinity : decimal.digits === "" ? 0 : Number(`0.${decimal.digits}e${decimal.exponent}`);
  return decimal.negative ? -size : size;
}
