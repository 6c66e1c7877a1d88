// `cloudflare:email`.

import { defineInterface, requireArguments, toUSVString } from "../webidl.js";

/** The text or stream of a message; only Atoll's own modules ask. @type {(message: EmailMessage) => string | ReadableStream} */
export let rawOf;

/** A message to be sent or answered with. */
export class EmailMessage {
  #from;
  #to;
  #raw;

  constructor(from, to, raw) {
    requireArguments(arguments.length, 3, "constructor of 'EmailMessage'");
    this.#from = toUSVString(from);
    this.#to = toUSVString(to);
    this.#raw = raw;
  }

  get from() {
    return this.#from;
  }

  get to() {
    return this.#to;
  }

  get raw() {
    return this.#raw;
  }

  static {
    rawOf = (message) => message.#raw;
  }
}
defineInterface(EmailMessage);
Object.defineProperty(EmailMessage.prototype, "raw", { enumerable: false });
