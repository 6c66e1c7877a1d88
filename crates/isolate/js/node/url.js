/** `node:url`: the legacy parser, and file URLs. The WHATWG classes are the global ones. */
import { URL, URLSearchParams } from "../url.js";
import { invalidArgType, invalidArgValue, NodeTypeError } from "../node_support/errors.js";
import { validateObject, validateString } from "../node_support/validators.js";
import { posix, win32 } from "./path.js";
import { toUnicode } from "./punycode.js";
import querystring from "./querystring.js";

/** Protocols that always have slashes, and those whose paths start with one. */
const SLASHED = new Set(["http:", "https:", "ftp:", "gopher:", "file:", "ws:", "wss:"]);
const HOSTLESS = new Set(["javascript:"]);
const AUTO_ESCAPED = /[\t\n\r "'<>\\^`{|}]/g;
const FORBIDDEN_HOST = /[\0\t\n\r #%/:<>?@[\\\]^|]/;

const percent = (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** The result of the legacy parser: plain, mutable fields. */
export function Url() {
  this.protocol = null;
  this.slashes = null;
  this.auth = null;
  this.host = null;
  this.port = null;
  this.hostname = null;
  this.hash = null;
  this.search = null;
  this.query = null;
  this.pathname = null;
  this.path = null;
  this.href = null;
}

function invalidUrl(input) {
  const error = new NodeTypeError("ERR_INVALID_URL", "Invalid URL");
  error.input = input;
  return error;
}

function splitHost(url, authority) {
  const at = authority.lastIndexOf("@");
  if (at >= 0) {
    url.auth = decodeURIComponent(authority.slice(0, at));
    authority = authority.slice(at + 1);
  }
  const port = /:(\d*)$/.exec(authority);
  if (port) {
    if (port[1]) url.port = port[1];
    authority = authority.slice(0, port.index);
  }
  url.hostname = authority;
}

Url.prototype.parse = function (input, parseQuery, slashesDenoteHost) {
  validateString(input, "url");
  let rest = input.replace(/^[\s\ufeff\u00a0]+|[\s\ufeff\u00a0]+$/g, "");
  const mark = rest.search(/[?#]/);
  rest = mark < 0 ? rest.replaceAll("\\", "/") : rest.slice(0, mark).replaceAll("\\", "/") + rest.slice(mark);

  const scheme = /^[a-z0-9.+-]+:/i.exec(rest);
  if (scheme) {
    this.protocol = scheme[0].toLowerCase();
    rest = rest.slice(scheme[0].length);
  }
  const { protocol } = this;
  const opensHost = (slashesDenoteHost || scheme || /^\/\/[^@/]+@[^@/]+/.test(rest)) && rest.startsWith("//");
  if (opensHost && !HOSTLESS.has(protocol)) {
    this.slashes = true;
    rest = rest.slice(2);
  }
  if (!HOSTLESS.has(protocol) && (this.slashes || (protocol && !SLASHED.has(protocol) && opensHost))) {
    // The last @ before the path ends the credentials, whatever they contain.
    const hard = rest.search(/[/?#]/);
    const limit = hard < 0 ? rest.length : hard;
    const at = rest.lastIndexOf("@", limit - 1);
    let end = rest.slice(at + 1).search(/[/?#\t\n\r "'%;<>\\^`{|}]/);
    end = end < 0 ? rest.length : at + 1 + end;
    splitHost(this, rest.slice(0, end));
    rest = rest.slice(end);
    this.hostname = this.hostname.toLowerCase();
    const bracketed = /^\[.*\]$/.test(this.hostname);
    if (this.hostname.length > 255) this.hostname = "";
    if (this.hostname !== "") {
      if (bracketed) {
        if (/[\0\t\n\r #%/<>?@\\^|]/.test(this.hostname)) throw invalidUrl(input);
      } else {
        if (/[^\0-\x7f]/.test(this.hostname)) this.hostname = domainToASCII(this.hostname);
        if (FORBIDDEN_HOST.test(this.hostname) || this.hostname === "") throw invalidUrl(input);
      }
    }
    this.host = this.hostname + (this.port ? `:${this.port}` : "");
    if (bracketed) {
      this.hostname = this.hostname.slice(1, -1);
      if (!rest.startsWith("/") && rest !== "") rest = `/${rest}`;
    }
  }
  if (!HOSTLESS.has(protocol)) rest = rest.replace(AUTO_ESCAPED, percent);

  const hash = rest.indexOf("#");
  if (hash >= 0) {
    this.hash = rest.slice(hash);
    rest = rest.slice(0, hash);
  }
  const question = rest.indexOf("?");
  if (question >= 0) {
    this.search = rest.slice(question);
    this.query = rest.slice(question + 1);
    if (parseQuery) this.query = querystring.parse(this.query);
    rest = rest.slice(0, question);
  } else if (parseQuery) {
    this.search = null;
    this.query = { __proto__: null };
  }
  if (rest !== "") this.pathname = rest;
  if (SLASHED.has(protocol) && this.hostname && !this.pathname) this.pathname = "/";
  if (this.pathname !== null || this.search !== null) this.path = (this.pathname ?? "") + (this.search ?? "");
  this.href = this.format();
  return this;
};

Url.prototype.format = function () {
  const auth = this.auth ? `${encodeURIComponent(this.auth).replace(/%3A/gi, ":").replace(/%40/g, "%40")}@` : "";
  let protocol = this.protocol || "";
  let pathname = this.pathname || "";
  let hash = this.hash || "";
  let host = "";
  if (this.host) {
    host = auth + this.host;
  } else if (this.hostname) {
    const bare = this.hostname.includes(":") && !/^\[.*\]$/.test(this.hostname) ? `[${this.hostname}]` : this.hostname;
    host = auth + bare + (this.port ? `:${this.port}` : "");
  }
  const query = this.query !== null && typeof this.query === "object" ? querystring.stringify(this.query) : "";
  let search = this.search || (query && `?${query}`) || "";
  if (protocol && !protocol.endsWith(":")) protocol += ":";
  pathname = pathname.replace(/[?#]/g, percent);
  if (this.slashes || SLASHED.has(protocol)) {
    if (this.slashes || host) {
      if (pathname && !pathname.startsWith("/")) pathname = `/${pathname}`;
      host = `//${host}`;
    } else if (/^file:/.test(protocol)) {
      host = "//";
    }
  }
  search = search.replaceAll("#", "%23");
  if (hash && !hash.startsWith("#")) hash = `#${hash}`;
  if (search && !search.startsWith("?")) search = `?${search}`;
  return protocol + host + pathname + search + hash;
};

const copyOf = (url) => Object.assign(new Url(), url);

function resolvePath(base, relative, keepsRoot) {
  const absolute = relative.startsWith("/");
  const segments = absolute ? relative.split("/") : [...base.split("/").slice(0, -1), ...relative.split("/")];
  const rooted = segments[0] === "" && segments.length > 1;
  const output = [];
  let up = 0;
  const last = segments.at(-1);
  for (const segment of rooted ? segments.slice(1) : segments) {
    if (segment === ".") continue;
    if (segment === "..") {
      if (output.length > 0) output.pop();
      else if (!rooted && !keepsRoot) up++;
      continue;
    }
    output.push(segment);
  }
  while (up-- > 0) output.unshift("..");
  if ((last === "." || last === "..") && output.at(-1) !== "") output.push("");
  const joined = output.join("/");
  return rooted || keepsRoot ? `/${joined}` : joined;
}

Url.prototype.resolve = function (relative) {
  return this.resolveObject(parse(relative, false, true)).format();
};

Url.prototype.resolveObject = function (relative) {
  if (typeof relative === "string") relative = new Url().parse(relative, false, true);
  const result = copyOf(this);
  result.hash = relative.hash;
  if (relative.href === "") {
    result.href = result.format();
    return result;
  }
  const finish = () => {
    if (result.pathname !== null || result.search !== null) {
      result.path = (result.pathname ?? "") + (result.search ?? "");
    }
    result.href = result.format();
    return result;
  };
  if (relative.protocol && relative.protocol !== result.protocol) {
    const own = copyOf(relative);
    if (!SLASHED.has(own.protocol)) {
      own.href = own.format();
      return own;
    }
    if (!own.host && own.protocol !== "file:") {
      const [host, ...path] = (own.pathname || "").split("/").filter((each, index) => each || index > 0);
      own.host = own.hostname = host ?? "";
      own.pathname = `/${path.join("/")}`;
    }
    own.slashes = true;
    own.path = (own.pathname ?? "") + (own.search ?? "");
    own.href = own.format();
    return own;
  }
  if (relative.slashes && !relative.protocol) {
    const own = copyOf(relative);
    own.protocol = result.protocol;
    if (SLASHED.has(own.protocol) && own.hostname && !own.pathname) own.pathname = own.path = "/";
    own.href = own.format();
    return own;
  }
  if (relative.host || relative.host === "") {
    if (relative.host) result.auth = relative.auth;
    result.host = relative.host;
    result.hostname = relative.hostname;
    result.port = relative.port;
    result.pathname = resolvePath("/", relative.pathname || "/", true);
    result.search = relative.search;
    result.query = relative.query;
    return finish();
  }
  if (relative.pathname) {
    result.search = relative.search;
    result.query = relative.query;
    const keepsRoot = Boolean(result.host) || (result.pathname ?? "").startsWith("/");
    result.pathname = resolvePath(result.pathname ?? "", relative.pathname, keepsRoot);
    return finish();
  }
  if (relative.search !== null && relative.search !== undefined) {
    result.search = relative.search;
    result.query = relative.query;
  }
  return finish();
};

Url.prototype.parseHost = function () {
  const port = /:(\d*)$/.exec(this.host ?? "");
  if (port?.[1]) this.port = port[1];
  this.hostname = port ? this.host.slice(0, port.index) : this.host;
};

export function parse(url, parseQuery = false, slashesDenoteHost = false) {
  return url instanceof Url ? url : new Url().parse(url, parseQuery, slashesDenoteHost);
}

export function resolve(from, to) {
  return parse(from, false, true).resolve(to);
}

export function resolveObject(from, to) {
  return from ? parse(from, false, true).resolveObject(to) : to;
}

function formatWhatwg(url, options = {}) {
  validateObject(options, "options");
  const { auth = true, fragment = true, search = true, unicode = false } = options;
  const credentials = auth && (url.username || url.password) ? `${url.username}${url.password ? `:${url.password}` : ""}@` : "";
  const hostname = unicode ? domainToUnicode(url.hostname) : url.hostname;
  const opensHost = url.host || url.protocol === "file:" ? "//" : "";
  return (
    url.protocol + opensHost + credentials + hostname + (url.port ? `:${url.port}` : "") + url.pathname +
    (search ? url.search : "") + (fragment ? url.hash : "")
  );
}

export function format(url, options) {
  if (typeof url === "string") return parse(url).format();
  if (typeof url !== "object" || url === null) throw invalidArgType("urlObject", ["Object", "string"], url);
  if (url instanceof URL) return formatWhatwg(url, options);
  return Url.prototype.format.call(url);
}

export function domainToASCII(domain) {
  if (domain === undefined) throw new NodeTypeError("ERR_MISSING_ARGS", 'The "domain" argument must be specified');
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return "";
  }
}

export function domainToUnicode(domain) {
  const ascii = domainToASCII(domain);
  return ascii.includes("xn--") ? toUnicode(ascii) : ascii;
}

export function fileURLToPath(path, options = {}) {
  const windows = options?.windows === true;
  if (typeof path === "string") path = new URL(path);
  else if (!(path instanceof URL)) throw invalidArgType("path", ["string", "URL"], path);
  if (path.protocol !== "file:") throw new NodeTypeError("ERR_INVALID_URL_SCHEME", "The URL must be of scheme file");
  const { pathname, hostname } = path;
  if (windows) {
    if (/%2f|%5c/i.test(pathname)) {
      throw new NodeTypeError("ERR_INVALID_FILE_URL_PATH", "File URL path must not include encoded \\ or / characters");
    }
    const local = decodeURIComponent(pathname.replaceAll("/", "\\"));
    if (hostname !== "") return `\\\\${domainToUnicode(hostname)}${local}`;
    if (!/^\\[a-z]:/i.test(local)) {
      throw new NodeTypeError("ERR_INVALID_FILE_URL_PATH", "File URL path must be absolute");
    }
    return local.slice(1);
  }
  if (hostname !== "") {
    throw new NodeTypeError("ERR_INVALID_FILE_URL_HOST", 'File URL host must be "localhost" or empty on linux');
  }
  if (/%2f/i.test(pathname)) {
    throw new NodeTypeError("ERR_INVALID_FILE_URL_PATH", "File URL path must not include encoded / characters");
  }
  return decodeURIComponent(pathname);
}

export function pathToFileURL(path, options = {}) {
  validateString(path, "path");
  const windows = options?.windows === true;
  const flavour = windows ? win32 : posix;
  let resolved = flavour.resolve(path);
  const trailing = path.at(-1);
  if ((trailing === "/" || (windows && trailing === "\\")) && !resolved.endsWith(flavour.sep)) resolved += "/";
  const url = new URL("file:///");
  if (windows) {
    const share = /^\\\\(?!\?\\)([^\\]+)(\\.*)$/.exec(resolved);
    if (resolved.startsWith("\\\\") && !share) throw invalidArgValue("path", path, "Missing UNC resource path");
    if (share) url.hostname = share[1];
    resolved = share ? share[2] : resolved;
    url.pathname = resolved.replaceAll("%", "%25").replaceAll("\\", "/").replace(/[\n\r\t?#]/g, percent);
    return url;
  }
  url.pathname = resolved.replaceAll("%", "%25").replaceAll("\\", "%5C").replace(/[\n\r\t?#]/g, percent);
  return url;
}

/** The fields that `http.request` takes, out of a URL. */
export function urlToHttpOptions(url) {
  const { hostname, pathname, port, username, password, search } = url;
  const options = {
    __proto__: null,
    ...url,
    protocol: url.protocol,
    hostname: hostname?.startsWith("[") ? hostname.slice(1, -1) : hostname,
    hash: url.hash,
    search,
    pathname,
    path: `${pathname || ""}${search || ""}`,
    href: url.href,
  };
  if (port !== "") options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

export function toPathIfFileURL(value) {
  return value instanceof URL ? fileURLToPath(value) : value;
}

export { URL, URLSearchParams };

export default {
  URL, URLSearchParams, Url, domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve,
  resolveObject, toPathIfFileURL, urlToHttpOptions,
};
