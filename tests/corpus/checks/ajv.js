import Ajv from "ajv";
import { equal } from "../support.js";

export default async function () {
  const validate = new Ajv().compile({ type: "object", properties: { a: { type: "integer" } }, required: ["a"] });
  equal(validate({ a: 1 }), true);
}
