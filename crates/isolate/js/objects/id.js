// Ids of Durable Objects.

import { hexOfId, idFromHex, idFromName, jurisdictionOf, uniqueId } from "atoll:native/objects";
import { defineInterface, illegalConstructor, wrongArgument } from "../webidl.js";

const token = Symbol("DurableObjectId");

let internals;

/** What a property is defined with, again and again. */
const CONSTANT = { value: undefined, enumerable: true, configurable: true };

export class DurableObjectId {
  #hex;
  #name;
  #bytes;

  constructor(key, bytes, name) {
    if (key !== token) throw illegalConstructor();
    this.#bytes = bytes;
    this.#name = name;
    CONSTANT.value = jurisdictionOf(bytes);
    Object.defineProperty(this, "jurisdiction", CONSTANT);
    CONSTANT.value = name;
    Object.defineProperty(this, "name", CONSTANT);
  }

  toString() {
    return internals.text(this);
  }

  equals(other) {
    if (!internals.isId(other)) {
      throw wrongArgument("'equals' on 'DurableObjectId'", 1, "DurableObjectId");
    }
    return this.toString() === other.toString();
  }

  static {
    internals = {
      text: (id) => (id.#hex ??= hexOfId(id.#bytes)),
      isId: (value) => typeof value === "object" && value !== null && #bytes in value,
      bytes: (id) => id.#bytes,
      name: (id) => id.#name,
    };
  }
}
defineInterface(DurableObjectId, { receiver: internals.isId });

export const isId = internals.isId;
/** The id in hexadecimal. */
export const textOf = internals.text;
export const bytesOf = internals.bytes;
export const nameOf = internals.name;

/** @param {ArrayBuffer} bytes @param {string} [name] */
export const makeId = (bytes, name) => new DurableObjectId(token, bytes, name);

export const nameToId = (key, name, jurisdiction) => makeId(idFromName(key, name, jurisdiction), name);
export const newId = (key, jurisdiction) => makeId(uniqueId(key, jurisdiction));

/** The id that a text of 64 digits stands for. */
export function textToId(key, text) {
  const bytes = idFromHex(key, text);
  if (typeof bytes === "string") throw new TypeError(bytes);
  return makeId(bytes);
}
