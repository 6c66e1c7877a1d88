// `env.AI.toMarkdown()` (https://developers.cloudflare.com/workers-ai/features/markdown-conversion/), for what can be read here
// without a model: pages, tables and text. Other documents are answered with an error, as Workers AI answers those that it
// cannot read.

import { convert } from "atoll:native/markdown";
import { getBlobBytes, isBlob } from "../blob.js";
import { decodeUtf8 } from "../encoding.js";
import { defineInterface, illegalConstructor } from "../webidl.js";

const token = Symbol("ToMarkdownService");
/** The longest document, in bytes. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Roughly how many characters make a token, which nobody here counts. */
const CHARACTERS_PER_TOKEN = 4;

/** What is read, by the ends of names: the type, and how. */
const FORMATS = {
  ".html": ["text/html", html],
  ".htm": ["text/html", html],
  ".csv": ["text/csv", (text, _, plain) => (plain ? text : table(text))],
  ".xml": ["application/xml", (text, _, plain) => (plain ? text : fenced(text, "xml"))],
  ".json": ["application/json", (text, _, plain) => (plain ? text : fenced(text, "json"))],
  ".md": ["text/markdown", (text) => text],
  ".txt": ["text/plain", (text) => text],
};

function html(text, { html: options = {} }, plain) {
  const { hostname, cssSelector } = options;
  const base = hostname === undefined || /^https?:/.test(hostname) ? hostname : `https://${hostname}`;
  return convert(text, cssSelector, base, plain);
}

function fenced(text, language) {
  const runs = Array.from(text.matchAll(/`{3,}/g), ([run]) => run.length);
  const ticks = "`".repeat(Math.max(2, ...runs) + 1);
  return `${ticks}${language}\n${text.trimEnd()}\n${ticks}`;
}

/** The records of comma-separated values (RFC 4180). */
function records(text) {
  const rows = [[]];
  const fields = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|\r|$)/gy;
  for (const [whole, quoted, bare, end] of text.matchAll(fields)) {
    if (whole === "" && rows.at(-1).length === 0) break;
    rows.at(-1).push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

function table(text) {
  const rows = records(text);
  const width = rows.reduce((most, { length }) => Math.max(most, length), 0);
  const cell = (value = "") => value.trim().replaceAll("|", "\\|").replace(/\s+/g, " ");
  const lines = rows.map((row) => `| ${Array.from({ length: width }, (_, column) => cell(row[column])).join(" | ")} |`);
  lines.splice(1, 0, `| ${Array(width).fill("---").join(" | ")} |`);
  return width === 0 ? "" : lines.join("\n");
}

/** How a document is read: as its name says, else as its type does. */
function formatOf(name, type) {
  const byName = FORMATS[/\.[^./]*$/.exec(name)?.[0].toLowerCase()];
  const [essence] = type.split(";");
  return byName ?? Object.values(FORMATS).find(([known]) => known === essence.trim().toLowerCase());
}

function read({ name, blob }, options) {
  if (typeof name !== "string" || !isBlob(blob)) throw new TypeError("env.AI.toMarkdown() takes documents of the form { name, blob }.");
  const format = formatOf(name, blob.type);
  const head = { id: crypto.randomUUID(), name, mimeType: format?.[0] ?? (blob.type || "application/octet-stream") };
  const fail = (error) => ({ ...head, format: "error", error });
  const known = Object.keys(FORMATS).join(", ");
  if (format === undefined) return fail(`Atoll reads ${known} and not ${head.mimeType}: documents and pictures need a service that it has not.`);
  if (blob.size > MAX_BYTES) return fail(`The document has ${blob.size} bytes, and may have ${MAX_BYTES}.`);
  const plain = options.output?.format === "text";
  try {
    const data = format[1](decodeUtf8(getBlobBytes(blob)).replace(/^\ufeff/, ""), options, plain);
    return { ...head, format: plain ? "text" : "markdown", tokens: Math.ceil(data.length / CHARACTERS_PER_TOKEN), data };
  } catch (error) {
    return fail(error.message);
  }
}

/** What `toMarkdown()` gives without documents. */
export class ToMarkdownService {
  constructor(key) {
    if (key !== token) throw illegalConstructor();
  }

  async transform(files, options = undefined) {
    const conversion = options?.conversionOptions ?? {};
    return Array.isArray(files) ? files.map((file) => read(file, conversion)) : read(files, conversion);
  }

  async supported() {
    return Object.entries(FORMATS).map(([extension, [mimeType]]) => ({ extension, mimeType }));
  }
}
defineInterface(ToMarkdownService, { receiver: true });

export const makeService = () => new ToMarkdownService(token);
