import { parse, stringify } from "devalue";
import { equal } from "../support.js";

export default async function () {
  equal(parse(stringify(new Map([[1, { a: 1n }]]))), new Map([[1, { a: 1n }]]));
}
