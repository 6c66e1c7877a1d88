/** Streams over files, and the files that promises open. */
import { Buffer } from "../../node/buffer.js";
import { Readable, Writable } from "../../node/stream.js";
import { nextTick } from "../stream/destroy.js";
import * as files from "./operations.js";

const optionsOf = (options) => (typeof options === "string" ? { encoding: options } : { ...options });

/** What both kinds of streams do alike: open at once and tell later, close when they end. */
function begin(stream, path, options, flags) {
  stream.path = path;
  stream.flags = options.flags ?? flags;
  stream.pos = options.start;
  stream.closesFile = options.autoClose !== false;
  try {
    stream.fd = options.fd === undefined || options.fd === null ? files.open(path, stream.flags) : Number(options.fd.fd ?? options.fd);
  } catch (error) {
    nextTick(() => stream.destroy(error));
    return;
  }
  nextTick(() => {
    stream.emit("open", stream.fd);
    stream.emit("ready");
  });
}

function end(stream, error, callback) {
  if (stream.fd !== undefined && stream.closesFile) {
    try {
      files.close(stream.fd);
    } catch (failure) {
      error ??= failure;
    }
  }
  stream.fd = undefined;
  callback(error);
}

class ReadStreamClass extends Readable {
  bytesRead = 0;

  constructor(path, given = undefined) {
    const options = optionsOf(given);
    super({ highWaterMark: 64 * 1024, ...options });
    this.end_ = options.end ?? Infinity;
    begin(this, path, options, "r");
  }

  _read(size) {
    if (this.fd === undefined) return;
    const left = this.end_ - (this.pos ?? this.bytesRead) + 1;
    const buffer = Buffer.alloc(Math.max(0, Math.min(size, left)));
    let count;
    try {
      count = buffer.length === 0 ? 0 : files.read(this.fd, buffer, 0, buffer.length, this.pos ?? null);
    } catch (error) {
      this.destroy(error);
      return;
    }
    this.bytesRead += count;
    if (this.pos !== undefined) this.pos += count;
    this.push(count === 0 ? null : buffer.subarray(0, count));
  }

  _destroy(error, callback) {
    end(this, error, callback);
  }

  close(callback = undefined) {
    if (callback !== undefined) this.once("close", callback);
    this.destroy();
  }
}

class WriteStreamClass extends Writable {
  bytesWritten = 0;

  constructor(path, given = undefined) {
    const options = optionsOf(given);
    super(options);
    begin(this, path, options, "w");
  }

  _write(chunk, encoding, callback) {
    try {
      const count = files.write(this.fd, chunk, 0, chunk.length, this.pos ?? null);
      this.bytesWritten += count;
      if (this.pos !== undefined) this.pos += count;
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  _destroy(error, callback) {
    end(this, error, callback);
  }

  close(callback = undefined) {
    if (callback !== undefined) this.once("close", callback);
    this.end();
  }
}

/** As in Node.js, they can be called without `new`. */
function callable(Class, name) {
  function Stream(path, options) {
    return Reflect.construct(Class, [path, options], new.target ?? Stream);
  }
  Object.setPrototypeOf(Stream, Class);
  Stream.prototype = Object.create(Class.prototype, { constructor: { value: Stream, writable: true, configurable: true } });
  Object.defineProperty(Stream, "name", { value: name });
  return Stream;
}
export const ReadStream = callable(ReadStreamClass, "ReadStream");
export const WriteStream = callable(WriteStreamClass, "WriteStream");

/** A file that `fs/promises` has opened. */
export class FileHandle {
  constructor(fd) {
    this.fd = fd;
  }

  async appendFile(data, options) { files.writeFile(this.fd, data, options); }
  async chmod(mode) { files.fchmod(this.fd, mode); }
  async chown(uid, gid) { files.fchown(this.fd, uid, gid); }
  async close() {
    if (this.fd === -1) return;
    files.close(this.fd);
    this.fd = -1;
  }
  createReadStream(options) { return new ReadStream(undefined, { ...options, fd: this.fd }); }
  createWriteStream(options) { return new WriteStream(undefined, { ...options, fd: this.fd }); }
  async datasync() { files.fdatasync(this.fd); }
  async read(buffer = Buffer.alloc(16384), ...rest) {
    if (!ArrayBuffer.isView(buffer)) return this.read(buffer.buffer, buffer);
    return { bytesRead: files.read(this.fd, buffer, ...rest), buffer };
  }
  async readFile(options) { return files.readFile(this.fd, options); }
  async readv(buffers, position) { return { bytesRead: files.readv(this.fd, buffers, position), buffers }; }
  async stat(options) { return files.fstat(this.fd, options); }
  async sync() { files.fsync(this.fd); }
  async truncate(length) { files.ftruncate(this.fd, length); }
  async utimes() { files.futimes(this.fd); }
  async write(buffer, ...rest) { return { bytesWritten: files.write(this.fd, buffer, ...rest), buffer }; }
  async writeFile(data, options) { files.writeFile(this.fd, data, options); }
  async writev(buffers, position) { return { bytesWritten: files.writev(this.fd, buffers, position), buffers }; }
  async [Symbol.asyncDispose]() { await this.close(); }
}
