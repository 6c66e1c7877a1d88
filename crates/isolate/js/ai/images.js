// Pictures, from words and from other pictures: Workers AI's inputs as OpenAI's, and its answers of OpenAI's.

import { openWhite } from "atoll:native/mask";
import { encodeUtf8 } from "../encoding.js";
import { Response } from "../response.js";
import { absent, defined, json } from "./asking.js";
import { encode, fromBase64, read, toBytes, typeOf } from "./bytes.js";

const GENERATIONS = "/v1/images/generations";
const EDITS = "/v1/images/edits";
/** Models whose picture is the answer itself, not base64 in JSON. */
const PLAIN_MODELS = /stable-diffusion|dreamshaper|phoenix/;
/** Inputs that are pictures to draw from. */
const ORIGINALS = /^(?:image|image_b64|image\[\]|input_image(?:_\d+)?)$/;
/** Fields of a form that are numbers. */
const NUMBERS = /^(?:width|height|steps|seed|guidance|strength)$/;

/** @returns {import("./asking.js").Asking | Promise<import("./asking.js").Asking>} */
export function toImage(model, inputs) {
  if (inputs.multipart === undefined) return draw(model, Object.entries(inputs));
  const { body, contentType } = inputs.multipart;
  return new Response(body, { headers: { "content-type": contentType } }).formData().then((form) => {
    const entries = Array.from(form, ([name, value]) => [name, NUMBERS.test(name) ? Number(value) : value]);
    const file = entries.find(([name, value]) => typeof value === "object" && name !== "mask" && !ORIGINALS.test(name));
    if (file !== undefined) throw absent(`env.AI.run() with a file (\`${file[0]}\`) that is none of \`image\`, \`input_image_0\` and \`mask\``);
    return draw(model, entries);
  });
}

/** Names and values of inputs, a name as often as there are pictures of it. */
function draw(model, entries) {
  const given = entries.filter(([, value]) => value !== undefined && value !== null);
  const originals = given.filter(([name]) => ORIGINALS.test(name));
  const { prompt, width, height, mask, ...rest } = Object.fromEntries(given.filter(([name]) => !ORIGINALS.test(name)));
  if (typeof prompt !== "string") throw new TypeError("env.AI.run() draws what `prompt` says.");
  if ((width === undefined) !== (height === undefined)) throw absent("env.AI.run() with one of `width` and `height`");
  const core = { model, prompt, n: 1, size: width === undefined ? undefined : `${width}x${height}` };
  // Some of OpenAI's models take no `response_format`, and answer in base64 as if they had.
  const all = { ...rest, ...core, response_format: "b64_json" };
  const toResult = (response) => response.json().then((answer) => toPicture(answer, PLAIN_MODELS.test(model)));
  if (originals.length > 0) {
    return Promise.all([toFiles(originals), mask === undefined ? [] : toMask(mask)]).then(([files, masks]) => {
      const ask = (fields) => withFiles(fields, files.concat(masks));
      return { request: ask(all), bare: ask(core), toResult };
    });
  }
  if (mask !== undefined) throw new TypeError("env.AI.run() with `mask` needs the picture that it lies on: `image` or `image_b64`.");
  return { request: json(GENERATIONS, all), bare: json(GENERATIONS, core), toResult };
}

function toPicture({ data }, isPlain) {
  const image = data?.[0]?.b64_json;
  if (typeof image !== "string") throw new Error("The server of models drew nothing: its answer has no `b64_json`.");
  if (!isPlain) return { image };
  const bytes = fromBase64(image, "b64_json");
  return new Response(bytes, { headers: { "content-type": typeOf(bytes) ?? "application/octet-stream" } });
}

/** Pictures as files of a form: OpenAI has another name for several. */
function toFiles(originals) {
  const field = originals.length === 1 ? "image" : "image[]";
  const files = originals.map(([name, value]) =>
    read(value, name).then((bytes) => {
      if (bytes.length === 0) throw new TypeError(`env.AI.run() cannot draw from an empty picture (\`${name}\`).`);
      return { name: field, kind: typeOf(bytes), bytes };
    }),
  );
  return Promise.all(files);
}

/** Workers AI draws anew what is white in a mask, OpenAI what is transparent. */
function toMask(mask) {
  return read(mask, "mask").then((bytes) => {
    try {
      return { name: "mask", kind: "image/png", bytes: openWhite(bytes) ?? bytes };
    } catch ({ message }) {
      throw new TypeError(`env.AI.run() takes \`mask\` as a PNG that is white where to draw: ${message}.`);
    }
  });
}

/** What the host makes OpenAI's form of: a line that tells its fields and files, and the files one after the other. */
function withFiles(fields, files) {
  const told = files.map(({ name, kind, bytes }) => ({ name, kind, bytes: bytes.length }));
  const line = encodeUtf8(`${JSON.stringify({ fields: defined(fields), files: told })}\n`);
  const body = new Uint8Array(files.reduce((length, { bytes }) => length + bytes.length, line.length));
  body.set(line);
  let at = line.length;
  for (const { bytes } of files) {
    body.set(bytes, at);
    at += bytes.length;
  }
  return { path: EDITS, type: "application/octet-stream", body };
}

/** A picture as an address that has it. */
export function toImageUrl(image) {
  if (typeof image === "string" && /^(data|https?):/.test(image)) return image;
  const bytes = toBytes(image, "image");
  return `data:${typeOf(bytes) ?? "image/png"};base64,${encode(bytes)}`;
}
