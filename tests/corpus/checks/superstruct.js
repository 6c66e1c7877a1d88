import { assert as check, number, object, is } from "superstruct";
import { equal } from "../support.js";

export default async function () {
  check({ a: 1 }, object({ a: number() }));
  equal(is({ a: "1" }, object({ a: number() })), false);
}
