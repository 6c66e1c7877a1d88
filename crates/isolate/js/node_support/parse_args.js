/** `util.parseArgs`. */
import { invalidArgType, invalidArgValue, NodeTypeError } from "./errors.js";
import { validateArray, validateBoolean, validateObject, validateOneOf, validateString } from "./validators.js";

const fail = (code, message) => new NodeTypeError(code, message);

function checkOptions(options) {
  validateObject(options, "options");
  for (const [name, option] of Object.entries(options)) {
    validateObject(option, `options.${name}`);
    validateOneOf(option.type, `options.${name}.type`, ["string", "boolean"]);
    if (option.short !== undefined) {
      validateString(option.short, `options.${name}.short`);
      if (option.short.length !== 1) {
        throw invalidArgValue(`options.${name}.short`, option.short, "must be a single character");
      }
    }
    if (option.multiple !== undefined) validateBoolean(option.multiple, `options.${name}.multiple`);
    const { default: fallback } = option;
    if (fallback === undefined) continue;
    const check = option.type === "string" ? validateString : validateBoolean;
    if (option.multiple) {
      validateArray(fallback, `options.${name}.default`);
      fallback.forEach((value, index) => check(value, `options.${name}.default[${index}]`));
    } else {
      check(fallback, `options.${name}.default`);
    }
  }
}

/** Cuts the arguments into tokens that say what each is. */
function tokenize(args, options) {
  const tokens = [];
  const longOf = (short) => Object.keys(options).find((name) => options[name].short === short) ?? short;
  const takesValue = (name) => options[name]?.type === "string";
  const queue = args.map((text, index) => ({ text, index }));
  const option = (name, rawName, index, value, inlineValue) =>
    tokens.push({ kind: "option", name, rawName, index, value, inlineValue });
  const nextValue = (name) => {
    const next = queue[0];
    return takesValue(name) && next !== undefined ? queue.shift().text : undefined;
  };
  while (queue.length > 0) {
    const { text, index } = queue.shift();
    if (text === "--") {
      tokens.push({ kind: "option-terminator", index });
      for (const rest of queue) tokens.push({ kind: "positional", index: rest.index, value: rest.text });
      break;
    }
    const long = /^--([^=]+)(?:=([^]*))?$/.exec(text) ;
    if (text.startsWith("--") && long) {
      if (long[2] !== undefined) {
        option(long[1], `--${long[1]}`, index, long[2], true);
      } else {
        const value = nextValue(long[1]);
        option(long[1], text, index, value, value === undefined ? undefined : false);
      }
    } else if (text.length > 1 && text[0] === "-" && text[1] !== "-") {
      for (let at = 1; at < text.length; at++) {
        const name = longOf(text[at]);
        const rawName = `-${text[at]}`;
        if (takesValue(name) && at + 1 < text.length) {
          option(name, rawName, index, text.slice(at + 1), true);
          break;
        }
        const value = at + 1 === text.length ? nextValue(name) : undefined;
        option(name, rawName, index, value, value === undefined ? undefined : false);
      }
    } else {
      tokens.push({ kind: "positional", index, value: text });
    }
  }
  return tokens;
}

function describeOption(options, name) {
  const { short } = options[name];
  return `${short ? `-${short}, ` : ""}--${name}`;
}

function checkToken(token, options, allowPositionals) {
  const { name, rawName } = token;
  if (!Object.hasOwn(options, name)) {
    const hint = allowPositionals
      ? `. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- "${rawName}"`
      : "";
    throw fail("ERR_PARSE_ARGS_UNKNOWN_OPTION", `Unknown option '${rawName}'${hint}`);
  }
  const isString = options[name].type === "string";
  if (isString && typeof token.value !== "string") {
    throw fail("ERR_PARSE_ARGS_INVALID_OPTION_VALUE", `Option '${describeOption(options, name)} <value>' argument missing`);
  }
  if (!isString && token.value !== undefined) {
    throw fail("ERR_PARSE_ARGS_INVALID_OPTION_VALUE", `Option '${describeOption(options, name)}' does not take an argument`);
  }
  if (isString && !token.inlineValue && token.value.length > 1 && token.value.startsWith("-")) {
    const inline = rawName.startsWith("--") ? `'--${name}=-XYZ'` : `'--${name}=-XYZ' or '${rawName}-XYZ'`;
    throw fail(
      "ERR_PARSE_ARGS_INVALID_OPTION_VALUE",
      `Option '${rawName}' argument is ambiguous.\nDid you forget to specify the option argument for '${rawName}'?\n` +
        `To specify an option argument starting with a dash use ${inline}.`,
    );
  }
}

export function parseArgs(config = { __proto__: null }) {
  const { args = [], options = {}, strict = true, allowPositionals = !strict, tokens: wantsTokens = false, allowNegative = false } = config;
  validateArray(args, "args");
  validateBoolean(strict, "strict");
  validateBoolean(allowPositionals, "allowPositionals");
  validateBoolean(wantsTokens, "tokens");
  if (typeof options !== "object") throw invalidArgType("options", "Object", options);
  checkOptions(options);
  const tokens = tokenize(args, options);
  const values = { __proto__: null };
  const positionals = [];
  const store = (name, value) => {
    if (name === "__proto__") return;
    if (options[name]?.multiple) (values[name] ??= []).push(value);
    else values[name] = value;
  };
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (!allowPositionals) {
        throw fail(
          "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL",
          `Unexpected argument '${token.value}'. This command does not take positional arguments`,
        );
      }
      positionals.push(token.value);
    } else if (token.kind === "option") {
      const negated = allowNegative && token.name.startsWith("no-") && !Object.hasOwn(options, token.name);
      if (negated && token.value === undefined) {
        token.name = token.name.slice(3);
        if (strict) checkToken(token, options, allowPositionals);
        store(token.name, false);
        continue;
      }
      if (strict) checkToken(token, options, allowPositionals);
      store(token.name, token.value ?? true);
    }
  }
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined && values[name] === undefined) values[name] = option.default;
  }
  return wantsTokens ? { values, positionals, tokens } : { values, positionals };
}
