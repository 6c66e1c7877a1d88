// Events of email: what a handler gets, and what its host learns of what the handler did with it.

import { plainThen, set } from "../async_context.js";
import { EmailMessage, rawOf } from "../cloudflare/email.js";
import { toBase64 } from "./base64.js";
import { EventContext } from "../event_context.js";
import { ExecutionContext } from "../execution_context.js";
import { callHandler, isNoHandler } from "../exports.js";
import { answer } from "../fetch_event.js";
import { isHeaders } from "../headers.js";
import { Response } from "../response.js";
import { streamOfBytes } from "../streams/internal.js";
import { defineInterface, illegalConstructor, toUSVString } from "../webidl.js";
import { addressOf, parseHeader, toHeaders } from "./headers.js";
import { checkMessage, newMessageId } from "./binding.js";

const token = Symbol("ForwardableEmailMessage");
const MAX_REFERENCES = 100;

/** A message that has come. */
export class ForwardableEmailMessage {
  #bytes;
  #outcome;

  constructor(key, from, to, bytes, outcome) {
    if (key !== token) throw illegalConstructor();
    this.#bytes = bytes;
    this.#outcome = outcome;
    const values = { from, to, headers: toHeaders(bytes), raw: streamOfBytes(bytes.slice()), rawSize: bytes.byteLength };
    for (const [name, value] of Object.entries(values)) Object.defineProperty(this, name, { value, enumerable: true });
  }

  setReject(reason) {
    this.#outcome.rejected = toUSVString(reason);
  }

  /** It goes on to an address of its own, with what it is given to say in addition. */
  forward(recipient, headers = undefined) {
    return Promise.try(() => {
      const more = isHeaders(headers) ? [...headers] : [];
      for (const [name] of more) {
        if (!name.toLowerCase().startsWith("x-")) throw new Error(`Only X-* headers can be added when forwarding, not ${name}.`);
      }
      this.#outcome.forwarded.push({ to: toUSVString(recipient), headers: more });
      return { messageId: newMessageId(this.to) };
    });
  }

  reply(message) {
    return Promise.try(() => {
      if (!isReplyable(this.headers)) throw new Error("Original email is not replyable");
      if (this.#outcome.replied !== undefined) throw new Error("Original email was already replied to");
      if (!(message instanceof EmailMessage)) throw new TypeError("reply() takes an EmailMessage.");
      const { from, to } = message;
      return new Response(rawOf(message)).bytes().then((raw) => {
        const field = checkMessage(from, raw);
        if (to !== this.from && addressOf(to) !== addressOf(this.from)) throw new Error("Reply has to go to the original sender");
        const id = parseHeader(this.#bytes).find(([name]) => name.toLowerCase() === "message-id")?.[1];
        const answered = field("in-reply-to");
        if (answered === undefined) throw new Error("no In-Reply-To header found in reply message");
        if (answered !== id) throw new Error("In-Reply-To does not match original Message-ID");
        const references = [this.headers.get("references"), id].filter(Boolean).join(" ");
        const given = field("references");
        if (given !== undefined && !given.includes(id)) throw new Error("provided References header is invalid");
        const lead = given === undefined ? `References: ${references}\r\n` : "";
        this.#outcome.replied = { from, to, lead, raw: toBase64(raw) };
        return { messageId: newMessageId(from) };
      });
    });
  }
}
defineInterface(ForwardableEmailMessage, { receiver: true });

/** https://developers.cloudflare.com/email-routing/email-workers/reply-email-workers/ */
function isReplyable(headers) {
  const says = (name, nothing) => (headers.get(name)?.toLowerCase() ?? nothing) !== nothing;
  if (says("x-auto-response-suppress", "none") || says("auto-submitted", "no")) return false;
  const references = headers.get("references");
  if ((headers.get("in-reply-to") === null) !== (references === null)) return false;
  return (references?.match(/@/g)?.length ?? 0) < MAX_REFERENCES;
}

/** Called for each message, with its parts as the event loop has them. */
export function emailEvent(id, from, to, raw) {
  const event = new EventContext(id);
  set(event.context);
  const outcome = { forwarded: [] };
  let result;
  try {
    const message = new ForwardableEmailMessage(token, from, to, new Uint8Array(raw), outcome);
    result = callHandler(undefined, "email", message, new ExecutionContext(event));
  } catch (error) {
    event.fail(error, isNoHandler(error) ? "nohandler" : undefined);
    return;
  }
  plainThen(
    Promise.resolve(result),
    () => answer(event, Response.json(outcome)),
    (error) => event.fail(error),
  );
}
