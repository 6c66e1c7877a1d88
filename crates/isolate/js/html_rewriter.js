/**
 * HTMLRewriter: edits HTML while it streams through. lol_html does the work, in a coroutine that sleeps while a handler runs
 * (`src/native/html_rewriter.rs`).
 *
 * See https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/.
 */

import { checkSelector, create, edit, feed, finish, insert, proceed, query, takeOutput, write } from "atoll:native/html_rewriter";
import { snapshot } from "./async_context.js";
import { Response } from "./response.js";
import { ReadableStream } from "./streams/index.js";
import { defineInterface, illegalConstructor, toUSVString } from "./webidl.js";

/** Bytes that lol_html gets at once: what bounds the output between two reads. */
const MAX_CHUNK_BYTES = 64 * 1024;

const NEEDS_INPUT = 0;
const HANDLER = 1;
const STREAM = 2;
const NO_HANDLER = -1;

/** Lets only this module construct tokens. */
const inside = Symbol("inside");

/** What all tokens have: the run that they belong to and their number in it. */
class Token {
  #run;
  #generation;

  constructor(key, run, generation) {
    if (key !== inside) throw illegalConstructor();
    this.#run = run;
    this.#generation = generation;
  }

  static query(token, what, name) {
    return query(token.#run.handle, token.#generation, what, name);
  }

  static edit(token, what, first, second) {
    edit(token.#run.handle, token.#generation, what, first, second);
    return token;
  }

  static insert(token, place, content, options) {
    const html = options !== undefined && options !== null && Boolean(options.html);
    const body = content instanceof Response ? content.body : content;
    if (content instanceof Response && body === null) {
      insert(token.#run.handle, token.#generation, place, "", html);
    } else if (body instanceof ReadableStream) {
      query(token.#run.handle, token.#generation, "live", undefined);
      insert(token.#run.handle, token.#generation, place, token.#run.addStream(body.getReader(), html), html);
    } else {
      insert(token.#run.handle, token.#generation, place, toUSVString(content), html);
    }
    return token;
  }

  static onEndTag(token, handler) {
    if (typeof handler !== "function") {
      throw new TypeError("Failed to execute 'onEndTag' on 'Element': parameter 1 is not of type 'function'.");
    }
    const number = token.#run.handlers.length;
    edit(token.#run.handle, token.#generation, "onEndTag", String(number), undefined);
    token.#run.handlers.push(handler);
  }
}

const { query: ask, edit: change, insert: put } = Token;

/** An element's start tag, and what becomes of the element. */
class Element extends Token {
  get tagName() {
    return ask(this, "tagName");
  }
  set tagName(name) {
    change(this, "tagName", toUSVString(name));
  }
  get namespaceURI() {
    return ask(this, "namespaceURI");
  }
  get removed() {
    return ask(this, "removed");
  }
  get attributes() {
    return new AttributesIterator(inside, this, ask(this, "attributes"));
  }
  getAttribute(name) {
    return ask(this, "getAttribute", toUSVString(name));
  }
  hasAttribute(name) {
    return ask(this, "hasAttribute", toUSVString(name));
  }
  setAttribute(name, value) {
    return change(this, "setAttribute", toUSVString(name), toUSVString(value));
  }
  removeAttribute(name) {
    return change(this, "removeAttribute", toUSVString(name));
  }
  before(content, options) {
    return put(this, "before", content, options);
  }
  after(content, options) {
    return put(this, "after", content, options);
  }
  prepend(content, options) {
    return put(this, "prepend", content, options);
  }
  append(content, options) {
    return put(this, "append", content, options);
  }
  replace(content, options) {
    return put(this, "replace", content, options);
  }
  setInnerContent(content, options) {
    return put(this, "setInnerContent", content, options);
  }
  remove() {
    return change(this, "remove");
  }
  removeAndKeepContent() {
    return change(this, "removeAndKeepContent");
  }
  onEndTag(handler) {
    Token.onEndTag(this, handler);
  }
}

/** Names and values of an element's attributes, for as long as the element's handler runs. */
class AttributesIterator {
  #element;
  #pairs;
  #next = 0;

  constructor(key, element, pairs) {
    if (key !== inside) throw illegalConstructor();
    this.#element = element;
    this.#pairs = pairs;
  }
  next() {
    ask(this.#element, "live");
    if (this.#next >= this.#pairs.length) return { done: true, value: undefined };
    return { done: false, value: this.#pairs[this.#next++] };
  }
  [Symbol.iterator]() {
    return this;
  }
}

class EndTag extends Token {
  get name() {
    return ask(this, "name");
  }
  set name(name) {
    change(this, "name", toUSVString(name));
  }
  before(content, options) {
    return put(this, "before", content, options);
  }
  after(content, options) {
    return put(this, "after", content, options);
  }
  remove() {
    return change(this, "remove");
  }
}

class Comment extends Token {
  get text() {
    return ask(this, "text");
  }
  set text(text) {
    change(this, "text", toUSVString(text));
  }
  get removed() {
    return ask(this, "removed");
  }
  before(content, options) {
    return put(this, "before", content, options);
  }
  after(content, options) {
    return put(this, "after", content, options);
  }
  replace(content, options) {
    return put(this, "replace", content, options);
  }
  remove() {
    return change(this, "remove");
  }
}

/** A piece of a text node; the last of a node is empty and says so. */
class Text extends Token {
  get text() {
    return ask(this, "text");
  }
  get lastInTextNode() {
    return ask(this, "lastInTextNode");
  }
  get removed() {
    return ask(this, "removed");
  }
  before(content, options) {
    return put(this, "before", content, options);
  }
  after(content, options) {
    return put(this, "after", content, options);
  }
  replace(content, options) {
    return put(this, "replace", content, options);
  }
  remove() {
    return change(this, "remove");
  }
}

class Doctype extends Token {
  get name() {
    return ask(this, "name");
  }
  get publicId() {
    return ask(this, "publicId");
  }
  get systemId() {
    return ask(this, "systemId");
  }
}

class DocumentEnd extends Token {
  append(content, options) {
    return put(this, "append", content, options);
  }
}

/** In the order of `TokenKind` in `src/native/html_rewriter/machine.rs`. */
const TOKENS = [Element, Text, Comment, Doctype, EndTag, DocumentEnd];

const thenOf = (value) => ((typeof value === "object" && value !== null) || typeof value === "function" ? value.then : undefined);

/** One response on its way through. */
class Run {
  /** Functions by number: registered ones, then end tag handlers as they come. */
  handlers;
  handle;
  #streams = [];
  #reader;
  #context = snapshot();
  #pending = undefined;

  constructor(rules, handlers, charset, reader) {
    this.handlers = [...handlers];
    this.handle = create(rules, charset);
    this.#reader = reader;
  }

  addStream(reader, html) {
    this.#streams.push({ reader, html });
    return this.#streams.length - 1;
  }

  /** Does what the coroutine asks for until it wants more input. */
  async #settle(step) {
    for (;;) {
      const [kind, number, generation, tokenKind] = step;
      if (kind !== HANDLER && kind !== STREAM) return kind;
      let failure;
      try {
        if (kind === HANDLER) {
          const token = new TOKENS[tokenKind](inside, this, generation);
          const result = this.#context.run(this.handlers[number], token);
          // Waiting costs a turn of the job queue, so it is only done for what can be waited for.
          if (typeof thenOf(result) === "function") await result;
        } else {
          await this.#copyStream(number, generation);
        }
      } catch (error) {
        failure = { error };
      }
      if (failure !== undefined) {
        try {
          proceed(this.handle, false);
        } catch {
          // It only repeats that the handler failed.
        }
        throw failure.error;
      }
      step = proceed(this.handle, true);
    }
  }

  async #copyStream(number, generation) {
    const { reader, html } = this.#streams[number];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : bytesOf(value);
      write(this.handle, generation, bytes, html);
    }
  }

  async pull(controller) {
    for (;;) {
      const chunk = this.#pending ?? (await this.#read());
      let kind;
      if (chunk === undefined) {
        kind = await this.#settle(finish(this.handle));
      } else {
        const piece = chunk.byteLength > MAX_CHUNK_BYTES ? chunk.subarray(0, MAX_CHUNK_BYTES) : chunk;
        this.#pending = piece === chunk ? undefined : chunk.subarray(MAX_CHUNK_BYTES);
        kind = await this.#settle(feed(this.handle, piece));
      }
      const output = takeOutput(this.handle);
      if (output !== undefined) controller.enqueue(output);
      if (kind !== NEEDS_INPUT) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      if (output !== undefined) return;
    }
  }

  async #read() {
    const { done, value } = await this.#reader.read();
    return done ? undefined : bytesOf(value);
  }

  cancel(reason) {
    return this.#reader.cancel(reason);
  }

  /** Lets go of the input when the rewriting failed. */
  abandon(error) {
    this.#reader.cancel(error).catch(() => {});
  }
}

function bytesOf(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError("This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.");
}

const charsetOf = (response) => /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(response.headers.get("content-type") ?? "")?.[1] ?? "utf-8";

export class HTMLRewriter {
  #rules = [];
  #handlers = [];

  #register(handlers, name, dictionary) {
    const handler = handlers[name];
    if (handler === undefined) return NO_HANDLER;
    if (typeof handler !== "function") {
      throw new TypeError(`Incorrect type for the '${name}' field on '${dictionary}': the provided value is not of type 'function'.`);
    }
    this.#handlers.push((token) => Reflect.apply(handler, handlers, [token]));
    return this.#handlers.length - 1;
  }

  /**
   * @param {string} selector
   * @param {{ element?: Function, comments?: Function, text?: Function }} handlers
   */
  on(selector, handlers) {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'on' on 'HTMLRewriter': parameter 1 is not of type 'string'.");
    }
    const text = toUSVString(selector);
    const given = toHandlers(handlers, "on", 2, "ElementContentHandlers");
    checkSelector(text);
    const [element, comments, texts] = ["element", "comments", "text"].map((name) => this.#register(given, name, "ElementContentHandlers"));
    this.#rules.push([text, element, comments, texts, NO_HANDLER, NO_HANDLER]);
    return this;
  }

  /** @param {{ doctype?: Function, comments?: Function, text?: Function, end?: Function }} handlers */
  onDocument(handlers) {
    const given = toHandlers(handlers, "onDocument", 1, "DocumentContentHandlers");
    const [doctype, comments, texts, end] = ["doctype", "comments", "text", "end"].map((name) =>
      this.#register(given, name, "DocumentContentHandlers"),
    );
    this.#rules.push([null, NO_HANDLER, comments, texts, doctype, end]);
    return this;
  }

  /**
   * @param {Response} response
   * @returns {Response} the same response with a rewritten body
   */
  transform(response) {
    if (!(response instanceof Response)) {
      throw new TypeError("Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'.");
    }
    if (response.body === null) return new Response(null, response);
    const run = new Run(this.#rules, this.#handlers, charsetOf(response), response.body.getReader());
    const body = new ReadableStream({
      type: "bytes",
      async pull(controller) {
        try {
          await run.pull(controller);
        } catch (error) {
          run.abandon(error);
          throw error;
        }
      },
      cancel: (reason) => run.cancel(reason),
    });
    return new Response(body, response);
  }
}

function toHandlers(value, method, position, dictionary) {
  if (value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") {
    throw new TypeError(`Failed to execute '${method}' on 'HTMLRewriter': parameter ${position} is not of type '${dictionary}'.`);
  }
  return value;
}

for (const Class of TOKENS) defineInterface(Class);
defineInterface(AttributesIterator);
defineInterface(HTMLRewriter, { receiver: true });
