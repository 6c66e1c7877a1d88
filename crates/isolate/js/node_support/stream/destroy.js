/** Construction and destruction, which readable and writable sides share. */
import { AbortError, aggregateTwoErrors } from "../errors.js";
import { queueMicrotask } from "../../async_context.js";
import { isDestroyed, kIsDestroyed, streamErrors } from "./state.js";

const kConstruct = Symbol("kConstruct");
const kDestroy = Symbol("kDestroy");

/** Runs a callback after the current code, in its context: what `process.nextTick` does here. */
export const nextTick = (callback, ...args) => queueMicrotask(() => callback(...args));

function eachState(stream, work) {
  if (stream._writableState) work(stream._writableState);
  if (stream._readableState) work(stream._readableState);
}

function markErrored(stream, error) {
  eachState(stream, (state) => {
    if (!state.errored) state.errored = error;
  });
}

/** The `destroy` method of every stream. */
export function destroy(error, callback) {
  const readable = this._readableState;
  const writable = this._writableState;
  if (writable?.destroyed || readable?.destroyed) {
    if (typeof callback === "function") callback();
    return this;
  }
  if (error) markErrored(this, error);
  eachState(this, (state) => {
    state.destroyed = true;
  });
  if ((writable ?? readable).constructed) {
    runDestroy(this, error, callback);
  } else {
    this.once(kDestroy, (constructError) => runDestroy(this, aggregateTwoErrors(constructError, error), callback));
  }
  return this;
}

function runDestroy(stream, error, callback) {
  let called = false;
  const done = (failure) => {
    if (called) return;
    called = true;
    if (failure) markErrored(stream, failure);
    eachState(stream, (state) => {
      state.closed = true;
    });
    if (typeof callback === "function") callback(failure);
    nextTick(() => {
      if (failure) emitError(stream, failure);
      emitClose(stream);
    });
  };
  try {
    stream._destroy(error || null, done);
  } catch (thrown) {
    done(thrown);
  }
}

function emitClose(stream) {
  const readable = stream._readableState;
  const writable = stream._writableState;
  eachState(stream, (state) => {
    state.closeEmitted = true;
  });
  if (writable?.emitClose || readable?.emitClose) stream.emit("close");
}

function emitError(stream, error) {
  if (stream._writableState?.errorEmitted || stream._readableState?.errorEmitted) return;
  eachState(stream, (state) => {
    state.errorEmitted = true;
  });
  stream.emit("error", error);
}

/** Makes a destroyed stream usable again; for streams that reopen themselves. */
export function undestroy() {
  const readable = this._readableState;
  if (readable) {
    Object.assign(readable, {
      constructed: true, closed: false, closeEmitted: false, destroyed: false, errored: null, errorEmitted: false,
      reading: false, ended: readable.readable === false, endEmitted: readable.readable === false,
    });
  }
  const writable = this._writableState;
  if (writable) {
    Object.assign(writable, {
      constructed: true, destroyed: false, closed: false, closeEmitted: false, errored: null, errorEmitted: false,
      finalCalled: false, prefinished: false, ended: writable.writable === false, ending: writable.writable === false,
      finished: writable.writable === false,
    });
  }
}

/** A stream that destroys itself does; another one only tells. */
export function errorOrDestroy(stream, error, sync) {
  const readable = stream._readableState;
  const writable = stream._writableState;
  if (writable?.destroyed || readable?.destroyed) return;
  if (readable?.autoDestroy || writable?.autoDestroy) {
    stream.destroy(error);
  } else if (error) {
    markErrored(stream, error);
    if (sync) nextTick(emitError, stream, error);
    else emitError(stream, error);
  }
}

/** Runs `_construct` once for both sides of a stream, and calls back when it is done. */
export function construct(stream, callback) {
  if (typeof stream._construct !== "function") return;
  eachState(stream, (state) => {
    state.constructed = false;
  });
  stream.once(kConstruct, callback);
  if (stream.listenerCount(kConstruct) > 1) return;
  nextTick(() => {
    let called = false;
    const done = (error) => {
      if (called) {
        errorOrDestroy(stream, error ?? streamErrors.multipleCallback());
        return;
      }
      called = true;
      eachState(stream, (state) => {
        state.constructed = true;
      });
      if ((stream._writableState ?? stream._readableState).destroyed) stream.emit(kDestroy, error);
      else if (error) errorOrDestroy(stream, error, true);
      else nextTick(() => stream.emit(kConstruct));
    };
    try {
      stream._construct((error) => nextTick(done, error));
    } catch (error) {
      nextTick(done, error);
    }
  });
}

/** Destroys anything that looks like a stream, whoever made it. */
export function destroyer(stream, error) {
  if (!stream || isDestroyed(stream)) return;
  if (!error && !stream.readableEnded && stream._readableState && !stream._readableState.endEmitted) error = new AbortError();
  if (typeof stream.destroy === "function") stream.destroy(error);
  else if (typeof stream.close === "function") stream.close();
  if (!stream.destroyed) stream[kIsDestroyed] = true;
}
