/** The base of all streams, and the pipe that streams without a state use. */
import { EventEmitter } from "../../node/events.js";

export function Stream(options) {
  EventEmitter.call(this, options);
}
Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Stream, EventEmitter);

Stream.prototype.pipe = function (destination, options) {
  const source = this;
  const onData = (chunk) => {
    if (destination.writable && destination.write(chunk) === false) source.pause?.();
  };
  const onDrain = () => {
    if (source.readable) source.resume?.();
  };
  let ended = false;
  const onEnd = () => {
    if (ended) return;
    ended = true;
    destination.end();
  };
  const onClose = () => {
    if (ended) return;
    ended = true;
    destination.destroy?.();
  };
  const onError = function (error) {
    cleanup();
    if (EventEmitter.listenerCount(this, "error") === 0) this.emit("error", error);
  };
  const cleanup = () => {
    source.removeListener("data", onData);
    destination.removeListener("drain", onDrain);
    for (const [emitter, name, listener] of pairs) emitter.removeListener(name, listener);
  };
  const pairs = [
    [source, "end", onEnd], [source, "close", onClose], [source, "error", onError], [destination, "error", onError],
    [source, "end", cleanup], [source, "close", cleanup], [destination, "close", cleanup],
  ];
  source.on("data", onData);
  destination.on("drain", onDrain);
  const ends = !destination._isStdio && options?.end !== false;
  for (const [emitter, name, listener] of pairs) {
    if (ends || (listener !== onEnd && listener !== onClose)) prependListener(emitter, name, listener);
  }
  destination.emit("pipe", source);
  return destination;
};

/** Listens before everyone else, also on emitters that are not ours. */
export function prependListener(emitter, name, listener) {
  if (typeof emitter.prependListener === "function") emitter.prependListener(name, listener);
  else emitter.on(name, listener);
}
