/** `node:punycode`: RFC 3492 and the label-wise helpers around it. */
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_CODE = 128;
const MAX_INTEGER = 2 ** 31 - 1;
const DOTS = /[\u3002\uff0e\uff61]/g;

export const version = "2.1.0";

const refuse = (message) => {
  throw new RangeError(message);
};
const overflow = () => refuse("Overflow: input needs wider integers to process");

function adapt(delta, points, first) {
  delta = first ? Math.floor(delta / DAMP) : delta >> 1;
  delta += Math.floor(delta / points);
  let steps = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; steps += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return Math.floor(steps + ((BASE - T_MIN + 1) * delta) / (delta + SKEW));
}

const threshold = (position, bias) => Math.min(Math.max(position - bias, T_MIN), T_MAX);
const digitToChar = (digit) => String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);

function charToDigit(code) {
  if (code >= 48 && code < 58) return code - 22;
  if (code >= 65 && code < 91) return code - 65;
  if (code >= 97 && code < 123) return code - 97;
  return BASE;
}

export const ucs2 = {
  decode: (text) => Array.from(`${text}`, (char) => char.codePointAt(0)),
  encode: (codePoints) => String.fromCodePoint(...codePoints),
};

export function decode(input) {
  const output = [];
  const delimiter = Math.max(input.lastIndexOf("-"), 0);
  for (let index = 0; index < delimiter; index++) {
    const code = input.charCodeAt(index);
    if (code >= 128) refuse("Illegal input >= 0x80 (not a basic code point)");
    output.push(code);
  }
  let code = INITIAL_CODE;
  let bias = INITIAL_BIAS;
  let insertAt = 0;
  let index = delimiter > 0 ? delimiter + 1 : 0;
  while (index < input.length) {
    const before = insertAt;
    for (let weight = 1, position = BASE; ; position += BASE) {
      if (index >= input.length) refuse("Invalid input");
      const digit = charToDigit(input.charCodeAt(index++));
      if (digit >= BASE) refuse("Invalid input");
      if (digit > Math.floor((MAX_INTEGER - insertAt) / weight)) overflow();
      insertAt += digit * weight;
      const limit = threshold(position, bias);
      if (digit < limit) break;
      weight *= BASE - limit;
    }
    const count = output.length + 1;
    bias = adapt(insertAt - before, count, before === 0);
    code += Math.floor(insertAt / count);
    if (code > 0x10ffff) overflow();
    insertAt %= count;
    output.splice(insertAt++, 0, code);
  }
  return String.fromCodePoint(...output);
}

export function encode(input) {
  const points = ucs2.decode(input);
  const basic = points.filter((point) => point < 128);
  let output = String.fromCodePoint(...basic);
  let handled = basic.length;
  if (basic.length > 0) output += "-";
  let code = INITIAL_CODE;
  let delta = 0;
  let bias = INITIAL_BIAS;
  while (handled < points.length) {
    const next = points.reduce((low, point) => (point >= code && point < low ? point : low), MAX_INTEGER);
    if (next - code > Math.floor((MAX_INTEGER - delta) / (handled + 1))) overflow();
    delta += (next - code) * (handled + 1);
    code = next;
    for (const point of points) {
      if (point < code && ++delta > MAX_INTEGER) overflow();
      if (point !== code) continue;
      let rest = delta;
      for (let position = BASE; ; position += BASE) {
        const limit = threshold(position, bias);
        if (rest < limit) break;
        output += digitToChar(limit + ((rest - limit) % (BASE - limit)));
        rest = Math.floor((rest - limit) / (BASE - limit));
      }
      output += digitToChar(rest);
      bias = adapt(delta, handled + 1, handled === basic.length);
      delta = 0;
      handled++;
    }
    delta++;
    code++;
  }
  return output;
}

/** Applies `convert` to each label of a domain, or of an address's domain. */
function mapLabels(text, convert) {
  const at = text.lastIndexOf("@");
  const prefix = at < 0 ? "" : text.slice(0, at + 1);
  return prefix + text.slice(at + 1).replace(DOTS, ".").split(".").map(convert).join(".");
}

export function toUnicode(input) {
  return mapLabels(input, (label) => (label.startsWith("xn--") ? decode(label.slice(4).toLowerCase()) : label));
}

export function toASCII(input) {
  return mapLabels(input, (label) => (/[^\0-\x7f]/.test(label) ? `xn--${encode(label)}` : label));
}

export default { version, ucs2, decode, encode, toASCII, toUnicode };
