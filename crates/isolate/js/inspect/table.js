/** The table of `console.table`. */

import { engineClass } from "atoll:native/inspect";
import { inspect } from "../inspect.js";
import { textWidth } from "./layout.js";

const INDEX = "(index)";
const ITERATION_INDEX = "(iteration index)";
const KEY = "Key";
const VALUES = "Values";
const MAX_ROWS = 1000;
const MAX_COLUMNS = 200;

/**
 * @param {unknown} data
 * @param {string[]} [columns] the properties to show
 * @returns {string | undefined} nothing for what is not tabular
 */
export function tableText(data, columns) {
  if (data === null || typeof data !== "object") return undefined;
  if (columns !== undefined && !Array.isArray(columns)) {
    const error = new TypeError('The "properties" argument must be an instance of Array.');
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
  const kind = engineClass(data);
  if (kind === "Map") {
    const keys = [];
    const values = [];
    Map.prototype.forEach.call(data, (value, key) => {
      keys.push(cell(key));
      values.push(cell(value));
    });
    return draw([ITERATION_INDEX, KEY, VALUES], [keys.map((_, i) => String(i)), keys, values]);
  }
  if (kind === "Set") {
    const values = [];
    Set.prototype.forEach.call(data, (value) => values.push(cell(value)));
    return draw([ITERATION_INDEX, VALUES], [values.map((_, i) => String(i)), values]);
  }
  return rowsTable(data, columns);
}

function rowsTable(data, columns) {
  const rowKeys = Object.keys(data).slice(0, MAX_ROWS);
  const cells = new Map((columns ?? []).slice(0, MAX_COLUMNS).map((name) => [String(name), []]));
  const primitives = [];
  let hasPrimitives = false;
  rowKeys.forEach((rowKey, row) => {
    const item = data[rowKey];
    if (item === null || (typeof item !== "object" && typeof item !== "function")) {
      hasPrimitives = true;
      primitives[row] = cell(item);
      return;
    }
    for (const name of columns ?? Object.keys(item)) {
      if (!cells.has(name)) {
        if (cells.size >= MAX_COLUMNS) break;
        cells.set(name, []);
      }
      cells.get(name)[row] = Object.hasOwn(item, name) ? cell(item[name]) : "";
    }
  });
  const heads = [INDEX, ...cells.keys()];
  const lists = [rowKeys, ...cells.values()];
  if (hasPrimitives) {
    heads.push(VALUES);
    lists.push(primitives);
  }
  return draw(heads, lists);
}

function cell(value) {
  const isNested = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 2;
  return inspect(value, { depth: isNested ? -1 : 0, maxArrayLength: 3, breakLength: Infinity, maxStringLength: 1000 });
}

function draw(heads, lists) {
  const rows = Math.max(0, ...lists.map((list) => list.length));
  const widths = heads.map((head, column) => {
    let width = textWidth(head);
    for (let row = 0; row < rows; row++) width = Math.max(width, textWidth(lists[column][row] ?? ""));
    return width + 2;
  });
  const rule = (left, middle, right) => left + widths.map((width) => "─".repeat(width)).join(middle) + right;
  const line = (texts) => `│${texts.map((text, column) => padded(text ?? "", widths[column])).join("│")}│`;
  const body = [];
  for (let row = 0; row < rows; row++) body.push(line(lists.map((list) => list[row])));
  return [rule("┌", "┬", "┐"), line(heads), rule("├", "┼", "┤"), ...body, rule("└", "┴", "┘")].join("\n");
}

function padded(text, width) {
  return ` ${text}${" ".repeat(width - textWidth(text) - 1)}`;
}
