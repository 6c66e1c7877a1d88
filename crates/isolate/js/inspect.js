/**
 * Values as readable text, as `util.inspect` of Node prints them: what `console` and `node:util` stand on.
 *
 * Nothing here throws because of the value it is given: a throwing getter, trap or prototype gives a marker in the text.
 * Only `[inspect.custom]` functions run user code, and what they throw passes through as it does in Node.
 */

import { engineClass, proxyDetails } from "atoll:native/inspect";
import { colored, colors, styles } from "./inspect/colors.js";
import { formatArray, formatArrayBuffer, formatMap, formatPromise, formatSet, formatTypedArray, typedArrayDetails } from "./inspect/entries.js";
import { errorText } from "./inspect/error.js";
import { ARRAY_ENTRIES, joinEntries, OBJECT_ENTRIES } from "./inspect/layout.js";
import { quote, truncateString } from "./inspect/text.js";

export { format, formatWithOptions } from "./inspect/format.js";
export { colors, styles } from "./inspect/colors.js";
export { stripColors } from "./inspect/text.js";

/** The key of a method that prints an object its own way. */
export const customInspectSymbol = Symbol.for("nodejs.util.inspect.custom");

/** Options of `inspect` and what they are when not given; Node's, plus `maxOutputLength`. */
export const inspectDefaultOptions = Object.seal({
  showHidden: false,
  depth: 2,
  colors: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 80,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
});

const getDescriptor = Object.getOwnPropertyDescriptor;
const getPrototype = Object.getPrototypeOf;
const TypedArrayPrototype = getPrototype(Uint8Array.prototype);
const typedArrayLength = getDescriptor(TypedArrayPrototype, "length").get;
const functionToString = Function.prototype.toString;
const propertyIsEnumerable = Object.prototype.propertyIsEnumerable;
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
const ARRAY_INDEX_LIMIT = 2 ** 32 - 1;

/**
 * @param {unknown} value
 * @param {object | boolean} [options] the options, or Node's old positional `showHidden`
 * @param {number} [depth] old positional form
 * @param {boolean} [useColors] old positional form
 */
export function inspect(value, options, depth, useColors) {
  const state = newState();
  if (typeof options === "boolean") {
    state.showHidden = options;
    if (depth !== undefined) state.depth = depth;
    if (useColors !== undefined) state.colors = useColors;
  } else if (options !== null && typeof options === "object") {
    applyOptions(state, options);
  }
  return inspectWith(state, value);
}

inspect.custom = customInspectSymbol;
inspect.styles = styles;
inspect.colors = colors;
Object.defineProperty(inspect, "defaultOptions", {
  get: () => inspectDefaultOptions,
  set(options) {
    if (options === null || typeof options !== "object") {
      const error = new TypeError('The "options" argument must be of type object.');
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    Object.assign(inspectDefaultOptions, options);
  },
  enumerable: true,
  configurable: true,
});

function newState() {
  return {
    seen: [],
    circular: undefined,
    indentation: 0,
    currentDepth: 0,
    remaining: Infinity,
    stylize: plain,
    given: undefined,
    ...inspectDefaultOptions,
  };
}

function applyOptions(state, options) {
  for (const key of Object.keys(options)) {
    if (key in inspectDefaultOptions || key === "stylize") state[key] = options[key];
    else if (key === "maxOutputLength") state.remaining = options[key];
    else state.given ??= options;
  }
}

function inspectWith(state, value) {
  if (state.colors) state.stylize = colored;
  if (state.maxArrayLength === null) state.maxArrayLength = Infinity;
  if (state.maxStringLength === null) state.maxStringLength = Infinity;
  return formatValue(state, value, 0, false);
}

const plain = (text) => text;

/** The text of any value, nested `level` deep; `typed` says that the value is an entry of a typed list. */
export function formatValue(state, value, level, typed) {
  if (state.remaining <= 0) return "...";
  if ((typeof value !== "object" || value === null) && typeof value !== "function") {
    const text = formatPrimitive(state, value);
    state.remaining -= text.length;
    return text;
  }
  const target = value;
  const proxy = proxyDetails(value);
  if (proxy !== undefined) {
    if (proxy === null || proxy[0] === null) return state.stylize("<Revoked Proxy>", "special");
    if (state.showProxy) return formatProxy(state, proxy, level);
    value = unwrapProxy(proxy);
    if (value === null) return state.stylize("<Revoked Proxy>", "special");
  }
  if (state.customInspect) {
    const custom = customText(state, value, target, level);
    if (custom !== undefined) return custom;
  }
  if (state.seen.includes(value)) {
    state.circular ??= new Map();
    let index = state.circular.get(value);
    if (index === undefined) state.circular.set(value, (index = state.circular.size + 1));
    return state.stylize(`[Circular *${index}]`, "special");
  }
  return formatObject(state, value, level, typed);
}

/** A proxy's target, and the target's own when that is a proxy too; null when one of them is revoked. */
function unwrapProxy(details) {
  let target = details[0];
  for (;;) {
    const inner = proxyDetails(target);
    if (inner === undefined) return target;
    if (inner === null || inner[0] === null) return null;
    target = inner[0];
  }
}

function formatProxy(state, proxy, level) {
  if (level > state.depth && state.depth !== null) return state.stylize("Proxy [Array]", "special");
  state.indentation += 2;
  const parts = [formatValue(state, proxy[0], level + 1), formatValue(state, proxy[1], level + 1)];
  state.indentation -= 2;
  return joinEntries(state, parts, "", ["Proxy [", "]"], ARRAY_ENTRIES, level);
}

function customText(state, value, receiver, level) {
  let custom;
  try {
    custom = value[customInspectSymbol];
  } catch {
    return undefined;
  }
  if (typeof custom !== "function" || custom === inspect) return undefined;
  try {
    // The prototype of the class itself has no instance to print.
    if (getDescriptor(value, "constructor")?.value?.prototype === value) return undefined;
  } catch {
    return undefined;
  }
  const depth = state.depth === null ? null : state.depth - level;
  const result = custom.call(receiver, depth, userOptions(state), inspect);
  if (result === receiver) return undefined;
  if (typeof result !== "object" || result === null) {
    const text = typeof result === "string" ? result : formatValue(state, result, level);
    state.remaining -= text.length;
    return text.replaceAll("\n", `\n${" ".repeat(state.indentation)}`);
  }
  return formatValue(state, result, level);
}

function userOptions(state) {
  const options = { ...state.given };
  for (const key of Object.keys(inspectDefaultOptions)) options[key] = state[key];
  options.stylize = state.stylize;
  return options;
}

export function formatPrimitive(state, value) {
  switch (typeof value) {
    case "string":
      return formatString(state, value);
    case "number":
      return state.stylize(formatNumber(value, state.numericSeparator), "number");
    case "bigint":
      return state.stylize(`${separate(String(value), state.numericSeparator)}n`, "bigint");
    case "boolean":
      return state.stylize(String(value), "boolean");
    case "undefined":
      return state.stylize("undefined", "undefined");
    case "symbol":
      return state.stylize(symbolText(value), "symbol");
    default:
      return state.stylize("null", "null");
  }
}

function symbolText(symbol) {
  return quote(Symbol.prototype.toString.call(symbol)).slice(1, -1).replaceAll("\\'", "'");
}

/** @param {number} value */
export function formatNumber(value, separated) {
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  if (!separated || !Number.isFinite(value) || text.includes("e")) return text;
  const [integer, fraction] = text.split(".");
  const head = separate(integer, true);
  return fraction === undefined ? head : `${head}.${fraction.replace(/(\d{3})(?=\d)/g, "$1_")}`;
}

function separate(digits, separated) {
  return separated ? digits.replace(/\B(?=(\d{3})+$)/g, "_") : digits;
}

function formatString(state, value) {
  const limit = Math.min(state.maxStringLength, Math.max(state.remaining, 16));
  const [text, trailer] = truncateString(value, limit);
  const room = state.breakLength - state.indentation - 4;
  if (state.compact !== true && text.length > 16 && text.length > room && text.includes("\n")) {
    const lines = text.split(/(?<=\n)/).map((line) => state.stylize(quote(line), "string"));
    return lines.join(` +\n${" ".repeat(state.indentation + 2)}`) + trailer;
  }
  return state.stylize(quote(text), "string") + trailer;
}

// ---------------------------------------------------------------------------------------------- objects

/** The name of the class of `object`, null for an object without a prototype. */
function constructorName(state, object) {
  let first;
  for (let at = object; at !== null; ) {
    let descriptor;
    try {
      descriptor = getDescriptor(at, "constructor");
      if (descriptor !== undefined && typeof descriptor.value === "function" && descriptor.value.name !== "" && isInstance(object, descriptor.value)) {
        return String(descriptor.value.name);
      }
      at = getPrototype(at);
    } catch {
      return "Object";
    }
    first ??= { prototype: at };
  }
  if (first === undefined || first.prototype === null) return null;
  const kind = engineClass(object);
  const prototype = state.depth !== null && state.indentation > 60 ? "..." : formatValue({ ...state, customInspect: false, depth: -1 }, first.prototype, 0);
  return `${kind === "Module" ? "Object" : kind} <${prototype}>`;
}

function isInstance(object, constructor) {
  try {
    return object instanceof constructor;
  } catch {
    return false;
  }
}

function stringTag(object, name) {
  let tag;
  try {
    tag = object[Symbol.toStringTag];
  } catch {
    return "";
  }
  return typeof tag === "string" && tag !== "" && tag !== name ? tag : "";
}

function prefix(name, tag, fallback, size = "") {
  if (name === null) {
    return tag !== "" && tag !== fallback ? `[${fallback}${size}: null prototype] [${tag}] ` : `[${fallback}${size}: null prototype] `;
  }
  return tag !== "" && tag !== name ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

function ownKeys(object, showHidden) {
  const keys = showHidden ? Object.getOwnPropertyNames(object) : Object.keys(object);
  for (const symbol of Object.getOwnPropertySymbols(object)) {
    if (showHidden || propertyIsEnumerable.call(object, symbol)) keys.push(symbol);
  }
  return keys;
}

export function isArrayIndex(key) {
  if (typeof key !== "string" || key.length > 10) return false;
  const index = Number(key);
  return String(index >>> 0) === key && index < ARRAY_INDEX_LIMIT;
}

function extraKeys(object, showHidden) {
  const keys = ownKeys(object, showHidden).filter((key) => !isArrayIndex(key));
  return keys;
}

/**
 * What an object looks like before it is laid out: an optional text before the braces, the braces, the keys to list, and
 * the entries that come before them.
 */
function describe(state, value, level, typed) {
  const kind = engineClass(value);
  const name = constructorName(state, value);
  const tag = stringTag(value, name);
  const shape = { base: "", open: "{", close: "}", keys: undefined, entries: undefined, layout: OBJECT_ENTRIES, list: undefined, name, tag, kind };
  const simplePrefix = (fallback, size) => prefix(name, tag, fallback, size);
  const hidden = state.showHidden;

  if (Array.isArray(value)) {
    const head = name !== "Array" || tag !== "" ? simplePrefix("Array", `(${value.length})`) : "";
    shape.open = `${head}[`;
    shape.close = "]";
    shape.keys = extraKeys(value, hidden);
    shape.layout = ARRAY_ENTRIES;
    if (value.length === 0 && shape.keys.length === 0) shape.text = `${shape.open}]`;
    shape.entries = formatArray;
    shape.list = value;
    return shape;
  }
  switch (kind) {
    case "Set":
    case "Map": {
      const size = kind === "Set" ? setSize.call(value) : mapSize.call(value);
      shape.open = `${simplePrefix(kind, `(${size})`)}{`;
      shape.keys = ownKeys(value, hidden);
      shape.entries = kind === "Set" ? formatSet : formatMap;
      if (size === 0 && shape.keys.length === 0) shape.text = `${shape.open}}`;
      return shape;
    }
    case "ArrayBuffer":
    case "SharedArrayBuffer": {
      shape.open = `${simplePrefix(kind)}{`;
      shape.keys = ownKeys(value, hidden);
      shape.entries = formatArrayBuffer;
      return shape;
    }
    case "DataView":
      shape.open = `${simplePrefix("DataView")}{`;
      shape.keys = ["byteLength", "byteOffset", "buffer", ...ownKeys(value, hidden)];
      shape.virtual = 3;
      return shape;
    case "Promise":
      shape.open = `${simplePrefix("Promise")}{`;
      shape.keys = ownKeys(value, hidden);
      shape.entries = formatPromise;
      return shape;
    case "WeakSet":
    case "WeakMap":
      shape.open = `${simplePrefix(kind)}{`;
      shape.keys = ownKeys(value, hidden);
      shape.entries = () => [state.stylize("<items unknown>", "special")];
      return shape;
    case "WeakRef":
      shape.open = `${simplePrefix(kind)}{`;
      shape.keys = ownKeys(value, hidden);
      shape.entries = () => ["<ref>"];
      return shape;
    case "Arguments":
    case "Mapped Arguments":
      shape.open = "[Arguments] {";
      shape.keys = ownKeys(value, hidden);
      if (shape.keys.length === 0) shape.text = "[Arguments] {}";
      return shape;
    case "Module":
      shape.open = `${simplePrefix("Module").replace(/ \[Module\] $/, " ")}{`;
      shape.keys = ownKeys(value, hidden);
      return shape;
    default:
  }
  if (ArrayBuffer.isView(value)) {
    const length = typedArrayLength.call(value);
    shape.open = `${simplePrefix(kind, `(${length})`)}[`;
    shape.close = "]";
    shape.keys = extraKeys(value, hidden);
    shape.layout = ARRAY_ENTRIES;
    shape.entries = formatTypedArray;
    shape.list = value;
    if (length === 0 && shape.keys.length === 0) shape.text = `${shape.open}]`;
    return shape;
  }
  shape.keys = ownKeys(value, hidden);
  return describeOther(state, value, level, shape, simplePrefix, typed);
}

/** The kinds whose text stands before the braces, and ordinary objects. */
function describeOther(state, value, level, shape, simplePrefix) {
  const { kind, name, tag } = shape;
  const bare = (base, style) => {
    shape.base = base;
    if (shape.keys.length === 0) shape.text = style === undefined ? base : state.stylize(base, style);
    return shape;
  };
  if (typeof value === "function") {
    // A function's own prototype and the like are hidden; the text already has its name.
    return bare(functionText(value, name, tag), "special");
  }
  if (kind === "RegExp") {
    const text = safely(() => RegExp.prototype.toString.call(value), "/(?:)/");
    const head = name === "RegExp" ? "" : simplePrefix("RegExp");
    return bare(head + text, "regexp");
  }
  if (kind === "Date") {
    const time = Date.prototype.getTime.call(value);
    const head = name === "Date" ? "" : simplePrefix("Date");
    return bare(head + (Number.isNaN(time) ? "Invalid Date" : Date.prototype.toISOString.call(value)), "date");
  }
  if (isErrorLike(value, kind)) {
    return bare(errorText(state, value, name, tag, shape.keys, formatValue));
  }
  if (kind === "Number" || kind === "String" || kind === "Boolean" || kind === "BigInt" || kind === "Symbol") {
    const primitive = safely(() => globalThis[kind].prototype.valueOf.call(value), undefined);
    if (kind === "String") shape.keys = shape.keys.filter((key) => !isArrayIndex(key) || Number(key) >= primitive.length);
    let label = `[${kind}`;
    if (name === null) label += " (null prototype)";
    else if (name !== kind) label += ` (${name})`;
    label += `: ${formatPrimitive({ ...state, stylize: plain, compact: true }, primitive)}]`;
    if (tag !== "" && tag !== name) label += ` [${tag}]`;
    return bare(label, kind.toLowerCase());
  }
  if (kind === "Module") {
    shape.open = `[${tag}${name === null ? ": null prototype" : ""}] {`;
    return shape;
  }
  const isPlain = name === "Object" && tag === "";
  shape.open = isPlain ? "{" : `${simplePrefix("Object")}{`;
  if (shape.keys.length === 0) shape.text = `${shape.open}}`;
  return shape;
}

const mapSize = getDescriptor(Map.prototype, "size").get;
const setSize = getDescriptor(Set.prototype, "size").get;

function isErrorLike(value, kind) {
  return kind === "Error" || kind === "DOMException" || safely(() => value instanceof Error, false);
}

function safely(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function functionText(value, name, tag) {
  const source = safely(() => functionToString.call(value), "");
  const own = safely(() => getDescriptor(value, "name")?.value, undefined);
  const hasName = typeof own === "string" && own !== "";
  if (source.startsWith("class") && source.endsWith("}")) {
    let text = hasName ? `[class ${own}` : "[class (anonymous)";
    if (name !== "Function" && name !== null) text += ` [${name}]`;
    if (tag !== "" && name !== tag) text += ` [${tag}]`;
    if (name === null) return `${text} extends [null prototype]]`;
    const parent = safely(() => getPrototype(value)?.name, "");
    return parent ? `${text} extends ${parent}]` : `${text}]`;
  }
  const kind = FUNCTION_KINDS[engineClass(value)] ?? "Function";
  let text = `[${kind}`;
  if (name === null) text += " (null prototype)";
  text += hasName ? `: ${own}]` : " (anonymous)]";
  if (name !== kind && name !== null) text += ` ${name}`;
  if (tag !== "" && name !== tag) text += ` [${tag}]`;
  return text;
}

/** The engine's class names of callable objects, where they are not ordinary functions. */
const FUNCTION_KINDS = {
  __proto__: null,
  GeneratorFunction: "GeneratorFunction",
  AsyncFunction: "AsyncFunction",
  AsyncGeneratorFunction: "AsyncGeneratorFunction",
};

function formatObject(state, value, level, typed) {
  let shape;
  try {
    shape = describe(state, value, level, typed);
  } catch {
    return state.stylize("[object with hostile properties]", "special");
  }
  if (shape.text !== undefined) {
    state.remaining -= shape.text.length;
    return shape.text;
  }
  if (state.depth !== null && level > state.depth) {
    const label = prefix(shape.name, shape.tag, Array.isArray(value) ? "Array" : "Object").slice(0, -1);
    return state.stylize(`[${label}]`, "special");
  }
  state.seen.push(value);
  state.currentDepth = level;
  const output = formatEntries(state, value, shape, level + 1);
  state.seen.pop();

  let { open, base } = shape;
  const index = state.circular?.get(value);
  if (index !== undefined) {
    const reference = state.stylize(`<ref *${index}>`, "special");
    if (state.compact === true || base === "") open = `${reference} ${open}`;
    else base = `${reference} ${base}`;
  }
  if (state.sorted) sortEntries(state, shape, output);
  return joinEntries(state, output, base, [open, shape.close], shape.layout, level, shape.list);
}

function formatEntries(state, value, shape, level) {
  const output = [];
  try {
    if (shape.entries !== undefined) output.push(...shape.entries(state, value, level));
    shape.fixed = output.length;
    const { keys } = shape;
    for (let i = 0; i < keys.length; i++) {
      if (state.remaining <= 0) {
        output.push(`... ${keys.length - i} more propert${keys.length - i === 1 ? "y" : "ies"}`);
        break;
      }
      output.push(formatProperty(state, value, keys[i], level, shape, i < (shape.virtual ?? 0)));
    }
    if (state.showHidden && shape.entries === formatTypedArray) output.push(...typedArrayDetails(state, value, level));
  } catch (error) {
    if (error instanceof RangeError || error?.name === "InternalError") output.push(state.stylize("[maximum depth reached]", "special"));
    else throw error;
  }
  return output;
}

function sortEntries(state, shape, output) {
  const compare = state.sorted === true ? undefined : state.sorted;
  const fixed = shape.layout === ARRAY_ENTRIES ? shape.fixed : 0;
  const tail = output.splice(fixed).sort(compare);
  output.push(...tail);
}

export function formatProperty(state, object, key, level, shape, virtual = false, element = false) {
  const descriptor = virtual ? { value: object[key], enumerable: true } : (getDescriptor(object, key) ?? { value: undefined, enumerable: true });
  let text;
  if (descriptor.value !== undefined || (descriptor.get === undefined && descriptor.set === undefined)) {
    state.indentation += 2;
    text = formatValue(state, descriptor.value, level);
    state.indentation -= 2;
  } else if (descriptor.get !== undefined) {
    text = formatGetter(state, object, descriptor, level);
  } else {
    text = state.stylize("[Setter]", "special");
  }
  if (element) return text;
  const name = keyText(state, key, descriptor.enumerable);
  state.remaining -= name.length;
  return `${name}: ${text}`;
}

function formatGetter(state, object, descriptor, level) {
  const label = descriptor.set === undefined ? "Getter" : "Getter/Setter";
  const { getters } = state;
  const wanted = getters === true || (getters === "get" && descriptor.set === undefined) || (getters === "set" && descriptor.set !== undefined);
  if (!wanted) return state.stylize(`[${label}]`, "special");
  try {
    const value = descriptor.get.call(object);
    state.indentation += 2;
    const text =
      value !== null && typeof value === "object"
        ? `${state.stylize(`[${label}]`, "special")} ${formatValue(state, value, level)}`
        : `${state.stylize(`[${label}:`, "special")} ${formatPrimitive(state, value)}${state.stylize("]", "special")}`;
    state.indentation -= 2;
    return text;
  } catch (error) {
    return state.stylize(`[${label}: <Inspection threw (${safely(() => error.message, "unknown")})>]`, "special");
  }
}

function keyText(state, key, enumerable) {
  if (typeof key === "symbol") {
    const text = state.stylize(symbolText(key), "symbol");
    return enumerable === false ? `[${text}]` : `[${text}]`;
  }
  if (key === "__proto__") return "['__proto__']";
  if (enumerable === false) return `[${key}]`;
  return IDENTIFIER.test(key) ? state.stylize(key, "name") : state.stylize(quote(key), "string");
}
