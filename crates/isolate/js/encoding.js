/** TextEncoder, TextDecoder and their streams. https://encoding.spec.whatwg.org/ */

import * as native from "atoll:native/text";
import { bytesOf } from "./streams/buffers.js";
import { StreamPair, TransformStream } from "./streams/transform.js";
import { createTransform } from "./streams/internal.js";
import { defineInterface, illegal, requireArguments, toDictionary, toDOMString } from "./webidl.js";

/** UTF-8 of a string, lone surrogates as U+FFFD. @type {(text: string) => Uint8Array} */
export const encodeUtf8 = native.encode;

/**
 * The text of UTF-8 bytes as bodies read it: no byte order mark, U+FFFD for what is malformed.
 * @type {(bytes: Uint8Array) => string}
 */
export const decodeUtf8 = native.decodeUtf8;

const NONE = new Uint8Array(0);

export class TextEncoder {
  #brand = true;

  get encoding() {
    if (this === undefined || !(#brand in this)) throw illegal();
    return "utf-8";
  }

  encode(input = "") {
    if (this === undefined || !(#brand in this)) throw illegal();
    return native.encode(typeof input === "string" ? input : toDOMString(input));
  }

  encodeInto(source, destination) {
    if (this === undefined || !(#brand in this)) throw illegal();
    requireArguments(arguments.length, 2, "'encodeInto' on 'TextEncoder'", "String, Uint8Array");
    const text = toDOMString(source);
    if (!(destination instanceof Uint8Array)) {
      throw new TypeError("Failed to execute 'encodeInto' on 'TextEncoder': parameter 2 is not of type 'Uint8Array'.");
    }
    const [read, written] = native.encodeInto(text, destination);
    return { read, written };
  }
}
defineInterface(TextEncoder);

/** The encoding's name for a label. */
function encodingOf(label) {
  const text = toDOMString(label);
  const name = native.encodingName(text);
  if (name === undefined) throw new RangeError(`"${text}" is not a valid encoding.`);
  return name;
}

function decoderOptions(options, name, type) {
  if (options === undefined || options === null) return { fatal: false, ignoreBOM: false };
  const { fatal, ignoreBOM } = toDictionary(options, type, `constructor of '${name}'`, 2);
  return { fatal: Boolean(fatal), ignoreBOM: Boolean(ignoreBOM) };
}

export class TextDecoder {
  #encoding = "utf-8";
  #fatal = false;
  #ignoreBOM = false;
  /** The state between the chunks of a stream. */
  #stream = undefined;

  constructor(label = "utf-8", options = undefined) {
    if (options !== undefined) {
      const { fatal, ignoreBOM } = decoderOptions(options, "TextDecoder", "ConstructorOptions");
      this.#fatal = fatal;
      this.#ignoreBOM = ignoreBOM;
    }
    if (label !== "utf-8") this.#encoding = encodingOf(label);
  }

  get encoding() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#encoding;
  }

  get fatal() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#fatal;
  }

  get ignoreBOM() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#ignoreBOM;
  }

  decode(input = undefined, options = undefined) {
    if (this === undefined || !(#encoding in this)) throw illegal();
    const bytes = input === undefined ? NONE : bytesOf(input);
    if (bytes === undefined) {
      throw new TypeError("Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'.");
    }
    const more = options !== undefined && options !== null && Boolean(toDictionary(options, "TextDecodeOptions").stream);
    if (this.#stream === undefined && !more) {
      if (this.#encoding === "utf-8" && !this.#fatal && !this.#ignoreBOM) return native.decodeUtf8(bytes);
      return native.decode(bytes, this.#encoding, this.#fatal, this.#ignoreBOM);
    }
    const stream = (this.#stream ??= native.newDecoder(this.#encoding, this.#fatal, this.#ignoreBOM));
    // An error ends the stream as its last chunk does.
    this.#stream = undefined;
    const text = native.decodeChunk(stream, bytes, !more);
    if (more) this.#stream = stream;
    return text;
  }
}
defineInterface(TextDecoder);

const LEAD = /[\ud800-\udbff]$/;

function encoderPair() {
  let lead = "";
  return createTransform({
    transform(chunk, core) {
      let text = lead + toDOMString(chunk);
      lead = "";
      // The first half of a pair waits for the second, in the next chunk.
      if (LEAD.test(text)) {
        lead = text.slice(-1);
        text = text.slice(0, -1);
      }
      if (text !== "") core.enqueue(native.encode(text));
    },
    flush(core) {
      if (lead !== "") core.enqueue(native.encode(lead));
    },
  });
}

export class TextEncoderStream extends TransformStream {
  #brand = true;

  constructor() {
    super(new StreamPair(encoderPair()));
  }

  get encoding() {
    if (this === undefined || !(#brand in this)) throw illegal();
    return "utf-8";
  }
}
defineInterface(TextEncoderStream);

const NOT_A_SOURCE = "This TransformStream is being used as a byte stream, but received a value that is not a BufferSource.";

function decoderPair(encoding, fatal, ignoreBOM) {
  const stream = native.newDecoder(encoding, fatal, ignoreBOM);
  const give = (bytes, last, core) => {
    const text = native.decodeChunk(stream, bytes, last);
    if (text !== "") core.enqueue(text);
  };
  return createTransform({
    transform(chunk, core) {
      const bytes = bytesOf(chunk);
      if (bytes === undefined) throw new TypeError(NOT_A_SOURCE);
      give(bytes, false, core);
    },
    flush(core) {
      give(NONE, true, core);
    },
  });
}

export class TextDecoderStream extends TransformStream {
  #encoding;
  #fatal;
  #ignoreBOM;

  constructor(label = "utf-8", options = undefined) {
    const { fatal, ignoreBOM } = decoderOptions(options, "TextDecoderStream", "TextDecoderStreamInit");
    const encoding = encodingOf(label);
    super(new StreamPair(decoderPair(encoding, fatal, ignoreBOM)));
    this.#encoding = encoding;
    this.#fatal = fatal;
    this.#ignoreBOM = ignoreBOM;
  }

  get encoding() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#encoding;
  }

  get fatal() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#fatal;
  }

  get ignoreBOM() {
    if (this === undefined || !(#encoding in this)) throw illegal();
    return this.#ignoreBOM;
  }
}
defineInterface(TextDecoderStream);
