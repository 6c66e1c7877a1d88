/** Writable streams: a queue in front of `_write`, and `_final` before "finish". */
import { Buffer } from "../../node/buffer.js";
import { EventEmitter } from "../../node/events.js";
import { AbortError, invalidArgType, unknownEncoding } from "../errors.js";
import { addAbortSignalTo } from "./abort_signal.js";
import { construct, destroy, errorOrDestroy, nextTick, undestroy } from "./destroy.js";
import { Stream } from "./legacy.js";
import { finished } from "./end_of_stream.js";
import { highWaterMarkOf, streamErrors } from "./state.js";

const nothing = () => {};
const kOnFinished = Symbol("kOnFinished");

export function WritableState(options, stream, isDuplex) {
  this.objectMode = Boolean(options?.objectMode || (isDuplex && options?.writableObjectMode));
  this.highWaterMark = highWaterMarkOf(this.objectMode, options, "writableHighWaterMark", isDuplex);
  this.finalCalled = false;
  this.needDrain = false;
  this.ending = false;
  this.ended = false;
  this.finished = false;
  this.destroyed = false;
  this.decodeStrings = options?.decodeStrings !== false;
  this.defaultEncoding = options?.defaultEncoding || "utf8";
  this.length = 0;
  this.writing = false;
  this.corked = 0;
  // Whether `_write` calls back before it returns.
  this.sync = true;
  this.bufferProcessing = false;
  this.writecb = null;
  this.writelen = 0;
  this.afterWriteTickInfo = null;
  this.buffered = [];
  this.pendingcb = 0;
  this.constructed = true;
  this.prefinished = false;
  this.errorEmitted = false;
  this.emitClose = options?.emitClose !== false;
  this.autoDestroy = options?.autoDestroy !== false;
  this.errored = null;
  this.closed = false;
  this.closeEmitted = false;
  this[kOnFinished] = [];
  this.onwrite = (error) => onWrite(stream, error);
}

WritableState.prototype.getBuffer = function () {
  return this.buffered.slice();
};
Object.defineProperty(WritableState.prototype, "bufferedRequestCount", {
  get() {
    return this.buffered.length;
  },
});

export function Writable(options) {
  if (!(this instanceof Writable) && !this?._writableState) return new Writable(options);
  initWritable(this, options, false);
  Stream.call(this, options);
  constructWritable(this);
}
Object.setPrototypeOf(Writable.prototype, Stream.prototype);
Object.setPrototypeOf(Writable, Stream);
Writable.WritableState = WritableState;

export function initWritable(stream, options, isDuplex) {
  stream._writableState = new WritableState(options, stream, isDuplex);
  if (!options) return;
  if (typeof options.write === "function") stream._write = options.write;
  if (typeof options.writev === "function") stream._writev = options.writev;
  if (typeof options.destroy === "function") stream._destroy = options.destroy;
  if (typeof options.final === "function") stream._final = options.final;
  if (typeof options.construct === "function") stream._construct = options.construct;
  if (options.signal) addAbortSignalTo(options.signal, stream);
}

export function constructWritable(stream) {
  construct(stream, () => {
    const state = stream._writableState;
    if (!state.writing) clearBuffer(stream, state);
    finishMaybe(stream, state);
  });
}

Object.defineProperty(Writable, Symbol.hasInstance, {
  // A duplex stream inherits from Readable, and is a Writable all the same.
  value(object) {
    if (Function.prototype[Symbol.hasInstance].call(this, object)) return true;
    return this === Writable && Boolean(object) && object._writableState instanceof WritableState;
  },
});

Writable.prototype.pipe = function () {
  errorOrDestroy(this, streamErrors.cannotPipe());
};

function write(stream, chunk, encoding, callback) {
  const state = stream._writableState;
  if (typeof encoding === "function") {
    callback = encoding;
    encoding = state.defaultEncoding;
  } else {
    if (!encoding) encoding = state.defaultEncoding;
    else if (encoding !== "buffer" && !Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
  }
  if (typeof callback !== "function") callback = nothing;
  if (chunk === null) throw streamErrors.nullValues();
  if (!state.objectMode) {
    if (typeof chunk === "string") {
      if (state.decodeStrings) {
        chunk = Buffer.from(chunk, encoding);
        encoding = "buffer";
      }
    } else if (Buffer.isBuffer(chunk)) {
      encoding = "buffer";
    } else if (ArrayBuffer.isView(chunk)) {
      chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      encoding = "buffer";
    } else {
      throw invalidArgType("chunk", ["string", "Buffer", "TypedArray", "DataView"], chunk);
    }
  }
  let error;
  if (state.ending) error = streamErrors.writeAfterEnd();
  else if (state.destroyed) error = streamErrors.destroyed("write");
  if (error) {
    nextTick(callback, error);
    errorOrDestroy(stream, error, true);
    return error;
  }
  state.pendingcb++;
  return writeOrBuffer(stream, state, chunk, encoding, callback);
}

Writable.prototype.write = function (chunk, encoding, callback) {
  return write(this, chunk, encoding, callback) === true;
};

function writeOrBuffer(stream, state, chunk, encoding, callback) {
  const length = state.objectMode ? 1 : chunk.length;
  state.length += length;
  const hasRoom = state.length < state.highWaterMark;
  if (!hasRoom) state.needDrain = true;
  if (state.writing || state.corked || state.errored || !state.constructed) {
    state.buffered.push({ chunk, encoding, callback });
  } else {
    startWrite(state, length, callback);
    stream._write(chunk, encoding, state.onwrite);
    state.sync = false;
  }
  return hasRoom && !state.errored && !state.destroyed;
}

function startWrite(state, length, callback) {
  state.writelen = length;
  state.writecb = callback;
  state.writing = true;
  state.sync = true;
}

function failWrite(stream, state, error, callback) {
  --state.pendingcb;
  callback(error);
  failBuffered(state);
  errorOrDestroy(stream, error);
}

function onWrite(stream, error) {
  const state = stream._writableState;
  const { sync, writecb: callback } = state;
  if (typeof callback !== "function") {
    errorOrDestroy(stream, streamErrors.multipleCallback());
    return;
  }
  state.writing = false;
  state.writecb = null;
  state.length -= state.writelen;
  state.writelen = 0;
  if (error) {
    if (!state.errored) state.errored = error;
    if (stream._readableState && !stream._readableState.errored) stream._readableState.errored = error;
    if (sync) nextTick(failWrite, stream, state, error, callback);
    else failWrite(stream, state, error, callback);
    return;
  }
  if (state.buffered.length > 0) clearBuffer(stream, state);
  if (!sync) {
    afterWrites(stream, state, [callback]);
  } else if (state.afterWriteTickInfo) {
    // All writes that finished in this turn share one tick.
    state.afterWriteTickInfo.push(callback);
  } else {
    const info = (state.afterWriteTickInfo = [callback]);
    nextTick(() => {
      state.afterWriteTickInfo = null;
      afterWrites(stream, state, info);
    });
  }
}

function afterWrites(stream, state, callbacks) {
  if (!state.ending && !stream.destroyed && state.length === 0 && state.needDrain) {
    state.needDrain = false;
    stream.emit("drain");
  }
  for (const callback of callbacks) {
    state.pendingcb--;
    callback(null);
  }
  if (state.destroyed) failBuffered(state);
  finishMaybe(stream, state);
}

function failBuffered(state) {
  if (state.writing) return;
  for (const { chunk, callback } of state.buffered.splice(0)) {
    state.length -= state.objectMode ? 1 : chunk.length;
    callback(state.errored ?? streamErrors.destroyed("write"));
  }
  for (const callback of state[kOnFinished].splice(0)) callback(state.errored ?? streamErrors.destroyed("end"));
}

function clearBuffer(stream, state) {
  if (state.corked || state.bufferProcessing || state.destroyed || !state.constructed || state.buffered.length === 0) return;
  state.bufferProcessing = true;
  if (state.buffered.length > 1 && stream._writev) {
    const chunks = state.buffered;
    state.buffered = [];
    state.pendingcb -= chunks.length - 1;
    const callback = (error) => {
      for (const each of chunks) each.callback(error);
    };
    chunks.allBuffers = chunks.every((each) => Buffer.isBuffer(each.chunk));
    startWrite(state, state.length, callback);
    stream._writev(chunks, state.onwrite);
    state.sync = false;
  } else {
    while (state.buffered.length > 0 && !state.writing) {
      const { chunk, encoding, callback } = state.buffered.shift();
      startWrite(state, state.objectMode ? 1 : chunk.length, callback);
      stream._write(chunk, encoding, state.onwrite);
      state.sync = false;
    }
  }
  state.bufferProcessing = false;
}

Writable.prototype._write = function (chunk, encoding, callback) {
  if (!this._writev) throw streamErrors.methodNotImplemented("_write()");
  this._writev([{ chunk, encoding }], callback);
};
Writable.prototype._writev = null;

Writable.prototype.cork = function () {
  this._writableState.corked++;
};

Writable.prototype.uncork = function () {
  const state = this._writableState;
  if (!state.corked) return;
  state.corked--;
  if (!state.writing) clearBuffer(this, state);
};

Writable.prototype.setDefaultEncoding = function (encoding) {
  if (typeof encoding === "string") encoding = encoding.toLowerCase();
  if (!Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
  this._writableState.defaultEncoding = encoding;
  return this;
};

Writable.prototype.end = function (chunk, encoding, callback) {
  const state = this._writableState;
  if (typeof chunk === "function") {
    callback = chunk;
    chunk = encoding = undefined;
  } else if (typeof encoding === "function") {
    callback = encoding;
    encoding = undefined;
  }
  let error;
  if (chunk !== undefined && chunk !== null) {
    const result = write(this, chunk, encoding);
    if (result instanceof Error) error = result;
  }
  if (state.corked) {
    state.corked = 1;
    this.uncork();
  }
  if (!error) {
    if (!state.errored && !state.ending) {
      state.ending = true;
      finishMaybe(this, state, true);
      state.ended = true;
    } else if (state.finished) {
      error = streamErrors.alreadyFinished("end");
    } else if (state.destroyed) {
      error = streamErrors.destroyed("end");
    }
  }
  if (typeof callback === "function") {
    if (error) nextTick(callback, error);
    else if (state.finished) nextTick(callback);
    else state[kOnFinished].push(callback);
  }
  return this;
};

const needsFinish = (state) =>
  state.ending && !state.destroyed && state.constructed && state.length === 0 && !state.errored &&
  state.buffered.length === 0 && !state.finished && !state.writing && !state.errorEmitted && !state.closeEmitted;

function callFinal(stream, state) {
  let called = false;
  const done = (error) => {
    if (called) {
      errorOrDestroy(stream, error ?? streamErrors.multipleCallback());
      return;
    }
    called = true;
    state.pendingcb--;
    if (error) {
      for (const callback of state[kOnFinished].splice(0)) callback(error);
      errorOrDestroy(stream, error, state.sync);
    } else if (needsFinish(state)) {
      state.prefinished = true;
      stream.emit("prefinish");
      state.pendingcb++;
      nextTick(finish, stream, state);
    }
  };
  state.sync = true;
  state.pendingcb++;
  try {
    stream._final(done);
  } catch (error) {
    done(error);
  }
  state.sync = false;
}

function finishMaybe(stream, state, sync) {
  if (!needsFinish(state)) return;
  if (!state.prefinished && !state.finalCalled) {
    if (typeof stream._final === "function" && !state.destroyed) {
      state.finalCalled = true;
      callFinal(stream, state);
    } else {
      state.prefinished = true;
      stream.emit("prefinish");
    }
  }
  if (state.pendingcb !== 0) return;
  if (sync) {
    state.pendingcb++;
    nextTick(() => {
      if (needsFinish(state)) finish(stream, state);
      else state.pendingcb--;
    });
  } else if (needsFinish(state)) {
    state.pendingcb++;
    finish(stream, state);
  }
}

function finish(stream, state) {
  state.pendingcb--;
  state.finished = true;
  for (const callback of state[kOnFinished].splice(0)) callback(null);
  stream.emit("finish");
  if (!state.autoDestroy) return;
  const readable = stream._readableState;
  if (!readable || (readable.autoDestroy && (readable.endEmitted || readable.readable === false))) stream.destroy();
}

Writable.prototype.destroy = function (error, callback) {
  const state = this._writableState;
  if (!state.destroyed && (state.buffered.length > 0 || state[kOnFinished].length > 0)) nextTick(failBuffered, state);
  destroy.call(this, error, callback);
  return this;
};
Writable.prototype._undestroy = undestroy;
Writable.prototype._destroy = function (error, callback) {
  callback(error);
};
Writable.prototype[EventEmitter.captureRejectionSymbol] = function (error) {
  this.destroy(error);
};
Writable.prototype[Symbol.asyncDispose ?? Symbol.for("nodejs.asyncDispose")] = function () {
  const error = this.writableFinished ? null : new AbortError();
  if (!this.destroyed) this.destroy(error);
  return new Promise((resolve, reject) =>
    finished(this, (failure) => (failure && failure.name !== "AbortError" ? reject(failure) : resolve(null))),
  );
};

const stateGetter = (key, absent) => ({
  configurable: true,
  get() {
    return this._writableState ? this._writableState[key] : absent;
  },
});

Object.defineProperties(Writable.prototype, {
  writable: {
    configurable: true,
    get() {
      const state = this._writableState;
      return Boolean(state) && state.writable !== false && !state.destroyed && !state.errored && !state.ending && !state.ended;
    },
    set(value) {
      if (this._writableState) this._writableState.writable = Boolean(value);
    },
  },
  writableFinished: stateGetter("finished", false),
  writableObjectMode: stateGetter("objectMode", false),
  writableEnded: stateGetter("ending", false),
  writableHighWaterMark: stateGetter("highWaterMark"),
  writableCorked: stateGetter("corked", 0),
  writableLength: stateGetter("length"),
  writableErrored: stateGetter("errored", null),
  closed: stateGetter("closed", false),
  errored: stateGetter("errored", null),
  writableBuffer: {
    configurable: true,
    get() {
      return this._writableState?.getBuffer();
    },
  },
  writableNeedDrain: {
    configurable: true,
    get() {
      const state = this._writableState;
      return Boolean(state) && !state.destroyed && !state.ending && state.needDrain;
    },
  },
  writableAborted: {
    configurable: true,
    get() {
      const state = this._writableState;
      return state.writable !== false && (state.destroyed || Boolean(state.errored)) && !state.finished;
    },
  },
  destroyed: {
    configurable: true,
    get() {
      return Boolean(this._writableState?.destroyed);
    },
    set(value) {
      if (this._writableState) this._writableState.destroyed = value;
    },
  },
});
