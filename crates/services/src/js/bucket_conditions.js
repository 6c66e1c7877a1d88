// Conditions and ranges of requests to a bucket (https://www.rfc-editor.org/rfc/rfc9110#section-13).

import { Refusal } from "./answers.js";

const seconds = (ms) => Math.floor(ms / 1000) * 1000;

/** @param {{ kind: "any" | "strong" | "weak", value?: string }[]} list */
const includes = (list, etag, weakly) =>
  list.some(({ kind, value }) => kind === "any" || (value === etag && (kind === "strong" || weakly)));

/**
 * Whether what is stored is as a condition wants it.
 * @param {{ etag: string, uploaded: number } | undefined} stored
 */
export function holds(condition, stored) {
  if (condition === undefined) return true;
  const { matches, differs, after, before, inSeconds } = condition;
  if (stored === undefined) return matches === undefined && after === undefined;
  const round = inSeconds ? seconds : (ms) => ms;
  const uploaded = round(stored.uploaded);
  const ifMatch = matches === undefined || includes(matches, stored.etag, false);
  const ifNoneMatch = differs === undefined || !includes(differs, stored.etag, true);
  const ifModified = after === undefined || round(after) < uploaded || (differs !== undefined && ifNoneMatch);
  const ifUnmodified = before === undefined || uploaded < round(before) || (matches !== undefined && ifMatch);
  return ifMatch && ifNoneMatch && ifModified && ifUnmodified;
}

const unsatisfiable = () => new Refusal(416, "The requested range is not satisfiable", 10039);

/** Where to start in a value of this size, and how many bytes to read. */
export function rangeOf(wanted, size) {
  const whole = { offset: 0, length: size };
  if (wanted === undefined) return whole;
  if (wanted.header !== undefined) return fromHeader(wanted.header, size) ?? whole;
  let { offset, length, suffix } = wanted;
  if (suffix !== undefined) {
    if (suffix <= 0) throw unsatisfiable();
    length = Math.min(suffix, size);
    offset = size - length;
  }
  offset ??= 0;
  length ??= size - offset;
  if (offset > size || length <= 0) throw unsatisfiable();
  return { offset, length: Math.min(length, size - offset) };
}

/** The one range of a header; undefined for the whole value when it is none or names several. */
function fromHeader(header, size) {
  const found = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  if (found === null || (found[1] === "" && found[2] === "")) return undefined;
  if (found[1] === "") {
    const length = Math.min(Number(found[2]), size);
    return length === 0 ? undefined : { offset: size - length, length };
  }
  const start = Number(found[1]);
  const end = found[2] === "" ? size - 1 : Math.min(Number(found[2]), size - 1);
  return start > end ? undefined : { offset: start, length: end - start + 1 };
}
