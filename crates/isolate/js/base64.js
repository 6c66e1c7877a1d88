// atob() and btoa() (https://html.spec.whatwg.org/#atob) with what Workers say of what they cannot take.

import { requireArguments, toDOMString } from "./webidl.js";

const engine = { atob: globalThis.atob, btoa: globalThis.btoa };

const NOT_BASE64 =
  "atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric ASCII, and up to two " +
  "terminal '=' signs when the input data length is divisible by 4 are allowed.)";
const NOT_LATIN1 = "btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.";

/** @param {string} data */
export function atob(data) {
  requireArguments(arguments.length, 1, "'atob' on 'ServiceWorkerGlobalScope'");
  const text = toDOMString(data);
  try {
    return engine.atob(text);
  } catch {
    throw new DOMException(NOT_BASE64, "InvalidCharacterError");
  }
}

/** @param {string} data */
export function btoa(data) {
  requireArguments(arguments.length, 1, "'btoa' on 'ServiceWorkerGlobalScope'", "String");
  const text = toDOMString(data);
  try {
    return engine.btoa(text);
  } catch {
    throw new DOMException(NOT_LATIN1, "InvalidCharacterError");
  }
}
