/**
 * The files that `node:fs` shows, all in memory: `/bundle` has the worker's modules and cannot be changed, `/tmp` is
 * empty when an event begins and gone when it ends, `/dev` has null, zero, full and random.
 */
import { get } from "../../async_context.js";
import { list, read } from "atoll:native/bundle";
import { Buffer } from "../../node/buffer.js";
import { URL } from "../../url.js";
import { fileURLToPath } from "../../node/url.js";
import { crypto } from "../../crypto/crypto.js";
import { invalidArgType, NodeTypeError } from "../errors.js";
import { errnoOf, systemErrors } from "../system_errors.js";

/** The most links that one path goes through. */
const MAX_LINKS = 40;

let nextNumber = 1;

class Node {
  ino = nextNumber++;
  mode = 0o666;
  links = 1;
}

export class File extends Node {
  #bytes = new Uint8Array(0);
  #size = 0;
  /** Gives the bytes of a file that nobody has looked into. */
  #load;

  constructor(load = undefined) {
    super();
    this.#load = load;
    this.isFixed = load !== undefined;
  }

  get bytes() {
    if (this.#load !== undefined) {
      this.#bytes = this.#load();
      this.#size = this.#bytes.length;
      this.#load = undefined;
    }
    return this.#bytes.subarray(0, this.#size);
  }

  get size() {
    return this.bytes.length;
  }

  resize(size) {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, Math.min(2 * this.#bytes.length, this.#bytes.length + (1 << 20))));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    } else if (size < this.#size) {
      this.#bytes.fill(0, size, this.#size);
    }
    this.#size = size;
  }

  write(bytes, at) {
    if (at + bytes.length > this.#size) this.resize(at + bytes.length);
    this.#bytes.set(bytes, at);
    return bytes.length;
  }

  readInto(target, at) {
    const part = this.bytes.subarray(at, at + target.length);
    target.set(part);
    return part.length;
  }
}

export class Directory extends Node {
  entries = new Map();
  isFixed = false;
  mode = 0o777;
  size = 0;
}

export class Link extends Node {
  constructor(target) {
    super();
    this.target = target;
    this.size = target.length;
  }
}

export class Device extends Node {
  size = 0;

  constructor(name) {
    super();
    this.name = name;
  }

  readInto(target) {
    if (this.name === "null") return 0;
    if (this.name === "random") crypto.getRandomValues(target);
    else target.fill(0);
    return target.length;
  }

  write(bytes) {
    if (this.name === "full") throw fsError("ENOSPC", "write");
    return bytes.length;
  }

  resize() {}
}

const roots = new WeakMap();
let startRoot;

/** The root of the event under way. */
function root() {
  const event = get()?.event;
  if (event === undefined) return (startRoot ??= makeRoot());
  let known = roots.get(event);
  if (known === undefined) roots.set(event, (known = makeRoot()));
  return known;
}

function makeRoot() {
  const made = new Directory();
  const [bundle, dev, tmp] = [new Directory(), new Directory(), new Directory()];
  for (const name of ["null", "zero", "full", "random"]) dev.entries.set(name, new Device(name));
  for (const path of list()) {
    const parts = path.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
    const name = parts.pop();
    let at = bundle;
    for (const part of parts) {
      if (!(at.entries.get(part) instanceof Directory)) at.entries.set(part, new Directory());
      at = at.entries.get(part);
      at.isFixed = true;
    }
    if (name !== undefined) at.entries.set(name, new File(() => read(path)));
  }
  for (const [name, directory] of Object.entries({ bundle, dev, tmp })) made.entries.set(name, directory);
  for (const directory of [made, bundle, dev]) directory.isFixed = true;
  return made;
}

/** A system error as Node.js shows it. */
export function fsError(code, syscall, path = undefined, dest = undefined) {
  const errno = errnoOf(code);
  const [, text] = systemErrors().get(errno);
  const where = path === undefined ? "" : ` '${path}'${dest === undefined ? "" : ` -> '${dest}'`}`;
  const error = new Error(`${code}: ${text}, ${syscall}${where}`);
  Object.assign(error, { errno, code, syscall });
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

/** A path argument as text. */
export function toPath(path, name = "path") {
  let text = path;
  if (path instanceof URL) text = fileURLToPath(path);
  else if (path instanceof Uint8Array) text = Buffer.from(path).toString();
  if (typeof text !== "string") throw invalidArgType(name, ["string", "Buffer", "URL"], path);
  if (text.includes("\0")) {
    throw new NodeTypeError("ERR_INVALID_ARG_VALUE", `The argument '${name}' must be a string, Uint8Array, or URL without null bytes.`);
  }
  return text;
}

/** The names of a path from the root. */
const partsOf = (path) => (path.startsWith("/") ? path : `/bundle/${path}`).split("/").filter((part) => part !== "" && part !== ".");

/**
 * Where a path leads: `{ parent, name, node, path }`; `node` is undefined where nothing is there yet.
 * @param {{ follow?: boolean, syscall: string }} options
 */
export function find(path, { follow = true, syscall }) {
  let links = 0;
  let waiting = partsOf(path);
  let trail = [{ name: "", node: root() }];
  while (waiting.length > 0) {
    const part = waiting.shift();
    const { node } = trail.at(-1);
    if (!(node instanceof Directory)) throw fsError(node === undefined ? "ENOENT" : "ENOTDIR", syscall, path);
    if (part === "..") {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const next = node.entries.get(part);
    if (next instanceof Link && (follow || waiting.length > 0)) {
      if (++links > MAX_LINKS) throw fsError("ELOOP", syscall, path);
      if (next.target.startsWith("/")) trail = [trail[0]];
      waiting = [...next.target.split("/").filter((name) => name !== "" && name !== "."), ...waiting];
      continue;
    }
    trail.push({ name: part, node: next });
  }
  const last = trail.at(-1);
  return {
    parent: trail.at(-2)?.node,
    name: last.name,
    node: last.node,
    path: `/${trail.slice(1).map(({ name }) => name).join("/")}`,
  };
}

/** What is there, or an error. */
export function findExisting(path, options) {
  const found = find(path, options);
  if (found.node === undefined) throw fsError("ENOENT", options.syscall, path);
  return found;
}

/** Refuses to change what is fixed. */
export function checkWritable(directory, syscall, path, dest = undefined) {
  if (directory === undefined || directory.isFixed) throw fsError("EPERM", syscall, path, dest);
}
