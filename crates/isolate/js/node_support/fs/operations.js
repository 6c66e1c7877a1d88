/** The operations of `node:fs`, each at once. What has callbacks and promises is made of them. */
import { Buffer } from "../../node/buffer.js";
import { constants } from "../fs_constants.js";
import { invalidArgType, outOfRange } from "../errors.js";
import { Dir, Dirent, Stats } from "./shapes.js";
import { checkWritable, Directory, File, find, findExisting, fsError, Link, toPath } from "./tree.js";

/** Open files by their numbers. The first three are those of a process. */
const opened = new Map();
let nextDescriptor = 3;

/** The most files that are open at once. */
const MAX_OPEN = 4096;

const FLAGS = {
  r: 0, rs: 0, "r+": 2, "rs+": 2, w: 0o1101, wx: 0o1301, "w+": 0o1102, "wx+": 0o1302, a: 0o2101, ax: 0o2301, "a+": 0o2102, "ax+": 0o2302,
};
const { O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = constants;

function toFlags(flags) {
  if (flags === undefined || flags === null) return 0;
  if (typeof flags === "number") return flags;
  if (Object.hasOwn(FLAGS, flags)) return FLAGS[flags];
  throw invalidArgType("flags", ["string", "number"], flags);
}

function handleOf(fd, syscall) {
  if (typeof fd !== "number") throw invalidArgType("fd", "number", fd);
  const handle = opened.get(fd);
  if (handle === undefined) throw fsError("EBADF", syscall);
  return handle;
}

function toBytes(data, encoding) {
  if (typeof data === "string") return Buffer.from(data, encoding ?? "utf8");
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw invalidArgType("data", ["string", "Buffer", "TypedArray", "DataView"], data);
}

const encodingOf = (options) => (typeof options === "string" ? options : (options?.encoding ?? undefined));
const decode = (bytes, encoding) => (encoding === undefined || encoding === "buffer" ? bytes : bytes.toString(encoding));

/** Copies bytes, so that who has them does not see the file change. */
const copyOf = (bytes) => Buffer.from(bytes);

export function open(path, flags = "r") {
  const text = toPath(path);
  const bits = toFlags(flags);
  const mayWrite = (bits & 3) !== 0;
  let { parent, name, node } = find(text, { syscall: "open" });
  if (node !== undefined && (bits & O_CREAT) !== 0 && (bits & O_EXCL) !== 0) throw fsError("EEXIST", "open", text);
  if (node === undefined) {
    if ((bits & O_CREAT) === 0) throw fsError("ENOENT", "open", text);
    checkWritable(parent, "open", text);
    node = new File();
    parent.entries.set(name, node);
  }
  if (node instanceof Directory && mayWrite) throw fsError("EISDIR", "open", text);
  if (mayWrite && node.isFixed) throw fsError("EPERM", "open", text);
  if ((bits & O_TRUNC) !== 0 && mayWrite) node.resize(0);
  if (opened.size >= MAX_OPEN) throw fsError("EMFILE", "open", text);
  const fd = nextDescriptor++;
  opened.set(fd, { node, position: 0, mayRead: (bits & 3) !== 1, mayWrite, appends: (bits & O_APPEND) !== 0, path: text });
  return fd;
}

export function close(fd) {
  handleOf(fd, "close");
  opened.delete(fd);
}

/** `read(fd, buffer, offset, length, position)` and with an object of options. */
export function read(fd, buffer, offset = 0, length = undefined, position = null) {
  if (typeof offset === "object" && offset !== null) ({ offset = 0, length, position = null } = offset);
  const handle = handleOf(fd, "read");
  if (!handle.mayRead) throw fsError("EBADF", "read");
  if (handle.node instanceof Directory) throw fsError("EISDIR", "read");
  const target = toBytes(buffer);
  const count = length ?? target.length - offset;
  if (offset + count > target.length) throw outOfRange("length", `<= ${target.length - offset}`, count);
  const isMoving = position === null || position === undefined || position === -1;
  const got = handle.node.readInto(target.subarray(offset, offset + count), isMoving ? handle.position : Number(position));
  if (isMoving) handle.position += got;
  return got;
}

/** `write(fd, buffer, offset, length, position)`, `write(fd, text, position, encoding)`. */
export function write(fd, data, offset = undefined, length = undefined, position = null) {
  const handle = handleOf(fd, "write");
  if (!handle.mayWrite) throw fsError("EBADF", "write");
  let bytes;
  if (typeof data === "string") {
    bytes = toBytes(data, typeof length === "string" ? length : undefined);
    position = offset ?? null;
  } else {
    if (typeof offset === "object" && offset !== null) ({ offset, length, position = null } = offset);
    bytes = toBytes(data).subarray(offset ?? 0, length === undefined || length === null ? undefined : (offset ?? 0) + length);
  }
  const isMoving = typeof position !== "number" && typeof position !== "bigint";
  const at = handle.appends ? handle.node.size : isMoving ? handle.position : Number(position);
  const written = handle.node.write(bytes, at);
  if (isMoving) handle.position = at + written;
  return written;
}

export const readv = (fd, buffers, position = null) =>
  buffers.reduce((sum, buffer) => sum + read(fd, buffer, 0, undefined, position === null ? null : position + sum), 0);
export const writev = (fd, buffers, position = null) =>
  buffers.reduce((sum, buffer) => sum + write(fd, buffer, 0, undefined, position === null ? null : position + sum), 0);

export function readFile(path, options = undefined) {
  const encoding = encodingOf(options);
  let node;
  if (typeof path === "number") ({ node } = handleOf(path, "read"));
  else ({ node } = findExisting(toPath(path), { syscall: "open" }));
  if (node instanceof Directory) throw fsError("EISDIR", "read");
  return decode(node instanceof File ? copyOf(node.bytes) : Buffer.alloc(0), encoding);
}

export function writeFile(path, data, options = undefined) {
  const bytes = toBytes(data, encodingOf(options));
  if (typeof path === "number") {
    write(path, bytes);
    return;
  }
  const fd = open(path, options?.flag ?? "w");
  write(fd, bytes);
  close(fd);
}

export const appendFile = (path, data, options = undefined) =>
  writeFile(path, data, { ...(typeof options === "string" ? { encoding: options } : options), flag: options?.flag ?? "a" });

export function access(path, mode = 0) {
  const text = toPath(path);
  const { node } = findExisting(text, { syscall: "access" });
  if ((mode & constants.W_OK) !== 0 && node.isFixed) throw fsError("EACCES", "access", text);
}

export function exists(path) {
  try {
    return find(toPath(path), { syscall: "access" }).node !== undefined;
  } catch {
    return false;
  }
}

function look(path, options, follow, syscall) {
  const text = toPath(path);
  if (options?.throwIfNoEntry === false && !exists(text)) return undefined;
  return new Stats(findExisting(text, { follow, syscall }).node, options?.bigint === true);
}
export const stat = (path, options = undefined) => look(path, options, true, "stat");
export const lstat = (path, options = undefined) => look(path, options, false, "lstat");
export const fstat = (fd, options = undefined) => new Stats(handleOf(fd, "fstat").node, options?.bigint === true);

export function statfs(path, options = undefined) {
  findExisting(toPath(path), { syscall: "statfs" });
  const number = options?.bigint ? BigInt : Number;
  return Object.fromEntries(["type", "bsize", "blocks", "bfree", "bavail", "files", "ffree"].map((name) => [name, number(0)]));
}

export function mkdir(path, options = undefined) {
  const text = toPath(path);
  const isDeep = typeof options === "object" && options?.recursive === true;
  if (!isDeep) {
    const { parent, name, node } = find(text, { syscall: "mkdir" });
    if (node !== undefined) throw fsError("EEXIST", "mkdir", text);
    checkWritable(parent, "mkdir", text);
    parent.entries.set(name, new Directory());
    return undefined;
  }
  let first;
  const absolute = text.startsWith("/") ? text : `/bundle/${text}`;
  let at = "";
  for (const part of absolute.split("/").filter((each) => each !== "")) {
    at += `/${part}`;
    const { parent, name, node } = find(at, { syscall: "mkdir" });
    if (node instanceof Directory) continue;
    if (node !== undefined) throw fsError(at === absolute ? "EEXIST" : "ENOTDIR", "mkdir", text);
    checkWritable(parent, "mkdir", text);
    parent.entries.set(name, new Directory());
    first ??= at;
  }
  return first;
}

export function mkdtemp(prefix, options = undefined) {
  const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const random = Array.from({ length: 6 }, () => characters[Math.floor(Math.random() * characters.length)]).join("");
  const path = `${toPath(prefix, "prefix")}${random}`;
  mkdir(path);
  return decode(Buffer.from(path), encodingOf(options) ?? "utf8");
}

function* walk(directory, path, isDeep, below = "") {
  for (const [name, node] of directory.entries) {
    yield [below + name, name, path, node];
    if (isDeep && node instanceof Directory) yield* walk(node, `${path}/${name}`, true, `${below}${name}/`);
  }
}

export function readdir(path, options = undefined) {
  const text = toPath(path);
  const { node } = findExisting(text, { syscall: "scandir" });
  if (!(node instanceof Directory)) throw fsError("ENOTDIR", "scandir", text);
  const entries = [...walk(node, text.replace(/(.)\/$/, "$1"), options?.recursive === true)];
  if (options?.withFileTypes) return entries.map(([, name, parent, each]) => new Dirent(name, parent, each));
  const encoding = encodingOf(options) ?? "utf8";
  return entries.map(([full]) => (encoding === "buffer" ? Buffer.from(full) : full));
}

export const opendir = (path, options = undefined) => new Dir(toPath(path), readdir(path, { ...options, withFileTypes: true }));

export const realpath = (path, options = undefined) =>
  decode(Buffer.from(findExisting(toPath(path), { syscall: "realpath" }).path), encodingOf(options) ?? "utf8");

export function readlink(path, options = undefined) {
  const text = toPath(path);
  const { node } = findExisting(text, { follow: false, syscall: "readlink" });
  if (!(node instanceof Link)) throw fsError("EINVAL", "readlink", text);
  return decode(Buffer.from(node.target), encodingOf(options) ?? "utf8");
}

export function symlink(target, path) {
  const [to, text] = [toPath(target, "target"), toPath(path)];
  const { parent, name, node } = find(text, { follow: false, syscall: "symlink" });
  if (node !== undefined) throw fsError("EEXIST", "symlink", to, text);
  checkWritable(parent, "symlink", to, text);
  parent.entries.set(name, new Link(to));
}

export function link(existing, path) {
  const [from, text] = [toPath(existing, "existingPath"), toPath(path, "newPath")];
  const { node } = findExisting(from, { follow: false, syscall: "link" });
  if (node instanceof Directory) throw fsError("EPERM", "link", from, text);
  const { parent, name, node: there } = find(text, { follow: false, syscall: "link" });
  if (there !== undefined) throw fsError("EEXIST", "link", from, text);
  checkWritable(parent, "link", from, text);
  node.links += 1;
  parent.entries.set(name, node);
}

export function unlink(path) {
  const text = toPath(path);
  const { parent, name, node } = findExisting(text, { follow: false, syscall: "unlink" });
  if (node instanceof Directory) throw fsError("EISDIR", "unlink", text);
  checkWritable(parent, "unlink", text);
  node.links -= 1;
  parent.entries.delete(name);
}

export function rmdir(path) {
  const text = toPath(path);
  const { parent, name, node } = findExisting(text, { follow: false, syscall: "rmdir" });
  if (!(node instanceof Directory)) throw fsError("ENOTDIR", "rmdir", text);
  if (node.entries.size > 0) throw fsError("ENOTEMPTY", "rmdir", text);
  checkWritable(parent, "rmdir", text);
  parent.entries.delete(name);
}

export function rm(path, options = undefined) {
  const text = toPath(path);
  const { parent, name, node } = find(text, { follow: false, syscall: "rm" });
  if (node === undefined) {
    if (options?.force) return;
    throw fsError("ENOENT", "rm", text);
  }
  if (node instanceof Directory && !options?.recursive) {
    const error = fsError("EISDIR", "rm", text);
    throw Object.assign(error, { code: "ERR_FS_EISDIR", message: `Path is a directory: rm returned EISDIR (is a directory) ${text}` });
  }
  checkWritable(parent, "rm", text);
  parent.entries.delete(name);
}

export function rename(from, to) {
  const [source, text] = [toPath(from, "oldPath"), toPath(to, "newPath")];
  const { parent, name, node } = findExisting(source, { follow: false, syscall: "rename" });
  const target = find(text, { follow: false, syscall: "rename" });
  if (target.node instanceof Directory && target.node !== node && target.node.entries.size > 0) {
    throw fsError("ENOTEMPTY", "rename", source, text);
  }
  checkWritable(parent, "rename", source, text);
  checkWritable(target.parent, "rename", source, text);
  parent.entries.delete(name);
  target.parent.entries.set(target.name, node);
}

export function copyFile(from, to, mode = 0) {
  const [source, text] = [toPath(from, "src"), toPath(to, "dest")];
  if ((mode & constants.COPYFILE_EXCL) !== 0 && exists(text)) throw fsError("EEXIST", "copyfile", source, text);
  writeFile(text, readFile(source));
}

export function cp(from, to, options = undefined) {
  const [source, text] = [toPath(from, "src"), toPath(to, "dest")];
  const { node } = findExisting(source, { syscall: "cp" });
  if (!(node instanceof Directory)) {
    if (options?.force === false && exists(text)) return;
    copyFile(source, text);
    return;
  }
  if (!options?.recursive) throw fsError("EISDIR", "cp", source, text);
  mkdir(text, { recursive: true });
  for (const name of node.entries.keys()) cp(`${source}/${name}`, `${text}/${name}`, options);
}

function resize(node, size, syscall, path) {
  if (node instanceof Directory) throw fsError("EISDIR", syscall, path);
  if (node.isFixed) throw fsError("EPERM", syscall, path);
  node.resize(size);
}
export const truncate = (path, size = 0) => resize(findExisting(toPath(path), { syscall: "open" }).node, size, "open", path);
export const ftruncate = (fd, size = 0) => resize(handleOf(fd, "ftruncate").node, size, "ftruncate");

/** Modes, owners and times are taken and change nothing: files have none of their own. */
const touch = (syscall, follow) => (path) => void findExisting(toPath(path), { follow, syscall });
const touchOpen = (syscall) => (fd) => void handleOf(fd, syscall);
export const [chmod, chown, utimes] = [touch("chmod", true), touch("chown", true), touch("utime", true)];
export const [lchmod, lchown, lutimes] = [touch("lchmod", false), touch("lchown", false), touch("lutime", false)];
export const [fchmod, fchown, futimes] = [touchOpen("fchmod"), touchOpen("fchown"), touchOpen("futime")];
export const [fsync, fdatasync] = [touchOpen("fsync"), touchOpen("fdatasync")];
