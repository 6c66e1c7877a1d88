/** Entries on one line, in columns, or one a line. */

import { stripColors } from "./text.js";

/** How a list of entries may be laid out. */
export const OBJECT_ENTRIES = 0;
export const ARRAY_ENTRIES = 1;

/** Full-width characters take two columns of a terminal, combining marks none. */
export function textWidth(text) {
  const bare = stripColors(text);
  if (!/[^\x20-\x7e]/.test(bare)) return bare.length;
  let width = 0;
  for (const char of bare.normalize("NFC")) {
    const code = char.codePointAt(0);
    if (isFullWidth(code)) width += 2;
    else if (!isZeroWidth(code)) width += 1;
  }
  return width;
}

function isFullWidth(code) {
  return (
    code >= 0x1100 &&
    (code <= 0x115f ||
      (code >= 0x2e80 && code <= 0x3247 && code !== 0x303f) ||
      (code >= 0x3250 && code <= 0x4dbf) ||
      (code >= 0x4e00 && code <= 0xa4c6) ||
      (code >= 0xa960 && code <= 0xa97c) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe10 && code <= 0xfe19) ||
      (code >= 0xfe30 && code <= 0xfe6b) ||
      (code >= 0xff01 && code <= 0xff60) ||
      (code >= 0xffe0 && code <= 0xffe6) ||
      (code >= 0x1f300 && code <= 0x1f64f) ||
      (code >= 0x1f900 && code <= 0x1f9ff) ||
      (code >= 0x20000 && code <= 0x3fffd))
  );
}

function isZeroWidth(code) {
  return (
    code <= 0x1f ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x300 && code <= 0x36f) ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x20d0 && code <= 0x20ff) ||
    (code >= 0xfe00 && code <= 0xfe0f) ||
    (code >= 0xfe20 && code <= 0xfe2f) ||
    (code >= 0xe0100 && code <= 0xe01ef)
  );
}

const SEPARATOR_WIDTH = 2;
const CELL_HEIGHT_TO_WIDTH = 2.5;
const MAX_COLUMNS = 15;

/**
 * Lines of aligned columns in the place of one entry a line, when the entries are short and alike; the same array when they
 * are not. A trailing "... n more items" keeps its own line.
 */
function groupElements(state, output, list) {
  let count = output.length;
  const hasTrailer = state.maxArrayLength < count;
  if (hasTrailer) count--;
  const widths = [];
  let total = 0;
  let longest = 0;
  for (let i = 0; i < count; i++) {
    const width = textWidth(output[i]);
    widths.push(width);
    total += width + SEPARATOR_WIDTH;
    if (width > longest) longest = width;
  }
  const widest = longest + SEPARATOR_WIDTH;
  if (widest * 3 + state.indentation >= state.breakLength) return output;
  if (total / widest <= 5 && longest > 6) return output;

  const bias = Math.sqrt(widest - total / output.length);
  const cell = Math.max(widest - 3 - bias, 1);
  const columns = Math.min(
    Math.round(Math.sqrt(CELL_HEIGHT_TO_WIDTH * cell * count) / cell),
    Math.floor((state.breakLength - state.indentation) / widest),
    state.compact * 4,
    MAX_COLUMNS,
  );
  if (columns <= 1) return output;

  const columnWidths = [];
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let i = column; i < count; i += columns) width = Math.max(width, widths[i]);
    columnWidths.push(width + SEPARATOR_WIDTH);
  }
  const alignRight = list !== undefined && everyNumber(list, output.length);
  const lines = [];
  for (let row = 0; row < count; row += columns) {
    const end = Math.min(row + columns, count);
    let line = "";
    for (let i = row; i < end - 1; i++) {
      const cellText = `${output[i]}, `;
      const padding = " ".repeat(Math.max(0, columnWidths[i - row] - widths[i] - SEPARATOR_WIDTH));
      line += alignRight ? padding + cellText : cellText + padding;
    }
    const last = end - 1;
    const padding = alignRight ? " ".repeat(Math.max(0, columnWidths[last - row] - SEPARATOR_WIDTH - widths[last])) : "";
    lines.push(line + padding + output[last]);
  }
  if (hasTrailer) lines.push(output[count]);
  return lines;
}

function everyNumber(list, count) {
  try {
    for (let i = 0; i < count; i++) if (typeof list[i] !== "number" && typeof list[i] !== "bigint") return false;
    return true;
  } catch {
    return false;
  }
}

/** Puts entries on one line where they are few and short, in columns where they are many, else one a line. */
export function joinEntries(state, output, base, [open, close], layout, level, list) {
  const head = base === "" ? "" : `${base} `;
  if (state.compact !== true) {
    if (typeof state.compact === "number" && state.compact >= 1) {
      const count = output.length;
      if (layout === ARRAY_ENTRIES && count > 6) output = groupElements(state, output, list);
      if (state.currentDepth - level < state.compact && count === output.length) {
        const start = output.length + state.indentation + open.length + base.length + 10;
        if (fitsOneLine(state, output, start, base)) {
          const joined = output.join(", ");
          if (!joined.includes("\n")) return `${head}${open} ${joined} ${close}`;
        }
      }
    }
    const indentation = `\n${" ".repeat(state.indentation)}`;
    return `${head}${open}${indentation}  ${output.join(`,${indentation}  `)}${indentation}${close}`;
  }
  if (fitsOneLine(state, output, 0, base)) return `${open}${base ? ` ${base}` : ""} ${output.join(", ")} ${close}`;
  const indentation = `\n${" ".repeat(state.indentation)}`;
  const line = base === "" && open.length === 1 ? " " : `${base ? ` ${base}` : ""}\n${" ".repeat(state.indentation)}  `;
  return `${open}${line}${output.join(`,${indentation}  `)} ${close}`;
}

function fitsOneLine(state, output, start, base) {
  let total = output.length + start;
  if (total + output.length > state.breakLength) return false;
  for (const entry of output) {
    total += state.colors ? textWidth(entry) : entry.length;
    if (total > state.breakLength) return false;
  }
  return base === "" || !base.includes("\n");
}
