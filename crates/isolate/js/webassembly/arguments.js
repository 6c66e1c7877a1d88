// How WebAssembly's constructors and methods read their arguments, with V8's words for what is wrong.

/**
 * A whole number from `lower` to `upper`.
 * @param {string} what "WebAssembly.Memory(): Property 'initial'"
 */
export function toNumber(value, what, { lower = 0, upper = 0xffffffff } = {}) {
  const number = +value;
  if (Number.isNaN(number)) throw new TypeError(`${what} must be convertible to a valid number`);
  const whole = Math.trunc(number) + 0;
  if (whole < 0) throw new TypeError(`${what} must be non-negative`);
  if (whole > 0xffffffff) throw new TypeError(`${what} must be in the unsigned long range`);
  return inRange(whole, what, lower, upper);
}

function inRange(whole, what, lower, upper) {
  if (whole < lower) throw new RangeError(`${what}: value ${whole} is below the lower bound ${lower}`);
  if (whole > upper) throw new RangeError(`${what}: value ${whole} is above the upper bound ${upper}`);
  return whole;
}

/** The same of an address type: a number for "i32", a BigInt for "i64". Gives a number. */
export function toAddress(value, is64, what, { lower = 0, upper = 0xffffffff } = {}) {
  if (!is64) return toNumber(value, what, { lower, upper });
  const number = typeof value === "bigint" ? value : toBigInt(value, what);
  if (number < 0n) throw new TypeError(`${what} must be non-negative`);
  if (number > 0xffff_ffff_ffff_ffffn) throw new TypeError(`${what} must be in the unsigned long long range`);
  return inRange(Number(number), what, lower, upper);
}

function toBigInt(value, what) {
  if (typeof value === "number" || value === undefined || value === null) {
    throw new TypeError(`${what} must be convertible to a BigInt`);
  }
  return BigInt(value);
}

/** `address` of a descriptor: whether it is "i64". */
export function isAddress64(address, place) {
  if (address === undefined) return false;
  const type = String(address);
  if (type === "i32") return false;
  if (type === "i64") return true;
  throw new TypeError(`${place}: Unknown address type '${type}'; pass 'i32' or 'i64'`);
}

/** `initial` and `maximum` of a descriptor. */
export function toLimits(descriptor, is64, place, upper, most = upper) {
  const { initial } = descriptor;
  if (initial === undefined) throw new TypeError(`${place}: Property 'initial' is required`);
  const first = toAddress(initial, is64, `${place}: Property 'initial'`, { upper });
  const { maximum } = descriptor;
  if (maximum === undefined) return [first, undefined];
  return [first, toAddress(maximum, is64, `${place}: Property 'maximum'`, { lower: first, upper: most })];
}

export const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
