/** What `node:fs` tells of files: Stats, Dirent and Dir. */
import { fsError, Device, Directory, File, Link } from "./tree.js";

const KINDS = [[Directory, 0o040000], [File, 0o100000], [Link, 0o120000], [Device, 0o020000]];
const kindOf = (node) => KINDS.find(([Class]) => node instanceof Class)[1];

const TESTS = {
  isBlockDevice: 0o060000, isCharacterDevice: 0o020000, isDirectory: 0o040000, isFIFO: 0o010000, isFile: 0o100000,
  isSocket: 0o140000, isSymbolicLink: 0o120000,
};

function addTests(Class, kind) {
  for (const [name, bits] of Object.entries(TESTS)) {
    const test = { [name]() { return kind(this) === bits; } }[name];
    Object.defineProperty(Class.prototype, name, { value: test, writable: true, configurable: true });
  }
}

/** Time stands still, and files have none of their own. */
const EPOCH = 0;

export class Stats {
  constructor(node, isBig = false) {
    const number = isBig ? BigInt : Number;
    const size = node.size;
    Object.assign(this, {
      dev: number(1), ino: number(node.ino), mode: number(kindOf(node) | node.mode), nlink: number(node.links),
      uid: number(0), gid: number(0), rdev: number(0), size: number(size), blksize: number(4096),
      blocks: number(Math.ceil(size / 512)),
    });
    for (const name of ["atime", "mtime", "ctime", "birthtime"]) {
      this[`${name}Ms`] = number(EPOCH);
      if (isBig) this[`${name}Ns`] = 0n;
      this[name] = new Date(EPOCH);
    }
  }
}
addTests(Stats, ({ mode }) => Number(mode) & 0o170000);

export class Dirent {
  #kind;

  constructor(name, parentPath, node) {
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this.#kind = kindOf(node);
  }

  static kind = (entry) => entry.#kind;
}
const { kind } = Dirent;
delete Dirent.kind;
addTests(Dirent, kind);

/** A directory that is being read. */
export class Dir {
  #entries;
  #closed = false;

  constructor(path, entries) {
    this.path = path;
    this.#entries = entries;
  }

  readSync() {
    if (this.#closed) throw fsError("EBADF", "readdir", this.path);
    return this.#entries.shift() ?? null;
  }

  async read() {
    return this.readSync();
  }

  closeSync() {
    this.#closed = true;
  }

  async close() {
    this.#closed = true;
  }

  async *entries() {
    for (let entry; (entry = this.readSync()) !== null; ) yield entry;
    this.closeSync();
  }

  [Symbol.asyncIterator]() {
    return this.entries();
  }
}
