// The way to the host's bundler and back.

import { transform } from "atoll:native/transform";
import { decodeUtf8, encodeUtf8 } from "../encoding.js";
import { bundlerCapability, callFetch } from "../io.js";
import { Request, requestToWire } from "../request.js";
import { responseFromWire } from "../response.js";

const NO_BUNDLER =
  "This worker was given no bundler. A worker that the host started has one when it imports @cloudflare/worker-bundler; " +
  "a Dynamic Worker can be handed one as a function or an entrypoint that calls createWorker().";

/** The length of the JSON as four bytes, the JSON, the contents. */
function encode(header, contents) {
  const json = encodeUtf8(JSON.stringify(header));
  const bytes = new Uint8Array(contents.reduce((sum, { byteLength }) => sum + byteLength, 4 + json.byteLength));
  new DataView(bytes.buffer).setUint32(0, json.byteLength, true);
  bytes.set(json, 4);
  let at = 4 + json.byteLength;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.byteLength;
  }
  return bytes;
}

/** @param {Uint8Array} bytes @returns {[any, Uint8Array]} the JSON, and what follows it */
function decode(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return [JSON.parse(decodeUtf8(bytes.subarray(4, 4 + length))), bytes.subarray(4 + length)];
}

function capabilityForBuilds() {
  const capability = bundlerCapability();
  if (capability === undefined || capability === null) throw new Error(NO_BUNDLER);
  return capability;
}

/** Asks the host. @param {"build" | "install"} what @param {Uint8Array} body */
async function ask(what, body) {
  const capability = capabilityForBuilds();
  const request = new Request(`https://bundler/${what}`, { method: "POST", body });
  const response = responseFromWire(await callFetch(capability, requestToWire(request), undefined));
  if (response.status !== 200) throw new Error(await response.text());
  return new Uint8Array(await response.arrayBuffer());
}

/** A small program that is not bundled and wants nothing of others is done before the host would have heard of it. */
function transformHere({ action, options, install }, request) {
  if (action !== "worker" || options.bundle !== false || install !== undefined) return undefined;
  capabilityForBuilds();
  const reply = transform(request);
  return reply === undefined ? undefined : [[], reply];
}

/** Cuts contents off one after the other. */
function cutter(bytes) {
  let at = 0;
  return (length) => bytes.subarray(at, (at += length));
}

/**
 * Has a program built.
 * @param {{ action: string, files: [string, Uint8Array][], options: object, install?: object }} request
 */
export async function build({ files, ...rest }) {
  const listed = files.map(([path, content]) => [path, content.byteLength]);
  const request = encode({ ...rest, files: listed }, files.map(([, content]) => content));
  const [installWarnings, own] = transformHere(rest, request) ?? decode(await ask("build", request));
  const [header, contents] = decode(own);
  if (header.error !== undefined) {
    const error = new Error(header.error.message);
    if (header.error.errors.length > 0) Object.assign(error, { errors: header.error.errors, warnings: [] });
    throw error;
  }
  const cut = cutter(contents);
  const modules = {};
  for (const [name, kind, length] of header.modules) modules[name] = readModule(kind, cut(length));
  const texts = (list) => list.map(([path, length]) => [path, decodeUtf8(cut(length))]);
  const clients = texts(header.clients);
  const styles = texts(header.styles);
  return { ...header, modules, clients, styles, warnings: [...header.warnings, ...installWarnings] };
}

function readModule(kind, bytes) {
  switch (kind) {
    case "esm":
      return decodeUtf8(bytes);
    case "json":
      return { json: JSON.parse(decodeUtf8(bytes)) };
    case "cjs":
    case "text":
      return { [kind]: decodeUtf8(bytes) };
    default:
      return { [kind]: bytes.slice().buffer };
  }
}

/**
 * Has packages found. @param {{ dependencies: Record<string, string>, registry?: string }} wanted
 * @returns {Promise<{ files: [string, Uint8Array][], installed: string[], warnings: string[] }>}
 */
export async function install(wanted) {
  const [header, contents] = decode(await ask("install", encode({ install: wanted }, [])));
  const cut = cutter(contents);
  return { ...header, files: header.files.map(([path, length]) => [path, cut(length)]) };
}
