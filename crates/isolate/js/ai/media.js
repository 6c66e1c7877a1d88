// Speech and transcription: Workers AI's inputs as OpenAI's, and its answers of OpenAI's.

import { absent, defined, json } from "./asking.js";
import { encode, read, typeOf } from "./bytes.js";

const SPEECH = "/v1/audio/speech";
/** The voice that is asked for when the worker names none: OpenAI's servers want one. */
const VOICE = "alloy";

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

/** @returns {Promise<import("./asking.js").Asking>} */
export function toTranscription(model, inputs) {
  const { audio } = inputs;
  const isWrapped = typeof audio === "object" && audio !== null && "body" in audio;
  const go = (bytes) => asking(model, inputs, bytes, typeOf(bytes) ?? (isWrapped ? audio.contentType : undefined));
  return read(isWrapped ? audio.body : audio, "audio").then(go);
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
