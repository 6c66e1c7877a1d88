// WebSockets that the host keeps for an object. They outlive the instance: the next one finds them here again.

import { acceptSocket, attachSocket, autoResponse, castBytes, castText, closeSocket } from "atoll:native/objects";
import { getBlobBytes, isBlob } from "../blob.js";
import { encodeUtf8 } from "../encoding.js";
import { keepSocket, restoreSocket, socketEnded } from "../websocket.js";

const MAX_SOCKETS = 32768;
const MAX_TAGS = 10;
const MAX_TAG_LENGTH = 256;

/** What comes on a socket. */
export const MESSAGE = 0;
export const CLOSED = 1;
export const BROKEN = 2;
export const REFUSED = 3;

/** @typedef {{ number: number, socket: WebSocket, tags: string[], answered: number | null }} Entry */

/** The sockets of one instance. */
export class Keeper {
  #object;
  /** @type {Map<number, Entry>} */
  #entries = new Map();
  /** @type {WeakMap<object, Entry>} */
  #entryOf = new WeakMap();
  /** All sockets, the latest first, since they were last asked for. @type {WebSocket[] | undefined} */
  #latest = undefined;
  #last = 0;
  /** What the host answers by itself: a message and the answer. @type {[string, string] | undefined} */
  autoResponse = undefined;
  /** How long an event of a socket may take, in milliseconds. @type {number | null} */
  timeout = null;

  /** @param {import("./instance.js").Instance} object */
  constructor(object) {
    this.#object = object;
  }

  /** @param {string[]} tags */
  accept(socket, tags) {
    const accept = keepSocket(socket, this);
    const distinct = new Set();
    for (const tag of tags) {
      if (distinct.size >= MAX_TAGS) throw new Error(`a Hibernatable WebSocket cannot have more than ${MAX_TAGS} tags`);
      if (encodeUtf8(tag).byteLength > MAX_TAG_LENGTH) {
        throw new Error(`"${tag}" is longer than the max tag length (${MAX_TAG_LENGTH} characters).`);
      }
      distinct.add(tag);
    }
    if (this.#entries.size >= MAX_SOCKETS) {
      throw new Error(`only ${MAX_SOCKETS} websockets can be accepted on a single Durable Object instance`);
    }
    accept();
    this.#add({ number: this.#last + 1, socket, tags: [...distinct], answered: null });
  }

  #add(entry) {
    this.#last = Math.max(this.#last, entry.number);
    this.#entries.set(entry.number, entry);
    this.#latest = undefined;
    this.#entryOf.set(entry.socket, entry);
  }

  /** A socket that an earlier instance has accepted. */
  restore([number, tags, attachment, answered, closed]) {
    const ref = this.#ref(number);
    const socket = restoreSocket(this, ref, attachment ?? undefined, closed);
    this.#add({ number, socket, tags, answered: answered ?? null });
  }

  #ref = (number) => ({ kept: number, keeper: this, object: this.#object.number });

  /** The other end goes to the host as the isolate's number `end`. */
  moveToHost(socket, end, attachment) {
    const { number, tags } = this.#entryOf.get(socket);
    acceptSocket(this.#object.number, end, number, tags, attachment);
    return this.#ref(number);
  }

  send({ kept, object }, item, noStatus) {
    if (item.close) closeSocket(object, kept, item.code === noStatus ? undefined : item.code, item.reason);
    else if (typeof item.data === "string") castText(object, kept, item.data);
    else castBytes(object, kept, isBlob(item.data) ? getBlobBytes(item.data) : item.data);
  }

  attached(ref, attachment) {
    if (ref !== undefined) attachSocket(this.#object.number, ref.kept, attachment);
  }

  answerAlone(pair) {
    this.autoResponse = pair;
    autoResponse(this.#object.number, pair?.[0], pair?.[1]);
  }

  answered(number, time) {
    const entry = this.#entries.get(number);
    if (entry !== undefined) entry.answered = time;
  }

  get(number) {
    return this.#entries.get(number)?.socket;
  }

  forget(number) {
    this.#entries.delete(number);
    this.#latest = undefined;
  }

  /** The latest first, or those with a tag as they came. */
  list(tag) {
    if (tag === undefined) {
      this.#latest ??= Array.from(this.#entries.values(), ({ socket }) => socket).reverse();
      return this.#latest.slice();
    }
    const entries = [...this.#entries.values()];
    return entries.filter(({ tags }) => tags.includes(tag)).map(({ socket }) => socket);
  }

  entry(socket) {
    return this.#entryOf.get(socket);
  }

  /** Something came on a socket whose other end has not left the isolate. */
  local(socket, item) {
    const { number } = this.#entryOf.get(socket);
    if (item.refused !== undefined) this.#object.localSocket(number, REFUSED, undefined, item.refused);
    else if (item.broken !== undefined) this.#object.localSocket(number, BROKEN, undefined, item.broken);
    else if (item.close) this.#object.localSocket(number, CLOSED, item.code, item.reason);
    else this.#object.localSocket(number, MESSAGE, typeof item.data === "string" ? item.data : item.data.slice().buffer, "");
  }

  ended = socketEnded;
}
