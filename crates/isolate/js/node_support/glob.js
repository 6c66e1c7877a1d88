/** Shell globs (`*`, `**`, `?`, `[a-z]`, `{a,b}`) for `path.matchesGlob`. */

const escapeLiteral = (char) => char.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/**
 * @param {string} pattern
 * @param {boolean} windows whether a backslash separates segments, and case is ignored
 * @returns {RegExp} matches the whole path
 */
export function globToRegExp(pattern, windows = false) {
  const separator = windows ? "[\\\\/]" : "/";
  const inside = windows ? "[^\\\\/]" : "[^/]";
  let source = "";
  let braces = 0;
  let index = 0;
  let segmentStart = true;
  while (index < pattern.length) {
    const char = pattern[index];
    const wasStart = segmentStart;
    segmentStart = false;
    if (char === "*") {
      let stars = 1;
      while (pattern[index + stars] === "*") stars++;
      const next = pattern[index + stars];
      const wholeSegment = wasStart && (next === undefined || next === "/" || (windows && next === "\\"));
      index += stars;
      if (stars >= 2 && wholeSegment) {
        if (next === undefined) {
          source += ".*";
        } else {
          source += `(?:${inside}+${separator})*`;
          index++;
          segmentStart = true;
        }
      } else {
        source += wasStart && wholeSegment ? `${inside}+` : `${inside}*`;
      }
      continue;
    }
    index++;
    if (char === "?") {
      source += inside;
    } else if (char === "/" || (windows && char === "\\")) {
      source += separator;
      segmentStart = true;
    } else if (char === "[") {
      const close = pattern.indexOf("]", index + 1);
      if (close === -1) {
        source += "\\[";
        continue;
      }
      let body = pattern.slice(index, close);
      const negated = body[0] === "!" || body[0] === "^";
      if (negated) body = body.slice(1);
      source += `[${negated ? "^/" : ""}${body.replace(/[\\\]^]/g, "\\$&")}]`;
      index = close + 1;
    } else if (char === "{" && pattern.indexOf("}", index) !== -1) {
      source += "(?:";
      braces++;
      segmentStart = wasStart;
    } else if (char === "}" && braces > 0) {
      source += ")";
      braces--;
    } else if (char === "," && braces > 0) {
      source += "|";
      segmentStart = true;
    } else if (char === "\\" && index < pattern.length) {
      source += escapeLiteral(pattern[index++]);
    } else {
      source += escapeLiteral(char);
    }
  }
  return new RegExp(`^(?:${source})$`, windows ? "is" : "s");
}
