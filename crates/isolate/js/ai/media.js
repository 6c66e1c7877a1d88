// Images, speech and transcription: Workers AI's inputs as OpenAI's, and its answers of OpenAI's.

import { isBlob, getBlobBytes } from "../blob.js";
import { Response } from "../response.js";
import { ReadableStream } from "../streams/index.js";
import { absent, defined, json } from "./asking.js";

const IMAGES = "/v1/images/generations";
const SPEECH = "/v1/audio/speech";
/** Models whose picture is the answer itself, not base64 in JSON. */
const PLAIN_IMAGE_MODELS = /stable-diffusion|dreamshaper|phoenix/;
/** The voice that is asked for when the worker names none: OpenAI's servers want one. */
const VOICE = "alloy";

const encode = Function.prototype.call.bind(Uint8Array.prototype.toBase64);
const decode = Uint8Array.fromBase64.bind(Uint8Array);

function fromBase64(text, what) {
  try {
    return decode(text);
  } catch {
    throw new TypeError(`env.AI.run() takes \`${what}\` as base64, and this is none.`);
  }
}

/** The bytes of whatever they came in. @returns {Uint8Array} */
function toBytes(value, what) {
  if (typeof value === "string") return fromBase64(/^data:[^,]*;base64,/.test(value) ? value.slice(value.indexOf(",") + 1) : value, what);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return Uint8Array.from(value);
  throw new TypeError(`env.AI.run() takes \`${what}\` as base64, an array of bytes or a buffer.`);
}

/** How the files begin that models are given and give: an offset, the bytes there, what they say. */
const BEGINNINGS = [
  [0, "\x89PNG", "image/png"],
  [0, "\xff\xd8\xff", "image/jpeg"],
  [8, "WEBP", "image/webp"],
  [0, "GIF8", "image/gif"],
  [8, "WAVE", "audio/wav"],
  [0, "ID3", "audio/mpeg"],
  [0, "OggS", "audio/ogg"],
  [0, "fLaC", "audio/flac"],
  [0, "\x1a\x45\xdf\xa3", "audio/webm"],
  [4, "ftyp", "audio/mp4"],
];

function typeOf(bytes) {
  const found = BEGINNINGS.find(([at, begin]) => Array.from(begin).every((letter, index) => bytes[at + index] === letter.charCodeAt(0)));
  if (found !== undefined) return found[2];
  // A frame of MPEG audio has no name, but begins with eleven bits that are set.
  return bytes[0] === 0xff && (bytes[1] & 0xe0) === 0xe0 ? "audio/mpeg" : undefined;
}

/** @returns {import("./asking.js").Asking | Promise<import("./asking.js").Asking>} */
export function toImage(model, inputs) {
  if (inputs.multipart !== undefined) {
    const { body, contentType } = inputs.multipart;
    return new Response(body, { headers: { "content-type": contentType } }).formData().then((form) => {
      const fields = Array.from(form, ([name, value]) => {
        if (isBlob(value)) throw absent(`env.AI.run() with pictures to draw from (\`${name}\`)`);
        return [name, /^(width|height|steps|seed)$/.test(name) ? Number(value) : value];
      });
      return toImage(model, Object.fromEntries(fields));
    });
  }
  const source = ["image", "image_b64", "mask"].find((name) => inputs[name] !== undefined);
  if (source !== undefined) throw absent(`env.AI.run() with a picture to draw from (\`${source}\`)`);
  const { prompt, width, height, ...rest } = inputs;
  if (typeof prompt !== "string") throw new TypeError("env.AI.run() draws what `prompt` says.");
  if ((width === undefined) !== (height === undefined)) throw absent("env.AI.run() with one of `width` and `height`");
  const core = { model, prompt, n: 1, size: width === undefined ? undefined : `${width}x${height}` };
  const isPlain = PLAIN_IMAGE_MODELS.test(model);
  return {
    // Some of OpenAI's models take no `response_format`, and answer in base64 as if they had.
    request: json(IMAGES, { ...rest, ...core, response_format: "b64_json" }),
    bare: json(IMAGES, core),
    toResult: (response) =>
      response.json().then(({ data }) => {
        const image = data?.[0]?.b64_json;
        if (typeof image !== "string") throw new Error("The server of models drew nothing: its answer has no `b64_json`.");
        if (!isPlain) return { image };
        const bytes = fromBase64(image, "b64_json");
        return new Response(bytes, { headers: { "content-type": typeOf(bytes) ?? "application/octet-stream" } });
      }),
  };
}

/** A picture as an address that has it. */
export function toImageUrl(image) {
  if (typeof image === "string" && /^(data|https?):/.test(image)) return image;
  const bytes = toBytes(image, "image");
  return `data:${typeOf(bytes) ?? "image/png"};base64,${encode(bytes)}`;
}

/** OpenAI's name of a format. */
function toFormat({ encoding = "mp3", container }) {
  if (encoding === "linear16") return container === "none" ? "pcm" : "wav";
  if (["mp3", "opus", "aac", "flac"].includes(encoding)) return encoding;
  throw absent(`env.AI.run() with the encoding ${encoding}`);
}

/** @returns {import("./asking.js").Asking} */
export function toSpeech(model, { text, prompt, voice, speaker, speed, lang, encoding, container, ...rest }) {
  const said = text ?? prompt;
  if (typeof said !== "string") throw new TypeError("env.AI.run() says what `text` or `prompt` says.");
  // OpenAI's raw samples are 24,000 a second, and nothing says otherwise.
  const other = Object.keys(rest).find((name) => rest[name] !== undefined && !(name === "sample_rate" && rest[name] === 24_000));
  if (other !== undefined) throw absent(`env.AI.run() with \`${other}\``);
  const format = toFormat({ encoding, container });
  const core = { model, input: said, voice: voice ?? speaker ?? VOICE, response_format: format, speed };
  const isInJson = /melotts/.test(model);
  return {
    request: json(SPEECH, { ...core, language: lang }),
    bare: lang === undefined ? undefined : json(SPEECH, core),
    isNative: !isInJson,
    toResult: (response) => {
      if (!isInJson) return Promise.resolve(response);
      return response.arrayBuffer().then((bytes) => ({ audio: encode(new Uint8Array(bytes)) }));
    },
  };
}

/** @returns {import("./asking.js").Asking | Promise<import("./asking.js").Asking>} */
export function toTranscription(model, inputs) {
  const { audio } = inputs;
  const isWrapped = typeof audio === "object" && audio !== null && "body" in audio;
  const content = isWrapped ? audio.body : audio;
  const go = (bytes) => asking(model, inputs, bytes, typeOf(bytes) ?? (isWrapped ? audio.contentType : undefined));
  if (content instanceof ReadableStream || content instanceof Response) {
    const stream = content instanceof Response ? content : new Response(content);
    return stream.arrayBuffer().then((buffer) => go(new Uint8Array(buffer)));
  }
  return go(isBlob(content) ? getBlobBytes(content) : toBytes(content, "audio"));
}

/** The audio is the body, and what else there is to say stands in the address: the host makes OpenAI's form of both. */
function asking(model, { language, initial_prompt: prompt, task }, body, type = "application/octet-stream") {
  const isNova = /nova-3/.test(model);
  const path = `/v1/audio/${task === "translate" ? "translations" : "transcriptions"}`;
  const withFormat = (fields) => {
    const pairs = Object.entries(defined({ model, language, prompt, ...fields }));
    const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return { path: `${path}?${query.join("&")}`, type, body };
  };
  return {
    // Not every model tells the times.
    request: withFormat({ response_format: "verbose_json", "timestamp_granularities[]": isNova ? "word" : undefined }),
    bare: withFormat({ response_format: "json" }),
    toResult: (response) => response.json().then(isNova ? toNova : toWhisper),
  };
}

const timeOf = (seconds) => {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  return `${parts.join(":")}.${String(Math.round((seconds - whole) * 1000)).padStart(3, "0")}`;
};

function toWhisper({ text, language, duration, segments, words }) {
  const vtt = segments?.map((segment) => `${timeOf(segment.start)} --> ${timeOf(segment.end)}\n${segment.text.trim()}\n`);
  return defined({
    text,
    word_count: text.split(/\s+/).filter(Boolean).length,
    transcription_info: language === undefined && duration === undefined ? undefined : defined({ language, duration: duration && Number(duration) }),
    segments,
    words,
    vtt: vtt === undefined ? undefined : `WEBVTT\n\n${vtt.join("\n")}`,
  });
}

function toNova({ text, words }) {
  return { results: { channels: [{ alternatives: [defined({ transcript: text, words })] }] } };
}
