/** FormData (https://xhr.spec.whatwg.org/#interface-formdata) with both of its encodings. */
import { parseMultipart } from "atoll:native/form";
import { File, getBlobBytes, isBlob, makeFile } from "./blob.js";
import { parseMimeType } from "./mime.js";
import { parseForm } from "./url.js";
import { decodeUtf8, encodeUtf8 } from "./encoding.js";
import { defineInterface, illegal, requireArguments, toUSVString } from "./webidl.js";

let entriesOf;

export class FormData {
  /** @type {[string, string | File][]} */
  #entries = [];

  append(name, value, filename = undefined) {
    requireArguments(arguments.length, 2, "'append' on 'FormData'", "string, File or Blob or string");
    this.#entries.push(makeEntry("append", name, value, filename, arguments.length));
  }

  delete(name) {
    requireArguments(arguments.length, 1, "'delete' on 'FormData'");
    name = toUSVString(name);
    this.#entries = this.#entries.filter((entry) => entry[0] !== name);
  }

  get(name) {
    requireArguments(arguments.length, 1, "'get' on 'FormData'");
    name = toUSVString(name);
    const entry = this.#entries.find((candidate) => candidate[0] === name);
    return entry === undefined ? null : entry[1];
  }

  getAll(name) {
    requireArguments(arguments.length, 1, "'getAll' on 'FormData'");
    name = toUSVString(name);
    return this.#entries.filter((entry) => entry[0] === name).map((entry) => entry[1]);
  }

  has(name) {
    requireArguments(arguments.length, 1, "'has' on 'FormData'");
    name = toUSVString(name);
    return this.#entries.some((entry) => entry[0] === name);
  }

  set(name, value, filename = undefined) {
    requireArguments(arguments.length, 2, "'set' on 'FormData'", "string, File or Blob or string");
    const entry = makeEntry("set", name, value, filename, arguments.length);
    const first = this.#entries.findIndex((candidate) => candidate[0] === entry[0]);
    if (first < 0) {
      this.#entries.push(entry);
    } else {
      this.#entries[first] = entry;
      this.#entries = this.#entries.filter((candidate, index) => index <= first || candidate[0] !== entry[0]);
    }
  }

  forEach(callback, thisArg = undefined) {
    requireArguments(arguments.length, 1, "'forEach' on 'FormData'", "function");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'forEach' on 'FormData': parameter 1 is not of type 'function'.");
    }
    for (let i = 0; i < this.#entries.length; i++) {
      callback.call(thisArg, this.#entries[i][1], this.#entries[i][0], this);
    }
  }

  keys() { return new FormDataIterator(this, 0); }
  values() { return new FormDataIterator(this, 1); }
  entries() { return new FormDataIterator(this, 2); }

  static {
    entriesOf = (form) => {
      if (typeof form !== "object" || form === null || !(#entries in form)) return undefined;
      return form.#entries;
    };
  }
}
Object.defineProperty(FormData.prototype, Symbol.iterator, {
  value: FormData.prototype.entries,
  writable: true,
  enumerable: false,
  configurable: true,
});
defineInterface(FormData, { receiver: (value) => isFormData(value) });

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

class FormDataIterator {
  #form;
  #kind;
  #index = 0;
  constructor(form, kind) {
    if (entriesOf(form) === undefined) throw illegal();
    this.#form = form;
    this.#kind = kind;
  }
  next() {
    const entry = entriesOf(this.#form)[this.#index];
    if (entry === undefined) return { value: undefined, done: true };
    this.#index += 1;
    return { value: this.#kind === 2 ? [...entry] : entry[this.#kind], done: false };
  }
}
Object.setPrototypeOf(FormDataIterator.prototype, IteratorPrototype);
delete FormDataIterator.prototype.constructor;
defineInterface(FormDataIterator, { name: "FormData Iterator" });

/** https://xhr.spec.whatwg.org/#create-an-entry */
function makeEntry(method, name, value, filename, given) {
  name = toUSVString(name);
  if (isBlob(value)) {
    if (filename !== undefined) {
      return [name, makeFile(getBlobBytes(value), toUSVString(filename), value.type, value.lastModified)];
    }
    return [name, value instanceof File ? value : makeFile(getBlobBytes(value), "blob", value.type)];
  }
  if (given > 2 && filename !== undefined) {
    throw new TypeError(`Failed to execute '${method}' on 'FormData': parameter 2 is not of type 'Blob'.`);
  }
  return [name, toUSVString(value)];
}

/** Whether `value` is a FormData made here. */
export const isFormData = (value) => entriesOf(value) !== undefined;

/** Backslashes are doubled because readers, this one too, take one as an escape. */
function escapeName(text) {
  if (text.endsWith("\\")) throw new TypeError("Name or filename can't end with backslash");
  return text.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22").replace(/\\/g, "\\\\");
}

/**
 * https://html.spec.whatwg.org/#multipart-form-data, with text as it is: line ends are not changed, as in Workers.
 * @returns {{ bytes: Uint8Array, type: string }}
 */
export function encodeMultipart(form) {
  const boundary = randomBoundary();
  const pieces = [];
  for (const [name, value] of entriesOf(form)) {
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"`;
    if (typeof value === "string") {
      pieces.push(encodeUtf8(`${head}\r\n\r\n${value}\r\n`));
    } else {
      head += `; filename="${escapeName(value.name)}"\r\nContent-Type: ${value.type || "application/octet-stream"}\r\n\r\n`;
      pieces.push(encodeUtf8(head), getBlobBytes(value), encodeUtf8("\r\n"));
    }
  }
  pieces.push(encodeUtf8(`--${boundary}--\r\n`));
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.byteLength;
  }
  return { bytes, type: `multipart/form-data; boundary=${boundary}` };
}

function randomBoundary() {
  let text = "----AtollFormBoundary";
  while (text.length < 45) text += Math.floor(Math.random() * 36).toString(36);
  return text;
}

/** Reads a body of the type that `contentType` names. */
export function parseFormData(bytes, contentType) {
  const type = parseMimeType(contentType);
  const form = new FormData();
  const entries = entriesOf(form);
  if (type?.essence === "multipart/form-data") {
    const boundary = type.parameters.get("boundary");
    if (boundary === undefined) {
      throw new TypeError(
        "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary parameter, " +
          "e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.",
      );
    }
    const parts = parseMultipart(bytes, boundary);
    for (let i = 0; i < parts.length; i += 4) {
      const [name, filename, partType, content] = parts.slice(i, i + 4);
      entries.push([name, filename === undefined ? content : makeFile(content, filename, partType ?? "")]);
    }
    return form;
  }
  if (type?.essence === "application/x-www-form-urlencoded") {
    const charset = type.parameters.get("charset")?.toLowerCase();
    if (charset !== undefined && !["utf-8", "utf8", "unicode-1-1-utf-8"].includes(charset)) {
      throw new TypeError("Non-utf-8 application/x-www-form-urlencoded body.");
    }
    const pairs = parseForm(decodeUtf8(bytes));
    for (let i = 0; i < pairs.length; i += 2) entries.push([pairs[i], pairs[i + 1]]);
    return form;
  }
  throw new TypeError(
    "Unrecognized Content-Type header value. FormData can only parse the following MIME types: multipart/form-data, " +
      "application/x-www-form-urlencoded",
  );
}
