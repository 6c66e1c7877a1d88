/** MIME types (https://mimesniff.spec.whatwg.org/#parsing-a-mime-type). */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const QUOTED_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;
const trim = (text) => text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
const trimEnd = (text) => text.replace(/[\t\n\r ]+$/, "");

/**
 * @param {string} input
 * @returns {{ essence: string, parameters: Map<string, string> } | undefined}
 */
export function parseMimeType(input) {
  const text = trim(input);
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const type = text.slice(0, slash);
  let end = text.indexOf(";", slash);
  if (end < 0) end = text.length;
  const subtype = trimEnd(text.slice(slash + 1, end));
  if (!TOKEN.test(type) || !TOKEN.test(subtype)) return undefined;
  const parameters = new Map();
  let position = end;
  while (position < text.length) {
    position += 1;
    while (position < text.length && /[\t\n\r ]/.test(text[position])) position += 1;
    const nameStart = position;
    while (position < text.length && text[position] !== ";" && text[position] !== "=") position += 1;
    const name = text.slice(nameStart, position).toLowerCase();
    if (position >= text.length) break;
    if (text[position] === ";") continue;
    position += 1;
    let value;
    if (text[position] === '"') {
      [value, position] = quotedString(text, position + 1);
      while (position < text.length && text[position] !== ";") position += 1;
    } else {
      const valueStart = position;
      while (position < text.length && text[position] !== ";") position += 1;
      value = trimEnd(text.slice(valueStart, position));
      if (value === "") continue;
    }
    if (TOKEN.test(name) && QUOTED_TEXT.test(value) && !parameters.has(name)) parameters.set(name, value);
  }
  return { essence: `${type}/${subtype}`.toLowerCase(), parameters };
}

function quotedString(text, position) {
  let value = "";
  while (position < text.length) {
    const character = text[position++];
    if (character === '"') break;
    if (character === "\\") {
      if (position >= text.length) value += "\\";
      else value += text[position++];
    } else {
      value += character;
    }
  }
  return [value, position];
}

/** https://mimesniff.spec.whatwg.org/#serialize-a-mime-type */
export function serializeMimeType({ essence, parameters }) {
  let text = essence;
  for (const [name, value] of parameters) {
    text += `;${name}=`;
    text += TOKEN.test(value) ? value : `"${value.replace(/(["\\])/g, "\\$1")}"`;
  }
  return text;
}

/**
 * The type that a Content-Type header's combined value means.
 * https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 */
export function extractMimeType(header) {
  let charset = null;
  let essence = null;
  let found;
  for (const value of splitList(header)) {
    const parsed = parseMimeType(value);
    if (parsed === undefined || parsed.essence === "*/*") continue;
    found = parsed;
    if (parsed.essence !== essence) {
      charset = parsed.parameters.get("charset") ?? null;
      essence = parsed.essence;
    } else if (!parsed.parameters.has("charset") && charset !== null) {
      parsed.parameters.set("charset", charset);
    }
  }
  return found;
}

/** Splits at commas outside of quotes. */
function splitList(text) {
  if (!text.includes(",")) return [text];
  const values = [];
  let current = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === "\\") {
      current += character + (text[++i] ?? "");
      continue;
    }
    if (character === '"') quoted = !quoted;
    if (character === "," && !quoted) {
      values.push(current);
      current = "";
    } else {
      current += character;
    }
  }
  values.push(current);
  return values;
}
