import { type } from "arktype";
import { equal, ok } from "../support.js";

export default async function () {
  const user = type({ name: "string", "age?": "number > 0" });
  equal(user({ name: "x", age: 3 }), { name: "x", age: 3 });
  ok(user({ name: 1 }) instanceof type.errors);
}
