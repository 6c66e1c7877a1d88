/** Quoting, cutting and measuring text for `inspect`. */

const META = /[\x00-\x1f'\\\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const NAMED = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\", "'": "\\'" };

/** `text` as a JavaScript literal, in the quotes that need the least escaping. */
export function quote(text) {
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes("`") && !text.includes("${")) mark = "`";
  }
  if (text.length < 5000 && !/[\x00-\x1f'\\\x7f-\x9f\ud800-\udfff]/.test(text)) return `${mark}${text}${mark}`;
  return mark + text.replace(META, (char) => escapeChar(char, mark)) + mark;
}

function escapeChar(char, mark) {
  if (char === "'" && mark !== "'") return char;
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).toUpperCase().padStart(2, "0")}` : `\\u${code.toString(16)}`;
}

/** @returns {[string, string]} the part to show and what to say of the rest */
export function truncateString(text, limit) {
  if (text.length <= limit) return [text, ""];
  const rest = text.length - limit;
  return [text.slice(0, limit), `... ${rest} more character${rest === 1 ? "" : "s"}`];
}

const COLOR_CODES = /\u001b\[\d\d?m/g;

/** @param {string} text */
export function stripColors(text) {
  return text.replace(COLOR_CODES, "");
}
