/** Takes a pattern for a whole URL apart (https://urlpattern.spec.whatwg.org/#parse-a-constructor-string). */
import { ASTERISK, CHAR, CLOSE, END, ESCAPED_CHAR, INVALID_CHAR, NAME, OPEN, REGEXP, tokenize } from "./pattern.js";

/** In the order in which a URL has them. */
const ORDER = ["protocol", "authority", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const before = (state, other) => ORDER.indexOf(state) < ORDER.indexOf(other);

/**
 * @param {string} input
 * @param {(protocol: string) => boolean} matchesSpecial whether a protocol pattern matches a special scheme
 * @returns {Record<string, string>}
 */
export function parseConstructorString(input, matchesSpecial) {
  return new Parser(input, matchesSpecial).run();
}

class Parser {
  #input;
  #tokens;
  #matchesSpecial;
  #result = {};
  #start = 0;
  #index = 0;
  #step = 1;
  #groupDepth = 0;
  #bracketDepth = 0;
  #special = false;
  #state = "init";

  constructor(input, matchesSpecial) {
    this.#input = input;
    this.#tokens = tokenize(input, true);
    this.#matchesSpecial = matchesSpecial;
  }

  run() {
    while (this.#index < this.#tokens.length) {
      this.#step = 1;
      const { type } = this.#tokens[this.#index];
      if (type === END) {
        if (this.#state === "init") {
          this.#rewind(this.#state);
          if (this.#isSign("#")) this.#change("hash", 1);
          else if (this.#isSearchPrefix()) this.#change("search", 1);
          else this.#change("pathname", 0);
        } else if (this.#state === "authority") {
          this.#rewind("hostname");
        } else {
          this.#change("done", 0);
          break;
        }
      } else if (type === OPEN) {
        this.#groupDepth += 1;
      } else if (this.#groupDepth > 0 && type !== CLOSE) {
        // What a group holds belongs to the component it started in.
      } else {
        if (this.#groupDepth > 0) this.#groupDepth -= 1;
        this[this.#state]();
      }
      this.#index += this.#step;
    }
    const result = this.#result;
    if (result.hostname !== undefined && result.port === undefined) result.port = "";
    return result;
  }

  init() {
    if (this.#isSign(":")) this.#rewind("protocol");
  }

  protocol() {
    if (!this.#isSign(":")) return;
    this.#special = this.#matchesSpecial(this.#component());
    if (this.#isSign("/", 1) && this.#isSign("/", 2)) this.#change("authority", 3);
    else this.#change(this.#special ? "authority" : "pathname", 1);
  }

  authority() {
    if (this.#isSign("@")) this.#rewind("username");
    else if (this.#isSign("/") || this.#isSearchPrefix() || this.#isSign("#")) this.#rewind("hostname");
  }

  username() {
    if (this.#isSign(":")) this.#change("password", 1);
    else if (this.#isSign("@")) this.#change("hostname", 1);
  }

  password() {
    if (this.#isSign("@")) this.#change("hostname", 1);
  }

  hostname() {
    if (this.#isSign("[")) this.#bracketDepth += 1;
    else if (this.#isSign("]")) this.#bracketDepth -= 1;
    else if (this.#isSign(":") && this.#bracketDepth === 0) this.#change("port", 1);
    else this.port();
  }

  port() {
    if (this.#isSign("/")) this.#change("pathname", 0);
    else this.pathname();
  }

  pathname() {
    if (this.#isSearchPrefix()) this.#change("search", 1);
    else this.search();
  }

  search() {
    if (this.#isSign("#")) this.#change("hash", 1);
  }

  hash() {}

  #change(state, skip) {
    const old = this.#state;
    const result = this.#result;
    if (old !== "init" && old !== "authority") result[old] = this.#component();
    if (old !== "init" && state !== "done") {
      if (before(old, "hostname") && before("hostname", state)) result.hostname ??= "";
      if (before(old, "pathname") && before("pathname", state)) result.pathname ??= this.#special ? "/" : "";
      if (before(old, "search") && before("search", state)) result.search ??= "";
    }
    this.#state = state;
    this.#index += skip;
    this.#start = this.#index;
    this.#step = 0;
  }

  #rewind(state) {
    this.#index = this.#start;
    this.#step = 0;
    this.#state = state;
  }

  #component() {
    const start = this.#token(this.#start).index;
    return this.#input.slice(start, this.#tokens[this.#index].index);
  }

  #token(index) {
    return this.#tokens[index] ?? this.#tokens[this.#tokens.length - 1];
  }

  /** Whether a character stands here (or so many tokens ahead) for itself. */
  #isSign(value, ahead = 0) {
    const token = this.#token(this.#index + ahead);
    return token.value === value && (token.type === CHAR || token.type === ESCAPED_CHAR || token.type === INVALID_CHAR);
  }

  #isSearchPrefix() {
    if (this.#isSign("?")) return true;
    if (this.#tokens[this.#index].value !== "?") return false;
    if (this.#index === 0) return true;
    // After one of these a question mark makes them optional.
    const { type } = this.#token(this.#index - 1);
    return type !== NAME && type !== REGEXP && type !== CLOSE && type !== ASTERISK;
  }
}
