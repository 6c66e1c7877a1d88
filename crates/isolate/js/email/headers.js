// The header of a message (https://www.rfc-editor.org/rfc/rfc5322), as far as it has to be read.

import { decodeUtf8 } from "../encoding.js";
import { Headers } from "../headers.js";

const MAX_HEADER_BYTES = 1024 * 1024;

/** Where the empty line after the header begins. @param {Uint8Array} raw */
function endOfHeader(raw) {
  const end = Math.min(raw.byteLength, MAX_HEADER_BYTES);
  for (let at = 0; at < end; at += 1) {
    if (raw[at] !== 10) continue;
    if (raw[at + 1] === 10 || (raw[at + 1] === 13 && raw[at + 2] === 10)) return at + 1;
  }
  return end;
}

/** The fields of a message, in order, unfolded. @param {Uint8Array} raw @returns {[string, string][]} */
export function parseHeader(raw) {
  const lines = decodeUtf8(raw.subarray(0, endOfHeader(raw))).split(/\r?\n/);
  const fields = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line) && fields.length > 0) fields.at(-1)[1] += ` ${line.trim()}`;
    else {
      const colon = line.indexOf(":");
      if (colon > 0 && /^[!-9;-~]+$/.test(line.slice(0, colon))) {
        fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
      }
    }
  }
  return fields;
}

/** The same as `Headers`; what those do not take is left out. @param {Uint8Array} raw */
export function toHeaders(raw) {
  const headers = new Headers();
  for (const [name, value] of parseHeader(raw)) {
    try {
      headers.append(name, value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?"));
    } catch {
      // It is in `raw` nevertheless.
    }
  }
  return headers;
}

/** The address in a text like `Name <name@host>`. */
export function addressOf(text) {
  const found = /<([^<>]*)>[^<>]*$/.exec(text);
  return (found === null ? text : found[1]).trim();
}
