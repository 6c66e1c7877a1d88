// What cases share: how answers become JSON that two runtimes can be compared by.

/** Ids are made from a key that each runtime chooses; names of new objects and references are random. */
const masked = (text) =>
  text
    .replace(/[0-9a-f]{64}/g, "<id>")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<random>")
    .replace(/reference = [0-9a-z]+/g, "reference = <reference>")
    // What is no text can't be sent as JSON.
    .replace(/[\ud800-\udfff]/gu, "<surrogate>");

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A JSON picture of any value: what it is, not only what JSON would keep of it. */
export function plain(value, seen = []) {
  switch (typeof value) {
    case "string":
      return masked(value);
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : `<${Object.is(value, -0) ? "-0" : value}>`;
    case "undefined":
      return "<undefined>";
    case "bigint":
      return `<${value}n>`;
    case "symbol":
      return `<${String(value)}>`;
    case "function":
      return `<function ${value.name}>`;
  }
  if (value === null) return null;
  if (seen.includes(value)) return "<again>";
  const within = [...seen, value];
  const of = (inner) => plain(inner, within);
  if (Array.isArray(value)) return Array.from(value, of);
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof Error) return { [tag]: thrown(value), own: flagsOf(value) };
  switch (tag) {
    case "Date":
      return { Date: Number.isNaN(value.getTime()) ? "invalid" : value.toISOString() };
    case "RegExp":
      return { RegExp: `${value} at ${value.lastIndex}` };
    case "Map":
      return { Map: [...value].map(of) };
    case "Set":
      return { Set: [...value].map(of) };
    case "ArrayBuffer":
      return { ArrayBuffer: hex(new Uint8Array(value)) };
    case "Number":
    case "Boolean":
    case "String":
    case "BigInt":
      return { [`boxed ${tag}`]: of(value.valueOf()) };
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { [tag]: hex(bytes), at: value.byteOffset, of: value.buffer.byteLength };
  }
  const fields = {};
  for (const key of Object.keys(value).sort()) fields[key] = of(value[key]);
  return tag === "Object" ? fields : { [tag]: fields };
}

/** What was put on an error, without what only one of the engines shows. */
const flagsOf = (error) =>
  [...new Set([...Object.keys(error), ...["cause", "errors"].filter((key) => Object.hasOwn(error, key))])]
    .filter((key) => !["stack", "durableObjectId"].includes(key))
    .filter((key) => !(error instanceof DOMException && ["name", "message", "code"].includes(key)))
    .sort();

/** What was thrown: its kind, name, message, and the flags on it. */
export function thrown(error) {
  if (!(error instanceof Error)) return { thrown: plain(error) };
  const flags = flagsOf(error).map((key) => (error[key] === true ? key : `${key}=${JSON.stringify(plain(error[key]))}`));
  return masked(`${error.name}: ${error.message}${flags.length > 0 ? ` [${flags.join(" ")}]` : ""}`);
}

/** What each of these gives or throws, one after another. */
export async function outcomes(...works) {
  const list = [];
  for (const work of works) {
    try {
      list.push(plain(await work()));
    } catch (error) {
      list.push({ threw: thrown(error) });
    }
  }
  return list;
}

/** The same by name. */
export async function table(works) {
  const results = await outcomes(...Object.values(works));
  return Object.fromEntries(Object.keys(works).map((name, index) => [name, results[index]]));
}

/** A stub of an object that nothing has happened to yet. */
export const newStub = (namespace, name = "fresh") => namespace.get(namespace.idFromName(`${name} ${crypto.randomUUID()}`));

/** A promise and what settles it. */
export function deferred() {
  return Promise.withResolvers();
}

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
