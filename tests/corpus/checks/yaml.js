import { parse, stringify } from "yaml";
import { equal } from "../support.js";

export default async function () {
  equal(parse("a: [1, two]\nb: {c: 3}"), { a: [1, "two"], b: { c: 3 } });
  equal(stringify({ a: 1 }), "a: 1\n");
}
