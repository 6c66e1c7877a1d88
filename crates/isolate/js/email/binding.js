// `send_email` bindings (https://developers.cloudflare.com/email-service/). What is sent goes to a folder of the host, which
// decides who may be written to.

import { EmailMessage, rawOf } from "../cloudflare/email.js";
import { Response } from "../response.js";
import { defineInterface, illegalConstructor, wrongArgument } from "../webidl.js";
import { standFor } from "../services/stored.js";
import { addressOf, parseHeader } from "./headers.js";
import { compose, recipients } from "./mime.js";

const token = Symbol("SendEmail");
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A Message-ID in the sender's domain. */
export function newMessageId(from) {
  const random = crypto.getRandomValues(new Uint8Array(36));
  const id = Array.from(random, (byte) => LETTERS[byte % LETTERS.length]).join("");
  return `<${id}@${addressOf(from).split("@").at(-1)}>`;
}

/** What must be so of a message that its sender has written. */
export function checkMessage(from, raw) {
  const fields = parseHeader(raw).map(([name, value]) => [name.toLowerCase(), value]);
  const field = (wanted) => fields.find(([name]) => name === wanted)?.[1];
  if (field("message-id") === undefined) throw new Error("invalid message-id");
  if (addressOf(field("from") ?? "") !== from) throw new Error("From: header does not match mail from");
  if (field("received") !== undefined) throw new Error("invalid headers set");
  return field;
}

// What follows a request is a reaction, not the rest of an async function: reactions run for the same event.

export class SendEmail {
  #service;

  constructor(key, held) {
    if (key !== token) throw illegalConstructor();
    this.#service = standFor(this, "email", held);
  }

  #post(from, to, raw) {
    const headers = { "atoll-from": from, "atoll-to": to.join(", ") };
    return this.#service.fetch("http://email/", { method: "POST", headers, body: raw }).then((response) => {
      if (response.ok) return { messageId: newMessageId(from) };
      return response.text().then((text) => {
        throw new Error(text);
      });
    });
  }

  send(message) {
    return Promise.try(() => {
      if (typeof message !== "object" || message === null) {
        throw wrongArgument("'send' on 'SendEmail'", 1, "EmailMessage or EmailMessageBuilder");
      }
      if (message instanceof EmailMessage) {
        const { from, to } = message;
        return new Response(rawOf(message)).bytes().then((raw) => {
          checkMessage(from, raw);
          return this.#post(from, [to].flat(), raw);
        });
      }
      for (const field of ["from", "to", "subject"]) {
        if (message[field] === undefined) throw new TypeError(`send() needs \`${field}\`.`);
      }
      const from = typeof message.from === "string" ? addressOf(message.from) : String(message.from.email);
      return this.#post(from, recipients(message).map(addressOf), compose(message, newMessageId(from)));
    });
  }
}
defineInterface(SendEmail, { receiver: true });

/** The value of a binding that sends email. @param {{ capability: number }} held */
export const makeSendEmail = (held) => new SendEmail(token, held);
