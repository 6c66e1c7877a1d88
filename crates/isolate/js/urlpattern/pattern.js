/** Pattern strings: tokens, parts, and the regular expressions made of them (https://urlpattern.spec.whatwg.org/). */

export const OPEN = 0;
export const CLOSE = 1;
export const REGEXP = 2;
export const NAME = 3;
export const CHAR = 4;
export const ESCAPED_CHAR = 5;
export const OTHER_MODIFIER = 6;
export const ASTERISK = 7;
export const END = 8;
export const INVALID_CHAR = 9;

const NAME_START = /^[$_\p{ID_Start}]$/u;
const NAME_PART = /^[$_\u200c\u200d\p{ID_Continue}]$/u;

const isNameCharacter = (character, first) => (first ? NAME_START : NAME_PART).test(character);
const isAscii = (character) => character.codePointAt(0) < 0x80;

/** @typedef {{ type: number, index: number, value: string }} Token */

/**
 * https://urlpattern.spec.whatwg.org/#tokenize-a-string
 * @param {boolean} lenient whether errors become INVALID_CHAR tokens
 * @returns {Token[]}
 */
export function tokenize(input, lenient) {
  const characters = [...input];
  const offsets = [];
  let offset = 0;
  for (const character of characters) {
    offsets.push(offset);
    offset += character.length;
  }
  offsets.push(offset);
  const tokens = [];
  const add = (type, index, valueStart, valueEnd) =>
    tokens.push({ type, index: offsets[index], value: input.slice(offsets[valueStart], offsets[valueEnd]) });
  const single = { "*": ASTERISK, "+": OTHER_MODIFIER, "?": OTHER_MODIFIER, "{": OPEN, "}": CLOSE };
  let index = 0;
  while (index < characters.length) {
    const character = characters[index];
    const type = single[character];
    if (type !== undefined) {
      add(type, index, index, index + 1);
      index += 1;
    } else if (character === "\\" && index < characters.length - 1) {
      add(ESCAPED_CHAR, index, index + 1, index + 2);
      index += 2;
    } else if (character === "\\") {
      index = fail(index + 1);
    } else if (character === ":") {
      let end = index + 1;
      while (end < characters.length && isNameCharacter(characters[end], end === index + 1)) end += 1;
      if (end === index + 1) {
        index = fail(end);
      } else {
        add(NAME, index, index + 1, end);
        index = end;
      }
    } else if (character === "(") {
      const end = endOfRegExp(characters, index + 1);
      if (end === undefined) {
        index = fail(index + 1);
      } else {
        add(REGEXP, index, index + 1, end - 1);
        index = end;
      }
    } else {
      add(CHAR, index, index, index + 1);
      index += 1;
    }
  }
  add(END, index, index, index);
  return tokens;

  function fail(next) {
    if (!lenient) throw new TypeError(`Failed to construct URLPattern: the pattern '${input}' is invalid`);
    add(INVALID_CHAR, index, index, index + 1);
    return next;
  }
}

/** Where the group that was opened just before `start` ends; undefined when it is none. */
function endOfRegExp(characters, start) {
  let depth = 1;
  let position = start;
  while (position < characters.length) {
    const character = characters[position];
    if (!isAscii(character) || (position === start && character === "?")) return undefined;
    if (character === "\\") {
      const escaped = characters[position + 1];
      if (escaped === undefined || !isAscii(escaped)) return undefined;
      position += 2;
      continue;
    }
    if (character === ")") {
      depth -= 1;
      if (depth === 0) return position === start ? undefined : position + 1;
    } else if (character === "(") {
      depth += 1;
      // Only groups that do not capture, so that the numbering of captures holds.
      if (characters[position + 1] !== "?") return undefined;
    }
    position += 1;
  }
  return undefined;
}

export const FIXED_TEXT = 0;
export const CUSTOM_REGEXP = 1;
export const SEGMENT_WILDCARD = 2;
export const FULL_WILDCARD = 3;

/** @typedef {{ type: number, value: string, modifier: string, name: string, prefix: string, suffix: string }} Part */
/** @typedef {{ delimiter: string, prefix: string, ignoreCase?: boolean }} Options */

const escapeRegExp = (text) => text.replace(/[.+*?^${}()[\]|/\\]/g, "\\$&");
export const escapePattern = (text) => text.replace(/[+*?:{}()\\]/g, "\\$&");

const segmentWildcard = (options) =>
  options.delimiter === "" ? "[^]+?" : `[^${escapeRegExp(options.delimiter)}]+?`;

/**
 * https://urlpattern.spec.whatwg.org/#parse-a-pattern-string
 * @param {Options} options
 * @param {(text: string) => string} encode
 * @returns {Part[]}
 */
export function parsePattern(input, options, encode) {
  const tokens = tokenize(input, false);
  const segment = segmentWildcard(options);
  /** @type {Part[]} */
  const parts = [];
  let index = 0;
  let pending = "";
  let nextNumber = 0;

  const take = (type) => (tokens[index].type === type ? tokens[index++] : undefined);
  const takeModifier = () => take(OTHER_MODIFIER) ?? take(ASTERISK);
  const takeRegExpOrWildcard = (name) => take(REGEXP) ?? (name === undefined ? take(ASTERISK) : undefined);
  const require = (type) => {
    const token = take(type);
    if (token === undefined) throw new TypeError(`Failed to construct URLPattern: the pattern '${input}' is invalid`);
    return token;
  };
  const takeText = () => {
    let text = "";
    for (;;) {
      const token = take(CHAR) ?? take(ESCAPED_CHAR);
      if (token === undefined) return text;
      text += token.value;
    }
  };
  const flush = () => {
    if (pending === "") return;
    const value = encode(pending);
    pending = "";
    parts.push({ type: FIXED_TEXT, value, modifier: "", name: "", prefix: "", suffix: "" });
  };
  const addPart = (prefix, nameToken, regExpToken, suffix, modifierToken) => {
    const modifier = modifierToken?.value ?? "";
    if (nameToken === undefined && regExpToken === undefined && modifier === "") {
      pending += prefix;
      return;
    }
    flush();
    if (nameToken === undefined && regExpToken === undefined) {
      if (prefix === "") return;
      parts.push({ type: FIXED_TEXT, value: encode(prefix), modifier, name: "", prefix: "", suffix: "" });
      return;
    }
    let value = regExpToken === undefined ? segment : regExpToken.type === ASTERISK ? ".*" : regExpToken.value;
    let type = CUSTOM_REGEXP;
    if (value === segment) {
      type = SEGMENT_WILDCARD;
      value = "";
    } else if (value === ".*") {
      type = FULL_WILDCARD;
      value = "";
    }
    const name = nameToken !== undefined ? nameToken.value : String(nextNumber++);
    if (parts.some((part) => part.name === name)) {
      throw new TypeError(`Failed to construct URLPattern: the pattern '${input}' has the name '${name}' twice`);
    }
    parts.push({ type, value, modifier, name, prefix: encode(prefix), suffix: encode(suffix) });
  };

  while (index < tokens.length) {
    const char = take(CHAR);
    let name = take(NAME);
    let regExp = takeRegExpOrWildcard(name);
    if (name !== undefined || regExp !== undefined) {
      let prefix = char?.value ?? "";
      if (prefix !== "" && prefix !== options.prefix) {
        pending += prefix;
        prefix = "";
      }
      flush();
      addPart(prefix, name, regExp, "", takeModifier());
      continue;
    }
    const fixed = char ?? take(ESCAPED_CHAR);
    if (fixed !== undefined) {
      pending += fixed.value;
      continue;
    }
    if (take(OPEN) !== undefined) {
      const prefix = takeText();
      name = take(NAME);
      regExp = takeRegExpOrWildcard(name);
      const suffix = takeText();
      require(CLOSE);
      addPart(prefix, name, regExp, suffix, takeModifier());
      continue;
    }
    flush();
    require(END);
  }
  return parts;
}

/**
 * https://urlpattern.spec.whatwg.org/#generate-a-regular-expression-and-name-list
 * @param {Part[]} parts
 * @param {Options} options
 */
export function toRegExp(parts, options) {
  const names = [];
  let source = "^";
  for (const { type, value, modifier, name, prefix, suffix } of parts) {
    if (type === FIXED_TEXT) {
      source += modifier === "" ? escapeRegExp(value) : `(?:${escapeRegExp(value)})${modifier}`;
      continue;
    }
    names.push(name);
    const inner = type === SEGMENT_WILDCARD ? segmentWildcard(options) : type === FULL_WILDCARD ? ".*" : value;
    const once = modifier === "" || modifier === "?";
    if (prefix === "" && suffix === "") {
      source += once ? `(${inner})${modifier}` : `((?:${inner})${modifier})`;
      continue;
    }
    const before = escapeRegExp(prefix);
    const after = escapeRegExp(suffix);
    if (once) source += `(?:${before}(${inner})${after})${modifier}`;
    else source += `(?:${before}((?:${inner})(?:${after}${before}(?:${inner}))*)${after})${modifier === "*" ? "?" : ""}`;
  }
  source += "$";
  return { regExp: compile(source, options.ignoreCase ? "i" : ""), names };
}

/** The standard asks for the flag "v"; the engine refuses some plain text under it that it takes under "u". */
function compile(source, flags) {
  for (const unicode of ["v", "u"]) {
    try {
      return new RegExp(source, unicode + flags);
    } catch {
      continue;
    }
  }
  throw new TypeError("Failed to construct URLPattern: a regular expression group is invalid");
}

/**
 * https://urlpattern.spec.whatwg.org/#generate-a-pattern-string
 * @param {Part[]} parts
 * @param {Options} options
 */
export function toPatternString(parts, options) {
  let result = "";
  for (const [index, part] of parts.entries()) {
    const { type, value, modifier, name, prefix, suffix } = part;
    const previous = parts[index - 1];
    const next = parts[index + 1];
    if (type === FIXED_TEXT) {
      result += modifier === "" ? escapePattern(value) : `{${escapePattern(value)}}${modifier}`;
      continue;
    }
    const custom = !/^[0-9]/.test(name);
    let grouped = suffix !== "" || (prefix !== "" && prefix !== options.prefix);
    if (!grouped && custom && type === SEGMENT_WILDCARD && modifier === "" && next !== undefined &&
      next.prefix === "" && next.suffix === "") {
      grouped = next.type === FIXED_TEXT
        ? isNameCharacter(String.fromCodePoint(next.value.codePointAt(0)), false)
        : /^[0-9]/.test(next.name);
    }
    if (!grouped && prefix === "" && previous?.type === FIXED_TEXT && options.prefix !== "" &&
      previous.value.endsWith(options.prefix)) {
      grouped = true;
    }
    if (grouped) result += "{";
    result += escapePattern(prefix);
    if (custom) result += `:${name}`;
    if (type === CUSTOM_REGEXP) {
      result += `(${value})`;
    } else if (type === SEGMENT_WILDCARD && !custom) {
      result += `(${segmentWildcard(options)})`;
    } else if (type === FULL_WILDCARD) {
      const bare = !custom && (previous === undefined || previous.type === FIXED_TEXT || previous.modifier !== "" ||
        grouped || prefix !== "");
      result += bare ? "*" : "(.*)";
    }
    if (type === SEGMENT_WILDCARD && custom && suffix !== "" &&
      isNameCharacter(String.fromCodePoint(suffix.codePointAt(0)), false)) {
      result += "\\";
    }
    result += escapePattern(suffix);
    if (grouped) result += "}";
    result += modifier;
  }
  return result;
}
