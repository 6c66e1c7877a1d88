// Hashes and ciphers are streams that are hardly ever used as such: the stream is made when its first method is called.

import { Transform } from "../../node/stream.js";

const streams = new WeakMap();

function streamOf(owner) {
  let stream = streams.get(owner);
  if (stream === undefined) {
    const { transform, flush, options } = owner[START]();
    stream = new Transform({ ...options, transform, flush });
    streams.set(owner, stream);
  }
  return stream;
}

/** The method that says how the stream transforms: `{ transform, flush, options }`. */
export const START = Symbol("start");

/** Forwards everything that a Transform has to a Transform of the owner's own. */
export function addTransform(Class) {
  const taken = new Set(Reflect.ownKeys(Class.prototype));
  const define = (key, descriptor) => {
    if (taken.has(key)) return;
    taken.add(key);
    Object.defineProperty(Class.prototype, key, { configurable: true, enumerable: false, ...descriptor });
  };
  for (const key of ["_readableState", "_writableState", "_events"]) {
    define(key, {
      get() {
        return streamOf(this)[key];
      },
    });
  }
  for (let holder = Transform.prototype; holder !== Object.prototype; holder = Object.getPrototypeOf(holder)) {
    for (const key of Reflect.ownKeys(holder)) {
      const descriptor = Object.getOwnPropertyDescriptor(holder, key);
      if (typeof descriptor.value === "function") {
        define(key, {
          writable: true,
          value(...args) {
            const stream = streamOf(this);
            const result = stream[key](...args);
            return result === stream ? this : result;
          },
        });
      } else if (descriptor.get !== undefined) {
        define(key, {
          get() {
            return streamOf(this)[key];
          },
          set(value) {
            streamOf(this)[key] = value;
          },
        });
      }
    }
  }
}
