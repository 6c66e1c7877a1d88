/**
 * The Body mixin (https://fetch.spec.whatwg.org/#body-mixin). A body keeps what it was made of (text, bytes, the number
 * of a stream that the host sends) until someone asks for a stream, so that most bodies never become one.
 */
import { usedUp } from "atoll:native/moulds";
import { getBlobBytes, isBlob, makeBlob } from "./blob.js";
import { encodeMultipart, isFormData, parseFormData } from "./formdata.js";
import { decoder } from "./compression.js";
import { forwardStream, HostContents, streamToWire } from "./io.js";
import { extractMimeType, serializeMimeType } from "./mime.js";
import { IdentityTransformStream, ReadableStream } from "./streams/index.js";
import {
  acquireReader, cancelStream, giveBytes, givePulled, isDisturbed, isLocked, isReadableStream, obstacleOf, readAllBytes,
  streamOfBytes, takeContents, teeForClone, unopenedContents, unopenedStream, untouchedContents,
} from "./streams/internal.js";
import { structuredClone } from "./structured_clone.js";
import { isURLSearchParams } from "./url.js";
import { decodeUtf8, encodeUtf8 } from "./encoding.js";
import { bufferSource, defineInterface, illegal, illegalConstructor, toUSVString } from "./webidl.js";

const USED =
  "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
export const TEXT_TYPE = "text/plain;charset=UTF-8";
const FORM_TYPE = "application/x-www-form-urlencoded;charset=UTF-8";

/** Passed to the constructor by the classes that inherit from Body. */
const token = Symbol("Body");

/** What a stream holds that nobody has looked into, and whose owner had it whole. */
class Whole {
  /** @param {string | Uint8Array} source */
  constructor(source) {
    this.source = source;
  }

  get length() {
    return typeof this.source === "string" ? undefined : this.source.byteLength;
  }

  open(core) {
    const { source } = this;
    giveBytes(core, typeof source === "string" ? encodeUtf8(source) : source.slice());
  }
}

/** A body that has a content coding, which is taken off for whoever looks into it, and stays where it is passed on. */
class Coded {
  /** @param {Uint8Array | HostContents} source */
  constructor(source, coding) {
    this.source = source;
    this.coding = coding;
    this.length = null;
  }

  open(core) {
    const { source } = this;
    const coded = source instanceof HostContents ? unopenedStream(source) : streamOfBytes(source);
    const plain = coded.pipeThrough(decoder(this.coding));
    const reader = acquireReader(plain);
    givePulled(core, {
      pull: (controller) =>
        new Promise((resolve, reject) => {
          reader.read({
            chunk(bytes) {
              controller.enqueueOwned(bytes);
              resolve();
            },
            close() {
              controller.close();
              controller.respondIfPending();
              resolve();
            },
            error: reject,
          });
        }),
      cancel: (reason) => cancelStream(plain, reason),
    });
  }
}

/** What is left of a body that was used: the stream that it was, if it was one. */
class Used {
  constructor(stream) {
    this.stream = stream;
  }
}
const USED_UP = new Used(undefined);
usedUp(USED_UP);

let internals;

/** @abstract Request and Response say what their headers are with `[contentType]()`. */
export const contentType = Symbol("content type");

/** Characters of text that fit in a frame whatever they are. */
const MAX_TEXT = 16 * 1024;

export class Body {
  // No private methods: each object would have to carry a mark for them.
  /** @type {null | string | Uint8Array | HostContents | Coded | ReadableStream | Used} */
  #source;

  constructor(key, source = null) {
    if (key !== token) throw illegalConstructor();
    this.#source = source;
  }

  get body() {
    if (!isBody(this)) throw illegal();
    return this.#source === null ? null : Body.#stream(this);
  }

  get bodyUsed() {
    if (!isBody(this)) throw illegal();
    return Body.#isUsed(this);
  }

  // A wrong receiver is told at once, everything else by the promise.
  arrayBuffer() { if (!isBody(this)) throw illegal(); return Body.#readArrayBuffer(this); }
  bytes() { if (!isBody(this)) throw illegal(); return Body.#readBytes(this); }
  text() { if (!isBody(this)) throw illegal(); return Body.#readText(this); }
  json() { if (!isBody(this)) throw illegal(); return Body.#readJson(this); }
  blob() { if (!isBody(this)) throw illegal(); return Body.#readBlob(this); }
  formData() { if (!isBody(this)) throw illegal(); return Body.#readFormData(this); }

  static #isUsed(body) {
    const source = body.#source;
    if (source === null || typeof source === "string") return false;
    return source instanceof Used || (isReadableStream(source) && isDisturbed(source));
  }

  static async #readArrayBuffer(body) {
    const bytes = await Body.#bytes(body);
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
  }

  static async #readBytes(body) { return Body.#bytes(body); }
  static async #readText(body) { return Body.#text(body); }
  static async #readJson(body) { return JSON.parse(await Body.#text(body)); }

  static async #readBlob(body) {
    const type = body[contentType]();
    const bytes = await Body.#bytes(body);
    const mime = type === null ? undefined : extractMimeType(type);
    return makeBlob(bytes, mime === undefined ? "" : serializeMimeType(mime));
  }

  static async #readFormData(body) {
    if (Body.#isUsed(body)) throw new TypeError(USED);
    const type = body[contentType]();
    if (type === null) throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
    return parseFormData(await Body.#bytes(body), type);
  }

  /** @returns {ReadableStream} */
  static #stream(body) {
    const source = body.#source;
    if (isReadableStream(source)) return source;
    let stream;
    if (source instanceof Used) {
      if (source.stream !== undefined) return source.stream;
      // What was read without a stream shows as a stream that was read.
      stream = streamOfBytes(new Uint8Array(0));
      stream.getReader().read();
    } else {
      stream = unopenedStream(typeof source === "string" || source instanceof Uint8Array ? new Whole(source) : source);
    }
    body.#source = stream;
    return stream;
  }

  static #consume(body) {
    if (Body.#isUsed(body)) throw new TypeError(USED);
    let source = body.#source;
    if (source === null) return null;
    if (source instanceof HostContents || source instanceof Coded) source = Body.#stream(body);
    if (!isReadableStream(source)) {
      body.#source = USED_UP;
      return source;
    }
    body.#source = new Used(source);
    return unopenedContents(source) instanceof Whole ? takeContents(source).source : source;
  }

  /** @returns {Promise<Uint8Array> | Uint8Array} */
  static #bytes(body) {
    const source = Body.#consume(body);
    if (source === null) return new Uint8Array(0);
    if (typeof source === "string") return encodeUtf8(source);
    if (source instanceof Uint8Array) return source.slice();
    return readAllBytes(source);
  }

  /** @returns {Promise<string> | string} */
  static #text(body) {
    const source = Body.#consume(body);
    if (source === null) return "";
    if (typeof source === "string") {
      const text = source.toWellFormed();
      return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    }
    if (source instanceof Uint8Array) return decodeUtf8(source);
    return readAllBytes(source).then((bytes) => decodeUtf8(bytes));
  }

  static {
    internals = {
      isBody: (value) => typeof value === "object" && value !== null && #source in value,
      set(target, source) { target.#source = source; },
      isNull: (target) => target.#source === null,
      /** Takes the body away, as `new Request(other)` does. */
      detach(target) {
        const source = target.#source;
        if (source === null) return null;
        if (isReadableStream(source)) {
          if (isLocked(source)) throw new TypeError("This ReadableStream is currently locked to a reader.");
          target.#source = new Used(source);
          if (unopenedContents(source) === undefined) return source.pipeThrough(new IdentityTransformStream());
          const contents = takeContents(source);
          return contents instanceof Whole ? contents.source : contents;
        }
        target.#source = USED_UP;
        return source;
      },
      /** The body of `new Response(other.body)`-like uses that leave the owner as it is. */
      share: (target) => target.#source === null ? null : Body.#stream(target),
      clone(target) {
        if (Body.#isUsed(target)) throw new TypeError(USED);
        const source = target.#source;
        if (source === null || typeof source === "string" || source instanceof Uint8Array) return source;
        const stream = Body.#stream(target);
        if (isLocked(stream)) throw new TypeError("This ReadableStream is currently locked to a reader.");
        const [mine, other] = teeForClone(stream, cloneChunk);
        target.#source = mine;
        return other;
      },
      /** Whether the body still has this coding, which it then keeps. */
      keepsCoding(target, coding) {
        const source = target.#source;
        if (source instanceof Coded) return true;
        if (!isReadableStream(source)) return false;
        const contents = unopenedContents(source);
        if (!(contents instanceof Coded) || contents.coding !== coding) return false;
        takeContents(source);
        target.#source = contents;
        return true;
      },
      toWire(target) {
        const source = target.#source;
        if (source === null) return null;
        if (typeof source === "string") {
          target.#source = USED_UP;
          return source.length <= MAX_TEXT ? source : encodeUtf8(source);
        }
        if (untouchedContents(source) instanceof Whole) {
          target.#source = new Used(source);
          return contentsToWire(takeContents(source));
        }
        if (Body.#isUsed(target)) throw new TypeError(USED);
        if (!isReadableStream(source)) {
          target.#source = USED_UP;
          return contentsToWire(source);
        }
        target.#source = new Used(source);
        if (isLocked(source)) throw new TypeError("This ReadableStream is currently locked to a reader.");
        return streamToWire(source);
      },
    };
  }
}
defineInterface(Body);

/** What needs no stream of this isolate's on the wire. @param {string | Uint8Array | Whole | Coded | HostContents} contents */
function contentsToWire(contents) {
  const source = contents instanceof Whole || contents instanceof Coded ? contents.source : contents;
  // Short text is encoded on its way into the frame.
  if (typeof source === "string") return source.length <= MAX_TEXT ? source : encodeUtf8(source);
  if (source instanceof Uint8Array) return source;
  forwardStream(source.id);
  return { forward: source.id };
}

/** @type {(value: unknown) => boolean} */
const isBody = internals.isBody;
export const bodyToken = token;
export const setBodySource = internals.set;
export const isNullBody = internals.isNull;
export const detachBody = internals.detach;
export const shareBody = internals.share;
export const cloneBody = internals.clone;
export const bodyToWire = internals.toWire;

/** `keepsCoding(body, coding)`: whether the body still has the coding that it came with, which is to be `coding`. */
export const keepsCoding = internals.keepsCoding;

/** The source of a body that came over the wire, with the content coding that is to be taken off it. */
export function bodyFromWire(body, coding = undefined) {
  if (body === null || body === undefined) return null;
  const source = body instanceof Uint8Array ? body : new HostContents(body.stream, body.length, body.hold);
  return coding === undefined || (body instanceof Uint8Array && body.length === 0) ? source : new Coded(source, coding);
}

/** Whether a source holds no bytes at all (only known of text and bytes). */
export function isEmptySource(source) {
  return typeof source === "string" || source instanceof Uint8Array ? source.length === 0 : false;
}

function cloneChunk(chunk) {
  return chunk instanceof Uint8Array ? chunk.slice() : structuredClone(chunk);
}

/** The Content-Type that the last extracted body implies, or null. */
export let extractedType = null;

/**
 * Makes the source of a body from what users pass; `extractedType` says the Content-Type that it implies.
 * https://fetch.spec.whatwg.org/#concept-bodyinit-extract
 */
export function extractBody(init) {
  extractedType = null;
  if (typeof init === "string") {
    extractedType = TEXT_TYPE;
    return init;
  }
  if (typeof init === "object" && init !== null) {
    const obstacle = obstacleOf(init);
    if (obstacle !== undefined) {
      if (obstacle === "disturbed") {
        throw new TypeError(
          "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.",
        );
      }
      if (obstacle === "locked") throw new TypeError("This ReadableStream is currently locked to a reader.");
      return init;
    }
    const bytes = bufferSource(init);
    if (bytes !== undefined) return bytes.slice();
    if (isBlob(init)) {
      if (init.type !== "") extractedType = init.type;
      return getBlobBytes(init);
    }
    if (isURLSearchParams(init)) {
      extractedType = FORM_TYPE;
      return init.toString();
    }
    if (isFormData(init)) {
      const form = encodeMultipart(init);
      extractedType = form.type;
      return form.bytes;
    }
    if (isIterable(init)) return ReadableStream.from(init);
  }
  extractedType = TEXT_TYPE;
  return toUSVString(init);
}

/** Objects that say how they read as text are text, even when one can iterate over them. */
function isIterable(value) {
  if (typeof value[Symbol.asyncIterator] === "function") return true;
  if (typeof value[Symbol.iterator] !== "function") return false;
  if (Array.isArray(value)) return value.toString === Array.prototype.toString;
  return value.toString === Object.prototype.toString && value[Symbol.toPrimitive] === undefined;
}
