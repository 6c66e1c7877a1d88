/** Duplex, Transform and PassThrough. */
import { Blob } from "../../blob.js";
import { AbortError, invalidArgType, invalidReturnValue } from "../errors.js";
import { construct, destroyer, nextTick } from "./destroy.js";
import { finished } from "./end_of_stream.js";
import { fromIterable } from "./readable_iteration.js";
import { Readable, ReadableState } from "./readable.js";
import { constructWritable, initWritable, Writable } from "./writable.js";
import { addAbortSignalTo } from "./abort_signal.js";
import { Stream } from "./legacy.js";
import {
  isDuplexNodeStream, isIterable, isReadable, isReadableNodeStream, isReadableStream, isWritable,
  isWritableNodeStream, isWritableStream, streamErrors,
} from "./state.js";

export function Duplex(options) {
  if (!(this instanceof Duplex)) return new Duplex(options);
  this._readableState = new ReadableState(options, this, true);
  // The signal is attached once, below, when both sides exist.
  initWritable(this, options && { ...options, signal: undefined }, true);
  if (typeof options?.read === "function") this._read = options.read;
  this.allowHalfOpen = options?.allowHalfOpen !== false;
  if (options?.readable === false) {
    Object.assign(this._readableState, { readable: false, ended: true, endEmitted: true });
  }
  if (options?.writable === false) {
    Object.assign(this._writableState, { writable: false, ending: true, ended: true, finished: true });
  }
  if (options?.signal) addAbortSignalTo(options.signal, this);
  Stream.call(this, options);
  if (typeof this._construct === "function") {
    construct(this, () => {
      if (this._readableState.needReadable) this.read(0);
    });
    constructWritable(this);
  }
}
Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
Object.setPrototypeOf(Duplex, Readable);
for (const key of Reflect.ownKeys(Writable.prototype)) {
  if (key === "constructor" || key === "pipe" || (key in Readable.prototype && !/^_?writ|^end$|cork$/.test(String(key)))) continue;
  Object.defineProperty(Duplex.prototype, key, Object.getOwnPropertyDescriptor(Writable.prototype, key));
}
Duplex.prototype.destroy = Writable.prototype.destroy;
Object.defineProperty(Duplex.prototype, "destroyed", {
  configurable: true,
  get() {
    if (!this._readableState || !this._writableState) return false;
    return this._readableState.destroyed && this._writableState.destroyed;
  },
  set(value) {
    if (!this._readableState || !this._writableState) return;
    this._readableState.destroyed = value;
    this._writableState.destroyed = value;
  },
});

const kCallback = Symbol("kCallback");

export function Transform(options) {
  if (!(this instanceof Transform)) return new Transform(options);
  const mark = options && (options.readableHighWaterMark ?? options.highWaterMark);
  // Without room of its own on the readable side, a transform passes pressure straight through.
  if (mark === 0) {
    options = { ...options, highWaterMark: null, readableHighWaterMark: mark, writableHighWaterMark: options.writableHighWaterMark || 0 };
  }
  Duplex.call(this, options);
  this._readableState.sync = false;
  this[kCallback] = null;
  if (typeof options?.transform === "function") this._transform = options.transform;
  if (typeof options?.flush === "function") this._flush = options.flush;
  this.on("prefinish", function () {
    if (this._final !== final) runFlush(this);
  });
}
Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
Object.setPrototypeOf(Transform, Duplex);

function runFlush(stream, callback) {
  if (typeof stream._flush !== "function" || stream.destroyed) {
    stream.push(null);
    callback?.();
    return;
  }
  stream._flush((error, data) => {
    if (error) {
      if (callback) callback(error);
      else stream.destroy(error);
      return;
    }
    if (data !== undefined && data !== null) stream.push(data);
    stream.push(null);
    callback?.();
  });
}

function final(callback) {
  runFlush(this, callback);
}
Transform.prototype._final = final;

Transform.prototype._transform = function () {
  throw streamErrors.methodNotImplemented("_transform()");
};

Transform.prototype._write = function (chunk, encoding, callback) {
  const readable = this._readableState;
  const writable = this._writableState;
  const { length } = readable;
  this._transform(chunk, encoding, (error, value) => {
    if (error) {
      callback(error);
      return;
    }
    if (value !== undefined && value !== null) this.push(value);
    if (readable.ended) nextTick(callback);
    else if (writable.ended || length === readable.length || readable.length < readable.highWaterMark) callback();
    else this[kCallback] = callback;
  });
};

Transform.prototype._read = function () {
  const callback = this[kCallback];
  if (!callback) return;
  this[kCallback] = null;
  callback();
};

export function PassThrough(options) {
  if (!(this instanceof PassThrough)) return new PassThrough(options);
  Transform.call(this, options);
}
Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
Object.setPrototypeOf(PassThrough, Transform);
PassThrough.prototype._transform = (chunk, encoding, callback) => callback(null, chunk);

/** One duplex stream over a readable and a writable one. */
export function joinPair({ readable, writable }) {
  const source = readable && typeof readable.read !== "function" ? Readable.wrap(readable) : readable;
  let readableOpen = Boolean(isReadable(source));
  let writableOpen = Boolean(isWritable(writable));
  let onDrain;
  let onFinish;
  let onReadable;
  let onClose;
  const joined = new Duplex({
    readableObjectMode: Boolean(source?.readableObjectMode),
    writableObjectMode: Boolean(writable?.writableObjectMode),
    readable: readableOpen,
    writable: writableOpen,
  });
  const settle = (error) => {
    const callback = onClose;
    onClose = null;
    if (callback) callback(error);
    else if (error) joined.destroy(error);
  };
  if (writableOpen) {
    finished(writable, (error) => {
      writableOpen = false;
      if (error) destroyer(source, error);
      settle(error);
    });
    joined._write = (chunk, encoding, callback) => {
      if (writable.write(chunk, encoding)) callback();
      else onDrain = callback;
    };
    joined._final = (callback) => {
      writable.end();
      onFinish = callback;
    };
    writable.on("drain", () => {
      const callback = onDrain;
      onDrain = null;
      callback?.();
    });
    writable.on("finish", () => {
      const callback = onFinish;
      onFinish = null;
      callback?.();
    });
  }
  if (readableOpen) {
    finished(source, (error) => {
      readableOpen = false;
      if (error) destroyer(source, error);
      settle(error);
    });
    source.on("readable", () => {
      const callback = onReadable;
      onReadable = null;
      callback?.();
    });
    source.on("end", () => joined.push(null));
    joined._read = () => {
      for (;;) {
        const chunk = source.read();
        if (chunk === null) {
          onReadable = joined._read;
          return;
        }
        if (!joined.push(chunk)) return;
      }
    };
  }
  joined._destroy = (error, callback) => {
    if (!error && onClose !== null && (readableOpen || writableOpen)) error = new AbortError();
    onReadable = onDrain = onFinish = null;
    if (!readableOpen && !writableOpen) {
      callback(error);
      return;
    }
    onClose = callback;
    destroyer(writable, error);
    destroyer(source, error);
  };
  return joined;
}

/** A duplex stream over a function that turns the written chunks into what is read. */
function fromFunction(body, name) {
  let deliver;
  let pending = Promise.withResolvers();
  const abort = new AbortController();
  const { signal } = abort;
  const chunks = (async function* () {
    for (;;) {
      const { chunk, done, callback } = await pending.promise;
      pending = Promise.withResolvers();
      nextTick(callback);
      if (done) return;
      if (signal.aborted) throw new AbortError(undefined, { cause: signal.reason });
      yield chunk;
    }
  })();
  deliver = (item) => pending.resolve(item);
  const value = body(chunks, { signal });
  const hooks = {
    write: (chunk, encoding, callback) => deliver({ chunk, done: false, callback }),
    final: (callback) => deliver({ done: true, callback }),
    destroy(error, callback) {
      abort.abort();
      callback(error);
    },
  };
  if (isIterable(value)) return fromIterable(Duplex, value, { objectMode: true, ...hooks });
  if (typeof value?.then === "function") {
    let stream;
    const settled = value.then(
      (result) => {
        if (result !== undefined && result !== null) throw invalidReturnValue("nully", "body", result);
      },
      (error) => destroyer(stream, error),
    );
    stream = new Duplex({
      objectMode: true,
      readable: false,
      ...hooks,
      final(callback) {
        deliver({ done: true, callback: () => settled.then(() => nextTick(callback), (error) => nextTick(callback, error)) });
      },
    });
    return stream;
  }
  throw invalidReturnValue("Iterable, AsyncIterable or AsyncFunction", name, value);
}

/** Makes a duplex stream of nearly anything. */
export function duplexFrom(body, name = "body") {
  if (isDuplexNodeStream(body)) return body;
  if (isReadableNodeStream(body)) return joinPair({ readable: body });
  if (isWritableNodeStream(body)) return joinPair({ writable: body });
  if (isReadableStream(body)) return joinPair({ readable: Readable.fromWeb(body) });
  if (isWritableStream(body)) return joinPair({ writable: Writable.fromWeb(body) });
  if (typeof body === "function") return fromFunction(body, name);
  if (body instanceof Blob) return duplexFrom(body.arrayBuffer());
  if (isIterable(body)) return fromIterable(Duplex, body, { objectMode: true, writable: false });
  if (typeof body?.readable === "object" || typeof body?.writable === "object") {
    const side = (value) => (value === undefined || value === null ? undefined : duplexFrom(value));
    const readable = isReadableNodeStream(body.readable) ? body.readable : side(body.readable);
    const writable = isWritableNodeStream(body.writable) ? body.writable : side(body.writable);
    return joinPair({ readable, writable });
  }
  if (typeof body?.then === "function") {
    const stream = new Duplex({ objectMode: true, writable: false, read() {} });
    body.then(
      (value) => {
        if (value !== undefined && value !== null) stream.push(value);
        stream.push(null);
      },
      (error) => destroyer(stream, error),
    );
    return stream;
  }
  throw invalidArgType(
    name,
    ["Blob", "ReadableStream", "WritableStream", "Stream", "Iterable", "AsyncIterable", "Function", "{ readable, writable } pair", "Promise"],
    body,
  );
}
Duplex.from = (body) => duplexFrom(body);

/** Two streams, each of which reads what is written to the other. */
export function duplexPair(options) {
  const make = () => {
    let other;
    let onRead;
    const side = new Duplex({
      ...options,
      read() {
        const callback = onRead;
        onRead = null;
        callback?.();
      },
      write(chunk, encoding, callback) {
        if (chunk.length === 0) nextTick(callback);
        else other().receive(chunk, encoding, callback);
      },
      final(callback) {
        other().stream.on("end", callback);
        other().stream.push(null);
      },
    });
    const receive = (chunk, encoding, callback) => {
      side.push(chunk, encoding);
      onRead = callback;
    };
    return { stream: side, receive, link: (get) => { other = get; } };
  };
  const first = make();
  const second = make();
  first.link(() => second);
  second.link(() => first);
  return [first.stream, second.stream];
}

