/** `util.MIMEType` and `util.MIMEParams`, after the MIME Sniffing Standard. */
import { NodeTypeError } from "./errors.js";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const QUOTED_CONTENT = /^[\t\x20-\x7e\x80-\xff]*$/;
const trim = (text) => text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");

function invalid(part, text, at) {
  const where = at === undefined || at < 0 ? "" : ` at ${at}`;
  return new NodeTypeError("ERR_INVALID_MIME_SYNTAX", `The MIME syntax for a ${part} in "${text}" is invalid${where}`);
}

function serializeValue(value) {
  if (value.length > 0 && TOKEN.test(value)) return value;
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export class MIMEParams {
  #entries = new Map();

  delete(name) {
    this.#entries.delete(`${name}`);
  }
  get(name) {
    return this.#entries.get(`${name}`) ?? null;
  }
  has(name) {
    return this.#entries.has(`${name}`);
  }
  set(name, value) {
    name = `${name}`;
    value = `${value}`;
    if (!TOKEN.test(name)) throw invalid("parameter name", name, name.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    if (!QUOTED_CONTENT.test(value)) throw invalid("parameter value", value, value.search(/[^\t\x20-\x7e\x80-\xff]/));
    this.#entries.set(name, value);
  }
  *entries() {
    yield* this.#entries.entries();
  }
  *keys() {
    yield* this.#entries.keys();
  }
  *values() {
    yield* this.#entries.values();
  }
  toString() {
    return [...this.#entries].map(([name, value]) => `${name}=${serializeValue(value)}`).join(";");
  }
  toJSON() {
    return this.toString();
  }

  /** Fills the list from the part after the first `;`. Malformed parameters are skipped. */
  static parseInto(params, text) {
    let rest = text;
    while (rest.length > 0) {
      const [, name] = /^([^;=]*)/.exec(rest);
      let after = rest.slice(name.length);
      let value = null;
      if (after.startsWith("=")) {
        const quoted = /^="((?:[^"\\]|\\[^])*)"?[^;]*/.exec(after);
        if (quoted) {
          value = quoted[1].replace(/\\([^])/g, "$1");
          after = after.slice(quoted[0].length);
        } else {
          const plain = /^=([^;]*)/.exec(after);
          value = trim(plain[1]) || null;
          after = after.slice(plain[0].length);
        }
      }
      const key = trim(name).toLowerCase();
      if (value !== null && TOKEN.test(key) && QUOTED_CONTENT.test(value) && !params.has(key)) params.set(key, value);
      rest = after.slice(1);
    }
  }
}
Object.defineProperty(MIMEParams.prototype, Symbol.iterator, {
  value: MIMEParams.prototype.entries,
  writable: true,
  configurable: true,
});
const parseParams = MIMEParams.parseInto;
delete MIMEParams.parseInto;

export class MIMEType {
  #type;
  #subtype;
  #params = new MIMEParams();

  constructor(input) {
    const text = trim(`${input}`);
    const slash = text.indexOf("/");
    const type = slash < 0 ? text : text.slice(0, slash);
    if (!TOKEN.test(type) || slash < 0) throw invalid("type", text, type.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    const [subtypeText] = /^[^;]*/.exec(text.slice(slash + 1));
    const subtype = subtypeText.replace(/[\t\n\r ]+$/, "");
    if (!TOKEN.test(subtype)) throw invalid("subtype", text, subtype.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    this.#type = type.toLowerCase();
    this.#subtype = subtype.toLowerCase();
    parseParams(this.#params, text.slice(slash + 2 + subtypeText.length));
  }

  get type() {
    return this.#type;
  }
  set type(value) {
    value = `${value}`;
    if (!TOKEN.test(value)) throw invalid("type", value, value.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    this.#type = value.toLowerCase();
  }
  get subtype() {
    return this.#subtype;
  }
  set subtype(value) {
    value = `${value}`;
    if (!TOKEN.test(value)) throw invalid("subtype", value, value.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    this.#subtype = value.toLowerCase();
  }
  get essence() {
    return `${this.#type}/${this.#subtype}`;
  }
  get params() {
    return this.#params;
  }
  toString() {
    const params = this.#params.toString();
    return params ? `${this.essence};${params}` : this.essence;
  }
  toJSON() {
    return this.toString();
  }
}
