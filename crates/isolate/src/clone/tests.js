// Makes a value out of random bytes, clones it through the codec, and compares; and tries bytes that are no value.

import { serialize, deserialize } from "./structured_clone.js";

function make(bytes) {
  let at = 0;
  const seen = [];
  const next = () => bytes[at++] ?? 0;
  const text = () => Array.from({ length: next() % 6 }, () => String.fromCharCode(next() * (next() % 2 ? 1 : 257))).join("");
  const keep = (object) => (seen.push(object), object);
  const value = (depth) => {
    const kind = at >= bytes.length || depth > 40 ? next() % 10 : next() % 24;
    switch (kind) {
      case 0: return undefined;
      case 1: return null;
      case 2: return next() % 2 === 0;
      case 3: return next() - 128;
      case 4: return (next() - 100) * 1e9 + next() / 7;
      case 5: return [NaN, -0, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 5e-324][next() % 7];
      case 6: return text();
      case 7: return BigInt(next() - 128) ** BigInt(next() % 20);
      case 8: return "x".repeat(next());
      case 9: return seen.length ? seen[next() % seen.length] : 0;
      case 10: case 11: case 12: {
        const object = keep({});
        for (let i = next() % 6; i > 0; i--) object[text()] = value(depth + 1);
        return object;
      }
      case 13: case 14: {
        const array = keep([]);
        for (let i = next() % 6; i > 0; i--) if (next() % 5) array.push(value(depth + 1)); else array.length++;
        if (next() % 7 === 0) array[text()] = value(depth + 1);
        if (next() % 9 === 0) array[next() * 1000] = 1;
        return array;
      }
      case 15: { const map = keep(new Map()); for (let i = next() % 4; i > 0; i--) map.set(value(depth + 1), value(depth + 1)); return map; }
      case 16: { const set = keep(new Set()); for (let i = next() % 4; i > 0; i--) set.add(value(depth + 1)); return set; }
      case 17: return keep(new Date(next() * 1e9));
      case 18: return keep(new RegExp(["a", "[/]", "\\d+", ""][next() % 4], ["", "g", "iu", "sy"][next() % 4]));
      case 19: return keep(Object([1, "s", true, 5n][next() % 4]));
      case 20: { const error = keep(new [Error, TypeError, RangeError][next() % 3](text())); if (next() % 2) error.cause = value(depth + 1); return error; }
      case 21: return keep(next() % 3 ? new ArrayBuffer(next()) : new ArrayBuffer(next() % 9, { maxByteLength: 16 }));
      case 22: { const buffer = keep(new ArrayBuffer(32)); return keep(new [Uint8Array, Float64Array, DataView, Int16Array][next() % 4](buffer, 8, next() % 3)); }
      default: return keep(new Uint8Array(next()).fill(next()));
    }
  };
  return value(0);
}

function same(one, two, pairs = new Map()) {
  if (one === null || typeof one !== "object") return Object.is(one, two);
  if (pairs.has(one)) return pairs.get(one) === two;
  pairs.set(one, two);
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(two)) return false;
  const both = (first, second) => same(first, second, pairs);
  if (one instanceof Map) return both([...one].flat(), [...two].flat());
  if (one instanceof Set) return both([...one], [...two]);
  if (one instanceof Date) return Object.is(+one, +two);
  if (one instanceof RegExp) return String(one) === String(two);
  if (one instanceof Error) return one.message === two.message && one.stack === two.stack && both(one.cause, two.cause);
  if (one instanceof ArrayBuffer) return one.resizable === two.resizable && String(new Uint8Array(one)) === String(new Uint8Array(two));
  if (ArrayBuffer.isView(one)) return one.byteOffset === two.byteOffset && one.byteLength === two.byteLength && both(one.buffer, two.buffer);
  if (one instanceof Number || one instanceof String || one instanceof Boolean || one instanceof BigInt) return one.valueOf() === two.valueOf();
  const keys = Object.keys(one);
  return one.length === two.length && keys.join() === Object.keys(two).join() && keys.every((key) => both(one[key], two[key]));
}

globalThis.roundTrip = (seed) => {
  const value = make(seed);
  const bytes = serialize(value, undefined);
  const copy = deserialize(bytes, undefined);
  if (!same(value, copy)) throw new Error("the copy differs");
  return bytes;
};
globalThis.tolerate = (bytes) => {
  try {
    deserialize(bytes, undefined);
    return "value";
  } catch (error) {
    return String(error.name);
  }
};
