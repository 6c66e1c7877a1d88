import pino from "pino";
import { equal } from "../support.js";

export default async function () {
  const lines = [];
  // Its build for browsers is what Workers get.
  pino({ browser: { write: (line) => lines.push(line) } }).info({ a: 1 }, "x");
  const { time, ...rest } = lines[0];
  equal([typeof time, rest], ["number", { level: 30, a: 1, msg: "x" }]);
}
