// `cloudflare:email`.

import { defineInterface, requireArguments, toUSVString } from "../webidl.js";

/** A message to be sent or answered with. There is nothing here yet that would send it. */
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
}
defineInterface(EmailMessage);
Object.defineProperty(EmailMessage.prototype, "raw", { enumerable: false });
