/** Intl.Segmenter: graphemes, words and sentences by Unicode's rules (UAX #29). */

import { segment } from "atoll:native/intl";
import { canonicalizeLocaleList, defineService, optionsObject, resolveLocale, stringOption } from "./locale.js";

/** @type {(segmenter: Segmenter) => string} */
let granularityOf;

export class Segmenter {
  #settings;

  constructor(locales = undefined, options = undefined) {
    const requested = canonicalizeLocaleList(locales);
    const given = optionsObject(options);
    stringOption(given, "localeMatcher", ["lookup", "best fit"], "best fit", "Segmenter");
    const { locale } = resolveLocale(requested);
    this.#settings = { locale, granularity: stringOption(given, "granularity", ["grapheme", "word", "sentence"], "grapheme", "Segmenter") };
  }

  static {
    granularityOf = (segmenter) => segmenter.#settings.granularity;
  }

  segment(input) {
    return new Segments(String(input), granularityOf(this));
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

class Segments {
  #input;
  #granularity;
  /** Where each segment begins, and whether it is like a word. */
  #starts = [];
  #words = [];

  constructor(input, granularity) {
    this.#input = input;
    this.#granularity = granularity;
    // Lone surrogates have the length of what stands for them.
    const flat = segment(input.toWellFormed(), granularity);
    let start = 0;
    for (let i = 0; i < flat.length; i += 2) {
      this.#starts.push(start);
      this.#words.push(flat[i + 1]);
      start += flat[i];
    }
  }

  #at(index) {
    const start = this.#starts[index];
    const found = { segment: this.#input.slice(start, this.#starts[index + 1] ?? this.#input.length), index: start, input: this.#input };
    if (this.#granularity === "word") found.isWordLike = this.#words[index];
    return found;
  }

  containing(position = 0) {
    const at = Math.trunc(Number(position)) || 0;
    if (at < 0 || at >= this.#input.length) return undefined;
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return this.#at(low);
  }

  *#iterate() {
    for (let index = 0; index < this.#starts.length; index++) yield this.#at(index);
  }

  [Symbol.iterator]() {
    return this.#iterate();
  }
}

Object.defineProperty(Segmenter, "length", { value: 0, configurable: true });
defineService(Segmenter, "Intl.Segmenter");
