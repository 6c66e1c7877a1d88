/** The `navigator` of Workers. */
import { fetch } from "./fetch.js";
import { currentEvent } from "./io.js";
import { defineInterface, illegalConstructor, requireArguments } from "./webidl.js";

const token = Symbol("Navigator");

export class Navigator {
  constructor(key) {
    if (key !== token) throw illegalConstructor();
  }
  get userAgent() { return "Cloudflare-Workers"; }
  get platform() { return "Linux"; }
  get hardwareConcurrency() { return 1; }
  get language() { return "en"; }
  get languages() { return ["en"]; }

  /** Sends a POST that nobody waits for. Returns whether it could be queued. */
  sendBeacon(url, body = undefined) {
    requireArguments(arguments.length, 1, "'sendBeacon' on 'Navigator'");
    const event = currentEvent();
    if (event === undefined) return false;
    event.waitUntil(fetch(url, { method: "POST", body }).then((response) => response.body?.cancel()));
    return true;
  }
}
defineInterface(Navigator, { receiver: (value) => value === navigator });

export const navigator = new Navigator(token);
