// File systems for the bundler: synchronous, of text, with paths as keys.

/** @typedef {{ read(path: string): string | null, write(path: string, content: string): void, delete(path: string): void,
 *   list(prefix?: string): string[], flush(): Promise<void> }} FileSystem */

const startsWith = (prefix) => (path) => prefix === undefined || path.startsWith(prefix);

/** @implements {FileSystem} */
export class InMemoryFileSystem {
  #files;

  /** @param {Record<string, string> | Map<string, string>} files */
  constructor(files = new Map()) {
    this.#files = files instanceof Map ? files : new Map(Object.entries(files));
  }

  read(path) {
    return this.#files.get(path) ?? null;
  }

  write(path, content) {
    this.#files.set(path, content);
  }

  delete(path) {
    this.#files.delete(path);
  }

  list(prefix = undefined) {
    return [...this.#files.keys()].filter(startsWith(prefix));
  }

  async flush() {}
}

/** Every write is one of the object's storage. @implements {FileSystem} */
export class DurableObjectRawFileSystem {
  #storage;
  #prefix;

  constructor(storage, prefix = "bundle/") {
    this.#storage = storage;
    this.#prefix = prefix;
  }

  read(path) {
    return this.#storage.kv.get(this.#prefix + path) ?? null;
  }

  write(path, content) {
    this.#storage.kv.put(this.#prefix + path, content);
  }

  delete(path) {
    this.#storage.kv.delete(this.#prefix + path);
  }

  list(prefix = "") {
    const entries = this.#storage.kv.list({ prefix: this.#prefix + prefix });
    return Array.from(entries, ([key]) => key.slice(this.#prefix.length));
  }

  async flush() {}
}

/** Writes stay in memory until `flush()`, and can be read at once. @implements {FileSystem} */
export class DurableObjectKVFileSystem {
  #stored;
  /** What is to be written; null stands for what is to be deleted. @type {Map<string, string | null>} */
  #changes = new Map();

  constructor(storage, prefix = "bundle/") {
    this.#stored = new DurableObjectRawFileSystem(storage, prefix);
  }

  read(path) {
    const change = this.#changes.get(path);
    return change === undefined ? this.#stored.read(path) : change;
  }

  write(path, content) {
    this.#changes.set(path, content);
  }

  delete(path) {
    this.#changes.set(path, null);
  }

  list(prefix = undefined) {
    const paths = new Set(this.#stored.list(prefix));
    for (const [path, content] of this.#changes) {
      if (content === null) paths.delete(path);
      else if (startsWith(prefix)(path)) paths.add(path);
    }
    return [...paths];
  }

  async flush() {
    for (const [path, content] of this.#changes) {
      if (content === null) this.#stored.delete(path);
      else this.#stored.write(path, content);
    }
    this.#changes.clear();
  }
}

/** A file system of what an iterable gives now. */
export async function createFileSystemSnapshot(entries) {
  const files = new Map();
  for await (const [path, content] of entries) files.set(path, content);
  return new InMemoryFileSystem(files);
}

/** Whether it is a file system, and not a plain object of paths and contents. */
export const isFileSystem = (value) => typeof value.read === "function" && typeof value.delete === "function";
