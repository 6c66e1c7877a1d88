/** How the parts of a URL read once a URL has been parsed (https://urlpattern.spec.whatwg.org/#canon). */
import { set } from "atoll:native/url";
import { URL } from "../url.js";

const DUMMY = "https://dummy.invalid/";
export const DEFAULT_PORTS = { http: "80", https: "443", ws: "80", wss: "443", ftp: "21", file: undefined };
export const isSpecial = (protocol) => Object.hasOwn(DEFAULT_PORTS, protocol);

function invalid(what, value) {
  return new TypeError(`Failed to construct URLPattern: the ${what} '${value}' is invalid`);
}

function withPart(part, value) {
  const url = new URL(DUMMY);
  url[part] = value;
  return url[part];
}

export function protocol(value) {
  if (value === "") return "";
  const url = URL.parse(`${value}://dummy.invalid/`);
  if (url === null) throw invalid("protocol", value);
  return url.protocol.slice(0, -1);
}

export const username = (value) => (value === "" ? "" : withPart("username", value));
export const password = (value) => (value === "" ? "" : withPart("password", value));

export function hostname(value) {
  if (value === "") return "";
  if (!value.startsWith("[") && /^[^/?#\\]*[:@]/.test(value)) throw invalid("hostname", value);
  if (set(DUMMY, "hostname", value) === undefined) throw invalid("hostname", value);
  return withPart("hostname", value);
}

export function ipv6Hostname(value) {
  if (/[^0-9A-Fa-f[\]:]/.test(value)) throw invalid("hostname", value);
  return value.toLowerCase();
}

/** @param {string | undefined} scheme whose default port is left out */
export function port(value, scheme = undefined) {
  const text = value.replace(/[\t\n\r]/g, "");
  if (text === "") return "";
  const digits = /^[0-9]+/.exec(text)?.[0];
  if (digits === undefined || Number(digits) > 65535) throw invalid("port", value);
  const number = String(Number(digits));
  return scheme !== undefined && DEFAULT_PORTS[scheme] === number ? "" : number;
}

export function pathname(value) {
  if (value === "") return "";
  // What does not start with a slash keeps it so: dots at its start must not vanish.
  if (value.startsWith("/")) return withPart("pathname", value);
  return withPart("pathname", `/-${value}`).slice(2);
}

export function opaquePathname(value) {
  if (value === "") return "";
  const url = URL.parse(`data:${value}`);
  if (url === null) throw invalid("pathname", value);
  return url.pathname;
}

export const search = (value) => (value === "" ? "" : withPart("search", `?${value}`).slice(1));
export const hash = (value) => (value === "" ? "" : withPart("hash", `#${value}`).slice(1));
