// The binding to browsers (https://developers.cloudflare.com/browser-run/): requests, and one-shot actions on pages, which the
// host sees to. Any other name is a method of what is behind it, which has none.

import { Fetcher, fetcherOf } from "../fetch.js";
import { defineInterface, requireArguments, toUSVString } from "../webidl.js";
import { remember } from "./stored.js";

/** Modules refer to each other in a circle here: there is a `Fetcher` to extend when there is a binding. */
let BrowserRun;

function define() {
  BrowserRun = class BrowserRun extends Fetcher {
    quickAction(action, options) {
      return Promise.try(() => {
        requireArguments(arguments.length, 2, "'quickAction' on 'BrowserRun'", "string, object");
        const url = `http://browser/v1/quick/${encodeURIComponent(toUSVString(action))}`;
        const headers = { "content-type": "application/json" };
        return this.fetch(url, { method: "POST", headers, body: JSON.stringify(options) });
      });
    }
  };
  defineInterface(BrowserRun);
}

/** The value of a binding to browsers. @param {{ capability: number }} held */
export function makeBrowser(held) {
  if (BrowserRun === undefined) define();
  const browser = fetcherOf(held, undefined, BrowserRun);
  remember(browser, "browser", held);
  return browser;
}
