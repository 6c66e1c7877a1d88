/** URLPattern (https://urlpattern.spec.whatwg.org/). */
import { URL } from "./url.js";
import * as canonical from "./urlpattern/canonical.js";
import { parseConstructorString } from "./urlpattern/constructor_string.js";
import { CUSTOM_REGEXP, escapePattern, parsePattern, toPatternString, toRegExp } from "./urlpattern/pattern.js";
import { defineInterface, toUSVString } from "./webidl.js";

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const PLAIN = { delimiter: "", prefix: "" };
const HOSTNAME = { delimiter: ".", prefix: "" };
const PATHNAME = { delimiter: "/", prefix: "/" };

/** One component of a pattern, ready to match. */
class Component {
  constructor(pattern, encode, options) {
    const parts = parsePattern(pattern, options, encode);
    const { regExp, names } = toRegExp(parts, options);
    this.pattern = toPatternString(parts, options);
    this.regExp = regExp;
    this.names = names;
    this.hasRegExpGroups = parts.some((part) => part.type === CUSTOM_REGEXP);
  }

  matchesSpecial() {
    return Object.keys(canonical.DEFAULT_PORTS).some((scheme) => this.regExp.test(scheme));
  }

  result(input, match) {
    const groups = {};
    for (const [index, name] of this.names.entries()) groups[name] = match[index + 1];
    return { input, groups };
  }
}

export class URLPattern {
  /** @type {Record<string, Component>} */
  #components = {};

  constructor(input = {}, baseOrOptions = undefined, lastOptions = undefined) {
    let base;
    let options = lastOptions;
    if (typeof baseOrOptions === "object" && baseOrOptions !== null && arguments.length < 3) options = baseOrOptions;
    else if (baseOrOptions !== undefined) base = toUSVString(baseOrOptions);
    const ignoreCase = Boolean(options?.ignoreCase);
    let init;
    if (typeof input === "object" && input !== null) {
      if (base !== undefined) {
        throw new TypeError("Failed to construct URLPattern: a base URL can only go with a pattern string");
      }
      init = readInit(input);
    } else {
      init = parseConstructorString(toUSVString(input), (protocol) =>
        new Component(protocol, canonical.protocol, PLAIN).matchesSpecial());
      if (base !== undefined) init.baseURL = base;
      else if (init.protocol === undefined) {
        throw new TypeError("Failed to construct URLPattern: a relative pattern needs a base URL");
      }
    }
    this.#compile(processInit(init, true, {}), ignoreCase);
  }

  #compile(patterns, ignoreCase) {
    for (const name of COMPONENTS) patterns[name] ??= "*";
    if (canonical.isSpecial(patterns.protocol) && canonical.DEFAULT_PORTS[patterns.protocol] === patterns.port) {
      patterns.port = "";
    }
    const components = this.#components;
    const cased = { ...PLAIN, ignoreCase };
    components.protocol = new Component(patterns.protocol, canonical.protocol, PLAIN);
    components.username = new Component(patterns.username, canonical.username, PLAIN);
    components.password = new Component(patterns.password, canonical.password, PLAIN);
    const encodeHost = isIpv6(patterns.hostname) ? canonical.ipv6Hostname : canonical.hostname;
    components.hostname = new Component(patterns.hostname, encodeHost, HOSTNAME);
    components.port = new Component(patterns.port, (value) => canonical.port(value), PLAIN);
    components.pathname = components.protocol.matchesSpecial()
      ? new Component(patterns.pathname, canonical.pathname, { ...PATHNAME, ignoreCase })
      : new Component(patterns.pathname, canonical.opaquePathname, cased);
    components.search = new Component(patterns.search, canonical.search, cased);
    components.hash = new Component(patterns.hash, canonical.hash, cased);
  }

  test(input = {}, base = undefined) { return this.#match(input, base) !== null; }
  exec(input = {}, base = undefined) { return this.#match(input, base); }

  get protocol() { return this.#components.protocol.pattern; }
  get username() { return this.#components.username.pattern; }
  get password() { return this.#components.password.pattern; }
  get hostname() { return this.#components.hostname.pattern; }
  get port() { return this.#components.port.pattern; }
  get pathname() { return this.#components.pathname.pattern; }
  get search() { return this.#components.search.pattern; }
  get hash() { return this.#components.hash.pattern; }
  get hasRegExpGroups() {
    return COMPONENTS.some((name) => this.#components[name].hasRegExpGroups);
  }

  #match(input, base) {
    const inputs = [];
    let values;
    if (typeof input === "object" && input !== null) {
      if (base !== undefined) throw new TypeError("A base URL can only go with a URL string");
      inputs.push(input);
      try {
        const empty = Object.fromEntries(COMPONENTS.map((name) => [name, ""]));
        values = processInit(readInit(input), false, empty);
      } catch {
        return null;
      }
    } else {
      const text = toUSVString(input);
      inputs.push(text);
      if (base !== undefined) inputs.push(toUSVString(base));
      const url = URL.parse(...inputs);
      if (url === null) return null;
      values = componentsOf(url);
    }
    const result = { inputs };
    for (const name of COMPONENTS) {
      const component = this.#components[name];
      const match = component.regExp.exec(values[name]);
      if (match === null) return null;
      result[name] = component.result(values[name], match);
    }
    return result;
  }
}
defineInterface(URLPattern, { receiver: true });

function componentsOf(url) {
  const { username, password, hostname, port, pathname } = url;
  const protocol = url.protocol.slice(0, -1);
  return { protocol, username, password, hostname, port, pathname, search: url.search.slice(1), hash: url.hash.slice(1) };
}

function isIpv6(hostname) {
  return hostname.length >= 2 && /^(?:\[|\{\[|\\\[)/.test(hostname);
}

function readInit(input) {
  const init = {};
  for (const name of [...COMPONENTS, "baseURL"]) {
    const value = input[name];
    if (value !== undefined) init[name] = toUSVString(value);
  }
  return init;
}

/** https://urlpattern.spec.whatwg.org/#process-a-urlpatterninit */
function processInit(init, isPattern, result) {
  const lacks = (...names) => names.every((name) => init[name] === undefined);
  const inherited = (text) => (isPattern ? escapePattern(text) : text);
  let base;
  if (init.baseURL !== undefined) {
    const url = URL.parse(init.baseURL);
    if (url === null) throw new TypeError(`Failed to construct URLPattern: the base URL '${init.baseURL}' is invalid`);
    base = componentsOf(url);
    if (lacks("protocol")) result.protocol = inherited(base.protocol);
    if (!isPattern && lacks("protocol", "hostname", "port", "username")) result.username = base.username;
    if (!isPattern && lacks("protocol", "hostname", "port", "username", "password")) result.password = base.password;
    if (lacks("protocol", "hostname")) result.hostname = inherited(base.hostname);
    if (lacks("protocol", "hostname", "port")) result.port = base.port;
    if (lacks("protocol", "hostname", "port", "pathname")) result.pathname = inherited(base.pathname);
    if (lacks("protocol", "hostname", "port", "pathname", "search")) result.search = inherited(base.search);
    if (lacks("protocol", "hostname", "port", "pathname", "search", "hash")) result.hash = inherited(base.hash);
  }
  const canon = (encode, ...more) => (value) => (isPattern ? value : encode(value, ...more));
  if (init.protocol !== undefined) result.protocol = canon(canonical.protocol)(init.protocol.replace(/:$/, ""));
  if (init.username !== undefined) result.username = canon(canonical.username)(init.username);
  if (init.password !== undefined) result.password = canon(canonical.password)(init.password);
  if (init.hostname !== undefined) result.hostname = canon(canonical.hostname)(init.hostname);
  if (init.port !== undefined) result.port = canon(canonical.port, result.protocol)(init.port);
  if (init.pathname !== undefined) {
    let { pathname } = init;
    const basePath = base?.pathname ?? "";
    if (base !== undefined && basePath.startsWith("/") && !isAbsolute(pathname, isPattern)) {
      pathname = inherited(basePath.slice(0, basePath.lastIndexOf("/") + 1)) + pathname;
    }
    const { protocol } = result;
    const plain = protocol === undefined || protocol === "" || canonical.isSpecial(protocol);
    result.pathname = canon(plain ? canonical.pathname : canonical.opaquePathname)(pathname);
  }
  if (init.search !== undefined) result.search = canon(canonical.search)(init.search.replace(/^\?/, ""));
  if (init.hash !== undefined) result.hash = canon(canonical.hash)(init.hash.replace(/^#/, ""));
  return result;
}

function isAbsolute(pathname, isPattern) {
  if (pathname.startsWith("/")) return true;
  return isPattern && (pathname.startsWith("\\/") || pathname.startsWith("{/"));
}
