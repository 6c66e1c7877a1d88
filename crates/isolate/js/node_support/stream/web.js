/** Conversions between Node's streams and the web's. */
import { Buffer } from "../../node/buffer.js";
import { ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableStream, WritableStream } from "../../streams/index.js";
import { AbortError, invalidArgType } from "../errors.js";
import { validateObject } from "../validators.js";
import { destroyer, nextTick } from "./destroy.js";
import { Duplex } from "./duplex.js";
import { finished } from "./end_of_stream.js";
import { Readable } from "./readable.js";
import { isDestroyed, isReadable, isReadableStream, isWritable, isWritableStream } from "./state.js";
import { Writable } from "./writable.js";

const asBytes = (chunk) =>
  Buffer.isBuffer(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : chunk;

/** @returns {ReadableStream} */
export function readableToWeb(source, options = {}) {
  if (typeof source?._readableState !== "object") throw invalidArgType("streamReadable", "stream.Readable", source);
  if (isDestroyed(source) || !isReadable(source)) {
    const empty = new ReadableStream();
    empty.cancel();
    return empty;
  }
  const objectMode = source.readableObjectMode;
  const strategy =
    options.strategy ??
    (objectMode
      ? new CountQueuingStrategy({ highWaterMark: source.readableHighWaterMark })
      : new ByteLengthQueuingStrategy({ highWaterMark: source.readableHighWaterMark }));
  let controller;
  let cancelled = false;
  const onData = (chunk) => {
    controller.enqueue(objectMode ? chunk : asBytes(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
    if (controller.desiredSize <= 0) source.pause();
  };
  source.pause();
  const stop = finished(source, (error) => {
    stop();
    source.on("error", () => {});
    if (cancelled) return;
    if (error) controller.error(error.code === "ERR_STREAM_PREMATURE_CLOSE" ? new AbortError(undefined, { cause: error }) : error);
    else controller.close();
  });
  source.on("data", onData);
  source.pause();
  return new ReadableStream(
    {
      start(given) {
        controller = given;
      },
      pull() {
        source.resume();
      },
      cancel(reason) {
        cancelled = true;
        destroyer(source, reason);
      },
    },
    strategy,
  );
}

/** @returns {Readable} */
export function readableFromWeb(stream, options = {}) {
  if (!isReadableStream(stream)) throw invalidArgType("readableStream", "ReadableStream", stream);
  validateObject(options, "options");
  const { highWaterMark, encoding, objectMode = false, signal } = options;
  const reader = stream.getReader();
  let closed = false;
  const readable = new Readable({
    objectMode,
    highWaterMark,
    encoding,
    signal,
    read() {
      reader.read().then(
        ({ value, done }) => {
          if (done) readable.push(null);
          else readable.push(value);
        },
        (error) => destroyer(readable, error),
      );
    },
    destroy(error, callback) {
      if (closed) {
        callback(error);
        return;
      }
      const settle = () => nextTick(callback, error);
      reader.cancel(error).then(settle, settle);
    },
  });
  reader.closed.then(
    () => {
      closed = true;
    },
    (error) => {
      closed = true;
      destroyer(readable, error);
    },
  );
  return readable;
}

/** @returns {WritableStream} */
export function writableToWeb(target) {
  if (typeof target?._writableState !== "object") throw invalidArgType("streamWritable", "stream.Writable", target);
  if (isDestroyed(target) || !isWritable(target)) {
    const closedStream = new WritableStream();
    closedStream.close();
    return closedStream;
  }
  const mark = target.writableHighWaterMark;
  const strategy = target.writableObjectMode
    ? new CountQueuingStrategy({ highWaterMark: mark })
    : { highWaterMark: mark, size: (chunk) => chunk?.byteLength ?? chunk?.length ?? 1 };
  let controller;
  let drained;
  let ended;
  const stop = finished(target, (error) => {
    stop();
    target.on("error", () => {});
    if (error) {
      drained?.reject(error);
      if (ended) ended.reject(error);
      else controller.error(error);
    } else if (ended) {
      ended.resolve();
    } else {
      controller.error(new AbortError());
    }
  });
  target.on("drain", () => drained?.resolve());
  return new WritableStream(
    {
      start(given) {
        controller = given;
      },
      write(chunk) {
        if (!target.writableNeedDrain && target.write(chunk)) return undefined;
        drained = Promise.withResolvers();
        return drained.promise.finally(() => {
          drained = undefined;
        });
      },
      abort(reason) {
        destroyer(target, reason);
      },
      close() {
        if (target.writableFinished) return undefined;
        ended = Promise.withResolvers();
        target.end();
        return ended.promise;
      },
    },
    strategy,
  );
}

/** @returns {Writable} */
export function writableFromWeb(stream, options = {}) {
  if (!isWritableStream(stream)) throw invalidArgType("writableStream", "WritableStream", stream);
  validateObject(options, "options");
  const { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
  const writer = stream.getWriter();
  let closed = false;
  const settleWith = (callback) => [() => nextTick(callback), (error) => nextTick(callback, error)];
  const writable = new Writable({
    highWaterMark,
    objectMode,
    decodeStrings,
    signal,
    write(chunk, encoding, callback) {
      writer.ready.then(() => writer.write(asBytes(chunk))).then(...settleWith(callback));
    },
    final(callback) {
      if (closed) callback();
      else writer.close().then(...settleWith(callback));
    },
    destroy(error, callback) {
      const settle = () => nextTick(callback, error);
      if (closed) callback(error);
      else if (error) writer.abort(error).then(settle, settle);
      else writer.close().then(settle, settle);
    },
  });
  writer.closed.then(
    () => {
      closed = true;
      if (!writable.writableEnded && !writable.destroyed) destroyer(writable, new AbortError());
    },
    (error) => {
      closed = true;
      destroyer(writable, error);
    },
  );
  return writable;
}

export function duplexToWeb(duplex) {
  if (typeof duplex?._writableState !== "object" || typeof duplex?._readableState !== "object") {
    throw invalidArgType("duplex", "stream.Duplex", duplex);
  }
  return { readable: readableToWeb(duplex), writable: writableToWeb(duplex) };
}

export function duplexFromWeb(pair, options = {}) {
  validateObject(pair, "pair");
  const { readable, writable } = pair;
  if (!isReadableStream(readable)) throw invalidArgType("pair.readable", "ReadableStream", readable);
  if (!isWritableStream(writable)) throw invalidArgType("pair.writable", "WritableStream", writable);
  return Duplex.from({ readable: readableFromWeb(readable, options), writable: writableFromWeb(writable, options) });
}

Readable.toWeb = readableToWeb;
Readable.fromWeb = readableFromWeb;
Writable.toWeb = writableToWeb;
Writable.fromWeb = writableFromWeb;
Duplex.toWeb = duplexToWeb;
Duplex.fromWeb = duplexFromWeb;
