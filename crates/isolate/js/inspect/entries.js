/** What collections hold, as lists of texts. */

import { promiseDetails } from "atoll:native/inspect";
import { formatPrimitive, formatProperty, formatValue, isArrayIndex } from "../inspect.js";
import { ARRAY_ENTRIES } from "./layout.js";

const { get: typedArrayLength } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length");
const { get: mapSize } = Object.getOwnPropertyDescriptor(Map.prototype, "size");
const { get: setSize } = Object.getOwnPropertyDescriptor(Set.prototype, "size");
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;

export function formatArray(state, value, level) {
  const output = [];
  const length = value.length;
  const limit = Math.min(Math.max(0, state.maxArrayLength), length);
  let index = 0;
  let printed = 0;
  for (; index < length && printed < limit && state.remaining > 0; index++, printed++) {
    if (!Object.hasOwn(value, index)) {
      const next = nextOwnIndex(value, index, length);
      const holes = next - index;
      output.push(state.stylize(`<${holes} empty item${holes === 1 ? "" : "s"}>`, "undefined"));
      index = next - 1;
      continue;
    }
    output.push(formatProperty(state, value, String(index), level, { layout: ARRAY_ENTRIES }, false, true));
  }
  const rest = length - index;
  if (rest > 0) output.push(`... ${rest} more item${rest === 1 ? "" : "s"}`);
  return output;
}

/** The first index after `from` that exists; long holes are skipped through the list of keys. */
function nextOwnIndex(array, from, length) {
  for (let i = from; i < Math.min(from + 64, length); i++) if (Object.hasOwn(array, i)) return i;
  for (const key of Object.keys(array)) if (isArrayIndex(key) && Number(key) >= from) return Number(key);
  return length;
}

export function formatTypedArray(state, value, level) {
  const length = typedArrayLength.call(value);
  const limit = Math.min(Math.max(0, state.maxArrayLength), length);
  const output = [];
  for (let i = 0; i < limit; i++) output.push(formatPrimitive(state, value[i]));
  if (length > limit) output.push(`... ${length - limit} more item${length - limit === 1 ? "" : "s"}`);
  return output;
}

export function typedArrayDetails(state, value, level) {
  state.indentation += 2;
  const details = ["BYTES_PER_ELEMENT", "length", "byteLength", "byteOffset", "buffer"].map((key) => `[${key}]: ${formatValue(state, value[key], level)}`);
  state.indentation -= 2;
  return details;
}

export function formatSet(state, value, level) {
  const output = [];
  const size = setSize.call(value);
  const limit = Math.min(Math.max(0, state.maxArrayLength), size);
  state.indentation += 2;
  setForEach.call(value, (entry) => {
    if (output.length < limit) output.push(formatValue(state, entry, level));
  });
  state.indentation -= 2;
  if (size > limit) output.push(`... ${size - limit} more item${size - limit === 1 ? "" : "s"}`);
  return output;
}

export function formatMap(state, value, level) {
  const output = [];
  const size = mapSize.call(value);
  const limit = Math.min(Math.max(0, state.maxArrayLength), size);
  state.indentation += 2;
  mapForEach.call(value, (entry, key) => {
    if (output.length < limit) output.push(`${formatValue(state, key, level)} => ${formatValue(state, entry, level)}`);
  });
  state.indentation -= 2;
  if (size > limit) output.push(`... ${size - limit} more item${size - limit === 1 ? "" : "s"}`);
  return output;
}

export function formatArrayBuffer(state, value) {
  let bytes;
  try {
    bytes = new Uint8Array(value);
  } catch {
    return [state.stylize("(detached)", "special"), `byteLength: ${state.stylize("0", "number")}`];
  }
  const limit = Math.min(Math.max(0, state.maxArrayLength), 50, bytes.length);
  const shown = [];
  for (let i = 0; i < limit; i++) shown.push(bytes[i].toString(16).padStart(2, "0"));
  const rest = bytes.length - limit;
  const more = rest > 0 ? ` ... ${rest} more byte${rest === 1 ? "" : "s"}` : "";
  return [`${state.stylize("[Uint8Contents]", "special")}: <${shown.join(" ")}${more}>`, `byteLength: ${state.stylize(String(bytes.length), "number")}`];
}

export function formatPromise(state, value, level) {
  const [status, result] = promiseDetails(value);
  if (status === "pending") return [state.stylize("<pending>", "special")];
  state.indentation += 2;
  const text = formatValue(state, result, level);
  state.indentation -= 2;
  return [status === "rejected" ? `${state.stylize("<rejected>", "special")} ${text}` : text];
}
