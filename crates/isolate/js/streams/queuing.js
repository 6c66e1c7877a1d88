/** CountQueuingStrategy and ByteLengthQueuingStrategy. https://streams.spec.whatwg.org/#qs-api */

import { defineInterface, illegal, requireArguments } from "../webidl.js";
import { countSize } from "./conversions.js";

const byteLengthSize = { size: (chunk) => chunk.byteLength }.size;

function markOf(init, name) {
  if ((typeof init !== "object" || init === null) && typeof init !== "function") {
    throw new TypeError(`Failed to construct '${name}': constructor parameter 1 is not of type 'QueuingStrategyInit'.`);
  }
  if (init.highWaterMark === undefined) {
    throw new TypeError(`Failed to construct '${name}': required member highWaterMark is undefined.`);
  }
  return +init.highWaterMark;
}

/** Counts chunks. */
export class CountQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    requireArguments(arguments.length, 1, "constructor of 'CountQueuingStrategy'", "QueuingStrategyInit");
    this.#highWaterMark = markOf(init, "CountQueuingStrategy");
  }

  get highWaterMark() {
    if (this === undefined || !(#highWaterMark in this)) throw illegal();
    return this.#highWaterMark;
  }

  get size() {
    if (this === undefined || !(#highWaterMark in this)) throw illegal();
    return countSize;
  }
}
defineInterface(CountQueuingStrategy);

/** Counts the bytes of chunks. */
export class ByteLengthQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    requireArguments(arguments.length, 1, "constructor of 'ByteLengthQueuingStrategy'", "QueuingStrategyInit");
    this.#highWaterMark = markOf(init, "ByteLengthQueuingStrategy");
  }

  get highWaterMark() {
    if (this === undefined || !(#highWaterMark in this)) throw illegal();
    return this.#highWaterMark;
  }

  get size() {
    if (this === undefined || !(#highWaterMark in this)) throw illegal();
    return byteLengthSize;
  }
}
defineInterface(ByteLengthQueuingStrategy);
