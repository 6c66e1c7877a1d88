// `performance` with the frozen clock of Workers: now() is milliseconds since timeOrigin, which is 0.

import { now } from "atoll:native/io";
import { defineInterface, illegalConstructor } from "./webidl.js";

const token = Symbol("performance");

export class Performance {
  constructor(key) {
    if (key !== token) throw illegalConstructor();
  }
  get timeOrigin() {
    return 0;
  }
  now() {
    return now();
  }
  toJSON() {
    return { timeOrigin: 0 };
  }
}

defineInterface(Performance, { receiver: (value) => value === performance });

export const performance = new Performance(token);
