import { Validator } from "@cfworker/json-schema";
import { equal } from "../support.js";

export default async function () {
  equal(new Validator({ type: "object", required: ["a"] }).validate({ a: 1 }).valid, true);
}
