// Values as V8 writes them: what the files of objects hold that workerd has stored, and that were imported here.
//
// The format is that of V8's ValueSerializer, versions 13 to 15. Atoll writes its own (`src/clone.rs`) and only reads this.

import { decodeUtf8 } from "../encoding.js";

const HEADER = 0xff;
const OLDEST = 13;
const NEWEST = 15;
const VIEWS_HAVE_FLAGS = 14;

const VIEWS = new Map(
  Object.entries({
    b: Int8Array,
    B: Uint8Array,
    C: Uint8ClampedArray,
    w: Int16Array,
    W: Uint16Array,
    d: Int32Array,
    D: Uint32Array,
    h: globalThis.Float16Array,
    f: Float32Array,
    F: Float64Array,
    q: BigInt64Array,
    Q: BigUint64Array,
    "?": DataView,
  }),
);
const ERRORS = new Map(
  Object.entries({
    E: EvalError,
    R: RangeError,
    F: ReferenceError,
    S: SyntaxError,
    T: TypeError,
    U: URIError,
  }),
);
/** What workerd has written in its own way, by its number. */
const OWN_ERROR = 10;
const OWN_EXCEPTION = 8;
/** Classes of errors by the number that workerd gives them. Others are plain errors. */
const OWN_ERRORS = [undefined, Error, TypeError, RangeError, ReferenceError, SyntaxError];
OWN_ERRORS[10] = EvalError;
OWN_ERRORS[11] = URIError;
/** Its errors are a property. */
const AGGREGATE = 12;
/** Its name is one of the program's own. */
const NAMED = 0;
/** By their bit. */
const REG_EXP_FLAGS = ["g", "i", "m", "y", "u", "s", "", "d", "v"];
/** Properties of errors that are not enumerable. */
const HIDDEN = ["stack", "cause", "errors"];
const hide = (error, key, value) =>
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
/** In place of an element that is not there. */
const HOLE = Symbol("hole");

/** Whether V8 wrote these bytes: no value of Atoll's own format begins so. */
export const isV8 = (bytes) => bytes[0] === HEADER;

/** The value that V8 wrote. */
export function readV8(bytes) {
  return new Reader(bytes).whole();
}

class Reader {
  #bytes;
  #view;
  #at = 1;
  #version;
  /** Objects by their number. */
  #objects = [];

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#version = this.#number();
  }

  whole() {
    if (this.#version < OLDEST || this.#version > NEWEST) throw this.#unreadable(`version ${this.#version}`);
    return this.#value();
  }

  #unreadable(what) {
    return new Error(`The stored value was written by workerd and cannot be read here: ${what} at byte ${this.#at}.`);
  }

  #byte() {
    if (this.#at >= this.#bytes.length) throw this.#unreadable("an early end");
    return this.#bytes[this.#at++];
  }

  #take(length) {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw this.#unreadable("an early end");
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  #number() {
    let number = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      number += (byte & 127) * scale;
      if (byte < 128) return number;
      if (scale > 2 ** 42) throw this.#unreadable("a number that is too long");
    }
  }

  #double() {
    this.#take(8);
    return this.#view.getFloat64(this.#at - 8, true);
  }

  #tag() {
    let tag = this.#byte();
    // Strings of two bytes a letter are aligned.
    while (tag === 0) tag = this.#byte();
    return String.fromCharCode(tag);
  }

  #isNext(tag) {
    return this.#bytes[this.#at] === tag.charCodeAt(0);
  }

  #bigInt() {
    const field = this.#number();
    let value = 0n;
    for (const byte of this.#take(field >>> 1).toReversed()) value = (value << 8n) | BigInt(byte);
    return field & 1 ? -value : value;
  }

  #string(tag = this.#tag()) {
    const bytes = this.#take(this.#number());
    if (tag === "S") return decodeUtf8(bytes);
    if (tag !== '"' && tag !== "c") throw this.#unreadable("no string");
    const letters = [];
    const step = tag === "c" ? 2 : 1;
    for (let index = 0; index + step <= bytes.length; index += step) {
      letters.push(String.fromCharCode(bytes[index] | (step === 2 ? bytes[index + 1] << 8 : 0)));
    }
    return letters.join("");
  }

  #remember(object) {
    this.#objects.push(object);
    return object;
  }

  #value() {
    const value = this.#any();
    if (value === HOLE) throw this.#unreadable("a hole outside of an array");
    return value;
  }

  #any() {
    const tag = this.#tag();
    switch (tag) {
      case "_": return undefined;
      case "-": return HOLE;
      case "0": return null;
      case "T": return true;
      case "F": return false;
      case "I": {
        const number = this.#number();
        return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
      }
      case "U": return this.#number();
      case "N": return this.#double();
      case "Z": return this.#bigInt();
      case "S": case '"': case "c": return this.#string(tag);
      case "^": {
        const number = this.#number();
        if (number >= this.#objects.length) throw this.#unreadable("a reference to nothing");
        return this.#objects[number];
      }
      case "?": this.#number(); return this.#any();
      case "D": return this.#remember(new Date(this.#double()));
      case "y": return this.#remember(Object(true));
      case "x": return this.#remember(Object(false));
      case "n": return this.#remember(Object(this.#double()));
      case "z": return this.#remember(Object(this.#bigInt()));
      case "s": return this.#remember(Object(this.#string()));
      case "o": return this.#properties(this.#remember({}), "{");
      case "A": return this.#dense();
      case "a": {
        const length = this.#number();
        const array = this.#remember([]);
        this.#properties(array, "@");
        this.#number();
        array.length = length;
        return array;
      }
      case "R": return this.#regExp();
      case ";": {
        const map = this.#remember(new Map());
        while (!this.#ends(":")) map.set(this.#value(), this.#value());
        this.#number();
        return map;
      }
      case "'": {
        const set = this.#remember(new Set());
        while (!this.#ends(",")) set.add(this.#value());
        this.#number();
        return set;
      }
      case "B": return this.#viewed(this.#remember(this.#take(this.#number()).slice().buffer));
      case "~": {
        const length = this.#number();
        const buffer = new ArrayBuffer(length, { maxByteLength: this.#number() });
        new Uint8Array(buffer).set(this.#take(length));
        return this.#viewed(this.#remember(buffer));
      }
      case "r": return this.#error();
      case "\\": return this.#own();
      default: throw this.#unreadable(`a value of kind "${tag}"`);
    }
  }

  /** Whether the parts of an object end here. */
  #ends(tag) {
    if (!this.#isNext(tag)) return false;
    this.#at++;
    return true;
  }

  /** Reads names and values, and how many there are. */
  #properties(object, end) {
    while (!this.#ends(end)) {
      const key = this.#value();
      if (typeof key === "object") throw this.#unreadable("a name that is none");
      Object.defineProperty(object, key, {
        value: this.#value(), writable: true, enumerable: true, configurable: true,
      });
    }
    this.#number();
    return object;
  }

  #dense() {
    const length = this.#number();
    if (length > this.#bytes.length) throw this.#unreadable("an early end");
    const array = this.#remember(new Array(length));
    for (let index = 0; index < length; index++) {
      const element = this.#any();
      if (element !== HOLE) array[index] = element;
    }
    this.#properties(array, "$");
    this.#number();
    return array;
  }

  #regExp() {
    // Its number comes before what it is made of, which has none.
    const pattern = this.#string();
    const bits = this.#number();
    const flags = REG_EXP_FLAGS.filter((_, bit) => bits & (1 << bit));
    return this.#remember(new RegExp(pattern, flags.join("")));
  }

  /** A buffer, or the view on it that may follow. */
  #viewed(buffer) {
    if (!this.#ends("V")) return buffer;
    const View = VIEWS.get(String.fromCharCode(this.#byte()));
    const offset = this.#number();
    const bytes = this.#number();
    if (this.#version >= VIEWS_HAVE_FLAGS) this.#number();
    if (View === undefined) throw this.#unreadable("a view of an unknown kind");
    return this.#remember(new View(buffer, offset, bytes / (View.BYTES_PER_ELEMENT ?? 1)));
  }

  /** What V8 left to workerd. */
  #own() {
    const number = this.#objects.length;
    this.#remember(undefined);
    const kind = this.#number();
    if (kind === OWN_EXCEPTION) {
      const [name, message] = [this.#text(), this.#text()];
      this.#text();
      return (this.#objects[number] = new DOMException(message, name));
    }
    if (kind !== OWN_ERROR) throw this.#unreadable(`an object of workerd's, kind ${kind}`);
    const type = this.#number();
    const name = type === NAMED ? this.#string() : undefined;
    const message = this.#string();
    const error = type === AGGREGATE ? new AggregateError([], message) : new (OWN_ERRORS[type] ?? Error)(message);
    this.#objects[number] = error;
    const state = this.#value();
    if (name !== undefined) hide(error, "name", name);
    for (const key of Object.keys(state)) {
      if (HIDDEN.includes(key)) hide(error, key, state[key]);
      else error[key] = state[key];
    }
    return error;
  }

  /** A string of workerd's. */
  #text() {
    return decodeUtf8(this.#take(this.#number()));
  }

  #error() {
    const number = this.#objects.length;
    this.#remember(undefined);
    let Class = Error;
    let message;
    let stack;
    const options = {};
    for (;;) {
      const tag = this.#tag();
      if (tag === ".") break;
      if (tag === "m") message = this.#string();
      else if (tag === "s") stack = this.#string();
      else if (tag === "c") options.cause = this.#value();
      else if (ERRORS.has(tag)) Class = ERRORS.get(tag);
      else throw this.#unreadable("a part of an error");
    }
    const error = new Class(message, options);
    if (stack !== undefined) hide(error, "stack", stack);
    this.#objects[number] = error;
    return error;
  }
}
