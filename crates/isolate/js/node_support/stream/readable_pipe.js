/** Piping a readable stream into writable ones. */
import { errorOrDestroy, nextTick } from "./destroy.js";
import { prependListener } from "./legacy.js";

/** The `pipe` method of readable streams. */
export function pipe(destination, options) {
  const source = this;
  const state = this._readableState;
  state.pipes.push(destination);
  const ends = options?.end !== false && !destination._isStdio;
  let cleanedUp = false;
  let onDrain;

  const cleanup = () => {
    for (const [emitter, name, listener] of listeners) emitter.removeListener(name, listener);
    if (onDrain) destination.removeListener("drain", onDrain);
    cleanedUp = true;
    if (onDrain && state.awaitDrainWriters.size > 0 && (!destination._writableState || destination._writableState.needDrain)) {
      onDrain();
    }
  };
  const pause = () => {
    if (!cleanedUp) {
      state.awaitDrainWriters.add(destination);
      source.pause();
    }
    if (!onDrain) {
      onDrain = () => {
        state.awaitDrainWriters.delete(destination);
        if (state.awaitDrainWriters.size === 0 && source.listenerCount("data") > 0) source.resume();
      };
      destination.on("drain", onDrain);
    }
  };
  const onData = (chunk) => {
    if (destination.write(chunk) === false) pause();
  };
  const onError = (error) => {
    detach();
    destination.removeListener("error", onError);
    if (destination.listenerCount("error") > 0) return;
    const writable = destination._writableState || destination._readableState;
    if (writable && !writable.errorEmitted) errorOrDestroy(destination, error);
    else destination.emit("error", error);
  };
  const onClose = () => {
    destination.removeListener("finish", onFinish);
    detach();
  };
  const onFinish = () => {
    destination.removeListener("close", onClose);
    detach();
  };
  const onUnpipe = (readable, info) => {
    if (readable === source && info && info.hasUnpiped === false) {
      info.hasUnpiped = true;
      cleanup();
    }
  };
  const onEnd = () => destination.end();
  const detach = () => source.unpipe(destination);
  const endListener = ends ? onEnd : detach;
  const listeners = [
    [source, "data", onData], [source, "end", endListener], [destination, "error", onError], [destination, "close", onClose],
    [destination, "finish", onFinish], [destination, "unpipe", onUnpipe],
  ];
  if (state.endEmitted) nextTick(endListener);
  else source.once("end", endListener);
  destination.on("unpipe", onUnpipe);
  source.on("data", onData);
  prependListener(destination, "error", onError);
  destination.once("close", onClose);
  destination.once("finish", onFinish);
  destination.emit("pipe", source);
  if (destination.writableNeedDrain === true) pause();
  else if (!state.flowing) source.resume();
  return destination;
}

/** The `unpipe` method: from one destination, or from all. */
export function unpipe(destination) {
  const state = this._readableState;
  if (state.pipes.length === 0) return this;
  if (!destination) {
    const destinations = state.pipes;
    state.pipes = [];
    this.pause();
    for (const each of destinations) each.emit("unpipe", this, { hasUnpiped: false });
    return this;
  }
  const position = state.pipes.indexOf(destination);
  if (position === -1) return this;
  state.pipes.splice(position, 1);
  if (state.pipes.length === 0) this.pause();
  destination.emit("unpipe", this, { hasUnpiped: false });
  return this;
}
