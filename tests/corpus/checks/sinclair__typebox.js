import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { equal } from "../support.js";

export default async function () {
  const T = Type.Object({ a: Type.Number() });
  equal(Value.Check(T, { a: 1 }), true);
  equal(Value.Check(T, { a: "1" }), false);
}
