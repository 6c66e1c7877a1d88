// env.AI before an OpenAI-compatible server, by itself and through the AI SDK's providers.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { copyOf, PATIENCE_MS, projectOf, Server } from "./support.mjs";

let model, server, folder, scripts;
const options = { timeout: PATIENCE_MS };

before(async () => {
  scripts = projectOf({
    "script.json": {
      rate: 200,
      rules: [
        { when: "refuse the first", times: 1, status: 400 },
        { when: "fail", status: 404 },
      ],
    },
  });
  model = await Server.start(["model", "--port", "0", "--script", join(scripts, "script.json")]);
  const names = { images: "painter", voice: "sage" };
  folder = copyOf("tests/sdk/worker", { settings: { model: { url: `${model.url}/v1`, names } } });
  server = await Server.start(["serve", "-c", folder, "--port", "0"]);
});
after(async () => {
  if (process.exitCode) console.error(server?.said);
  await server?.end();
  await model?.end();
});

const bytesOf = async (path) => {
  const response = await fetch(`${server.url}/models/${path}`);
  assert.equal(response.status, 200);
  return { bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
};
const json = async (path) => JSON.parse((await get(path)).text);
const base64 = (text) => Buffer.from(text, "base64");
const asked = async (endpoint) => (await (await fetch(`${model.url}/calls`)).json()).filter((call) => call.endpoint === endpoint);

/** Width, height and the bytes of the points of a PNG. */
function decodePng(bytes) {
  assert.equal(bytes.toString("latin1", 1, 4), "PNG");
  const packed = [];
  for (let at = 8; at < bytes.length; at += bytes.readUInt32BE(at) + 12) {
    if (bytes.toString("latin1", at + 4, at + 8) === "IDAT") packed.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  }
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const points = inflateSync(Buffer.concat(packed));
  assert.equal(points.length, height * (1 + width * 3));
  return { width, height, points };
}

/** A PNG of these points, each of three or four bytes. */
function encodePng(width, points) {
  const rows = Array.from({ length: points.length / width }, (_, y) => [0, ...points.slice(y * width, (y + 1) * width).flat()]);
  const chunk = (name, content) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(name, "latin1"), content, Buffer.alloc(4)]);
    bytes.writeUInt32BE(content.length);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
    return bytes;
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, rows.length, 8, points[0].length === 3 ? 2 : 6, 0, 0, 0]);
  const rest = [chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.from(rows.flat()))), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...rest]);
}

/** What a picture holds, row by row. */
function rowsOf({ width, height, points }) {
  const rows = Array.from({ length: height }, (_, y) => points.subarray(y * (1 + width * 3) + 1, (y + 1) * (1 + width * 3)));
  return rows.map((row) => Array.from({ length: width }, (_, x) => Array.from(row.subarray(x * 3, x * 3 + 3))));
}

const get = async (path) => {
  const response = await fetch(`${server.url}/models/${path}`);
  return { status: response.status, text: await response.text(), headers: response.headers };
};

test("plain, streamed, raw, through a gateway", options, async () => {
  const plain = JSON.parse((await get("plain")).text);
  assert.equal(plain.response, "1 2 3 4 5");
  assert.equal(plain.choices[0].message.content, "1 2 3 4 5");
  const { text } = await get("stream");
  assert.match(text, /data: .*"content":"3 "/);
  assert.match(text, /data: \[DONE\]\n\n$/);
  const raw = await get("raw");
  assert.match(raw.headers.get("cf-aig-run-id"), /^[0-9a-f]{32}$/);
  const gateway = await get("gateway");
  assert.equal(gateway.headers.get("cf-aig-step"), "0");
  assert.equal(JSON.parse(gateway.text).choices[0].message.content, "1 2 3 4 5");
  assert.deepEqual(JSON.parse((await get("embedding")).text).shape, [2, 16]);
  assert.match((await get("unsupported")).text, /getUrl\(\) is not supported/);
});

test("an answer is resumed from any of its events, and is not there for ever or for others", options, async () => {
  const raw = await get("raw");
  const id = raw.headers.get("cf-aig-run-id");
  const events = raw.text.split("\n\n").slice(0, -1);
  for (const from of [0, 3, events.length]) {
    const url = `https://workers-binding.ai/ai-gateway/gateways/default/run/${id}/resume?from=${from}`;
    const resumed = await get(`fetch?url=${encodeURIComponent(url)}`);
    assert.equal(resumed.status, 200);
    assert.deepEqual(resumed.text.split("\n\n").slice(0, -1), events.slice(from));
  }
  const absent = `https://workers-binding.ai/ai-gateway/gateways/default/run/${"0".repeat(32)}/resume?from=0`;
  assert.equal((await get(`fetch?url=${encodeURIComponent(absent)}`)).status, 404);
});

test("the AI SDK's providers", options, async () => {
  assert.equal((await get("workers-ai")).text, "1 2 3 4 5");
  assert.deepEqual(JSON.parse((await get("workers-ai-generate")).text), { text: "1 2 3 4 5", tokens: 5 });
  const made = JSON.parse((await get("create-ai")).text);
  assert.equal(made.text, "1 2 3 4 5");
  assert.match(made.runId, /^[0-9a-f]{32}$/);
  assert.equal((await get("create-ai-embedding")).text, "16");
  assert.equal((await get(`compatible?url=${encodeURIComponent(`${model.url}/v1`)}`)).text, "1 2 3 4 5");
});

test("images", options, async () => {
  const flux = "@cf/black-forest-labs/flux-1-schnell";
  const { width, height, points } = decodePng((await bytesOf(`sdk-image?model=${flux}`)).bytes);
  assert.deepEqual([width, height], [64, 32]);
  assert.ok(new Set(points).size > 2, "it shows something");
  const [call] = await asked("images/generations");
  assert.equal(call.model, "painter");
  const { prompt, size, seed, response_format: format } = call.fields;
  assert.deepEqual({ prompt, size, seed, format }, { prompt: "a harbour at night", size: "64x32", seed: 7, format: "b64_json" });
  const { image } = await json(`image?model=${flux}`);
  assert.equal(decodePng(base64(image)).width, 256);
  assert.notDeepEqual(base64(image), base64((await json(`image?model=${flux}&prompt=else`)).image));
  const streamed = await bytesOf("image?model=@cf/stabilityai/stable-diffusion-xl-base-1.0");
  assert.equal(streamed.headers.get("kind"), "stream");
  assert.deepEqual(streamed.bytes, base64(image));
  const raw = await bytesOf("raw-image?model=@cf/lykon/dreamshaper-8-lcm");
  assert.equal(raw.headers.get("content-type"), "image/png");
  assert.deepEqual(raw.bytes, base64(image));
  const form = await json("image-form?model=@cf/black-forest-labs/flux-2-dev");
  assert.deepEqual([decodePng(base64(form.image)).width, decodePng(base64(form.image)).height], [16, 8]);
});

test("a server that refuses what it does not know is asked without it", options, async () => {
  const { image } = await json("image?model=@cf/black-forest-labs/flux-1-schnell&prompt=refuse the first");
  assert.equal(decodePng(base64(image)).width, 256);
  const calls = (await asked("images/generations")).filter(({ prompt }) => prompt === "refuse the first");
  assert.deepEqual(calls.map(({ fields }) => [fields.steps, fields.response_format]), [[4, "b64_json"], [undefined, undefined]]);
});

const WIDTH = 16;
const sharp = Array.from({ length: WIDTH * 8 }, (_, index) => [index, 255 - index, (index * 7) % 256]);
const original = encodePng(WIDTH, sharp);
const leftIs = (left, right) => encodePng(WIDTH, sharp.map((_, index) => (index % WIDTH < WIDTH / 2 ? left : right)));
const whiteMask = leftIs([255, 255, 255], [9, 9, 9]);
const openMask = leftIs([0, 0, 0, 0], [255, 255, 255, 255]);
const query = (fields) => Object.entries(fields).map(([name, bytes]) => `&${name}=${encodeURIComponent(bytes.toString("base64"))}`).join("");

/** The right half is the picture's, the left half is not. */
function checkLeftIsDrawn(base64Png) {
  const [drawn, before] = [base64(base64Png), original].map((png) => rowsOf(decodePng(png)));
  for (const [y, row] of drawn.entries()) {
    for (const [x, point] of row.entries()) assert.equal(String(point) === String(before[y][x]), x >= WIDTH / 2, `${x}, ${y}`);
  }
}

test("pictures are drawn from other pictures, in whatever form they come", options, async () => {
  const drawn = await json(`edit?model=@cf/runwayml/stable-diffusion-v1-5-img2img${query({ image: original })}`);
  assert.equal(decodePng(base64(drawn[0])).width, 256);
  assert.deepEqual(drawn, Array(6).fill(drawn[0]));
  const calls = await asked("images/edits");
  const file = { name: "image", type: "image/png", bytes: original.length, crc32: crc32(original) };
  assert.deepEqual(calls.map(({ fields }) => fields.files), Array(6).fill([file]));
  const [{ model: name, fields }] = calls.filter(({ fields }) => fields.strength !== undefined);
  const { prompt, strength, num_steps: steps, n, response_format: format } = fields;
  assert.deepEqual([name, prompt, strength, steps, n, format], ["painter", "a harbour at night", "0.5", "9", "1", "b64_json"]);
  const [other] = await json(`edit?model=@cf/lykon/dreamshaper-8-lcm${query({ image: whiteMask })}`);
  assert.notEqual(other, drawn[0]);
});

test("a mask is drawn in where it is white, or transparent", options, async () => {
  const model = "@cf/runwayml/stable-diffusion-v1-5-inpainting";
  const drawn = await json(`edit?model=${model}${query({ image: original, mask: whiteMask })}`);
  assert.equal(drawn.length, 2);
  drawn.forEach(checkLeftIsDrawn);
  const [open] = await json(`edit?model=${model}${query({ image: original, mask: openMask })}`);
  checkLeftIsDrawn(open);
  const { files } = (await asked("images/edits")).at(-1).fields;
  assert.deepEqual(files[1], { name: "mask", type: "image/png", bytes: openMask.length, crc32: crc32(openMask) });
  checkLeftIsDrawn(await json(`sdk-edit?createAI&model=${model}${query({ image: original, mask: whiteMask })}`));
});

test("a form has several pictures", options, async () => {
  const model = "@cf/black-forest-labs/flux-2-dev";
  const { image } = await json(`edit-form?model=${model}${query({ input_image_0: original, input_image_1: openMask })}`);
  assert.equal(decodePng(base64(image)).width, 256);
  const { files } = (await asked("images/edits")).at(-1).fields;
  assert.deepEqual(files.map(({ name, crc32 }) => [name, crc32]), [["image[]", crc32(original)], ["image[]", crc32(openMask)]]);
  checkLeftIsDrawn((await json(`edit-form?model=${model}${query({ input_image_0: original, mask: whiteMask })}`)).image);
  const refused = await json(`edit-form?model=${model}${query({ other: original })}`);
  assert.match(refused, /a file \(`other`\) that is none of `image`, `input_image_0` and `mask` is not supported/);
});

test("what is no picture and what is no mask are refused", options, async () => {
  const model = "@cf/runwayml/stable-diffusion-v1-5-inpainting";
  const [broken] = await json(`edit?model=${model}${query({ image: original, mask: whiteMask.subarray(0, 60) })}`);
  assert.equal(broken, "TypeError: env.AI.run() takes `mask` as a PNG that is white where to draw: it is a PNG that is broken.");
  const [other] = await json(`edit?model=${model}${query({ image: original, mask: Buffer.from("GIF89a") })}`);
  assert.match(other, /white where to draw: it is no PNG\.$/);
  const [empty] = await json(`edit?model=${model}&image=`);
  assert.equal(empty, "TypeError: env.AI.run() cannot draw from an empty picture (`image`).");
  const alone = await json(`edit-form?model=${model}${query({ mask: whiteMask })}`);
  assert.match(alone, /`mask` needs the picture that it lies on: `image` or `image_b64`/);
});

test("speech is had and heard again", options, async () => {
  const spoken = await bytesOf("sdk-speech?model=@cf/deepgram/aura-2-en");
  assert.equal(spoken.bytes.toString("latin1", 8, 12), "WAVE");
  assert.equal(spoken.headers.get("content-type"), "audio/wav");
  const [call] = await asked("audio/speech");
  assert.deepEqual([call.model, call.fields.voice, call.fields.response_format], ["@cf/deepgram/aura-2-en", "sage", "mp3"]);
  assert.deepEqual(base64((await json("speech?model=@cf/myshell-ai/melotts")).audio), spoken.bytes);
  const text = "a harbour at night";
  const turbo = await json("sdk-transcription?model=@cf/openai/whisper-large-v3-turbo");
  assert.equal(turbo.text, text);
  assert.deepEqual([turbo.segments.length, turbo.segments[0].text, turbo.language], [1, text, "english"]);
  const [{ fields }] = await asked("audio/transcriptions");
  assert.deepEqual([fields.language, fields.prompt, fields.response_format], ["en", "ships", "verbose_json"]);
  assert.equal((await json("sdk-transcription?model=@cf/openai/whisper")).text, text);
  const nova = await json("sdk-transcription?model=@cf/deepgram/nova-3");
  assert.deepEqual([nova.text, nova.segments.map(({ text }) => text)], [text, text.split(" ")]);
  const heard = await json("heard?model=@cf/openai/whisper-large-v3-turbo");
  assert.deepEqual(heard.map(({ text, word_count: count }) => [text, count]), Array(4).fill([text, 4]));
  assert.match(heard[0].vtt, /^WEBVTT\n\n00:00:00\.000 --> 00:00:00\.360\na harbour at night\n$/);
});

test("documents are ranked, pictures described, models listed", options, async () => {
  assert.deepEqual(await json("sdk-reranking?model=@cf/baai/bge-reranker-base"), [[1, 0.75], [0, 0.25]]);
  assert.equal((await json("described?model=@cf/llava-hf/llava-1.5-7b-hf")).description, "1 2 3");
  const [all, none] = await json("list");
  assert.deepEqual(all.map(({ name }) => name), ["scripted"]);
  assert.deepEqual(none, []);
});

test("what has no counterpart is refused by its name", options, async () => {
  const refused = await json("refused?model=@cf/black-forest-labs/flux-1-schnell");
  assert.match(refused[0], /`image` as base64, an array of bytes or a buffer/);
  assert.match(refused[1], /one of `width` and `height` is not supported/);
  assert.match(refused[2], /`target_lang` is not supported/);
  assert.match(refused[3], /InferenceUpstreamError: The server of models has no such model, or nothing at images\/generations \(404\)/);
});

test("createAI does the same", options, async () => {
  const flux = "@cf/black-forest-labs/flux-2-klein-4b";
  const { width, height } = decodePng((await bytesOf(`sdk-image?createAI&model=${flux}`)).bytes);
  assert.deepEqual([width, height], [64, 32]);
  const phoenix = await bytesOf("sdk-image?createAI&model=@cf/leonardo/phoenix-1.0");
  assert.equal(decodePng(phoenix.bytes).width, 64);
  for (const model of ["@cf/deepgram/aura-1", "@cf/myshell-ai/melotts"]) {
    assert.equal((await bytesOf(`sdk-speech?createAI&model=${model}`)).bytes.toString("latin1", 8, 12), "WAVE");
  }
  for (const model of ["@cf/openai/whisper", "@cf/openai/whisper-large-v3-turbo", "@cf/deepgram/nova-3"]) {
    const { text, segments } = await json(`sdk-transcription?createAI&model=${model}`);
    assert.deepEqual([text, segments.map(({ text }) => text).join(" ")], ["a harbour at night", "a harbour at night"]);
  }
  assert.deepEqual(await json("sdk-reranking?createAI&model=@cf/baai/bge-reranker-base"), [[1, 0.75], [0, 0.25]]);
});

test("documents become Markdown, for the SDK's tool that reads pages, too", options, async () => {
  const [page, chosen, plain, csv, json_, pdf] = await json("markdown");
  assert.deepEqual([page.name, page.mimeType, page.format, page.tokens], ["a.html", "text/html", "markdown", Math.ceil(page.data.length / 4)]);
  assert.equal(page.data, '---\ntitle: "T"\n---\n\n# A\n\n- [b](/b)\n\n| c |\n| --- |\n| d |');
  assert.match(page.id, /^[0-9a-f-]{36}$/);
  assert.equal(chosen.data, "- [b](https://a.test/b)");
  assert.deepEqual([plain.format, plain.data], ["text", "A\n\nb\n\nc\nd"]);
  assert.equal(csv.data, '| a | b,"c" |\n| --- | --- |\n| 1 | 2\\|3 |\n| 4 |  |');
  assert.equal(json_.data, '```json\n{"a":1}\n```');
  assert.equal(pdf.format, "error");
  assert.match(pdf.error, /reads \.html, .* and not application\/pdf/);
  const site = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>T</title><h1>A</h1><p>b <b>c</b>"));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  try {
    const read = await json(`web-fetch?url=${encodeURIComponent(`http://127.0.0.1:${site.address().port}/`)}`);
    assert.match(JSON.stringify(read), /# A\\n\\nb \*\*c\*\*/);
  } finally {
    site.close();
  }
});
