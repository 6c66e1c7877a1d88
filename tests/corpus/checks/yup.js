import { number, object, string } from "yup";
import { equal } from "../support.js";

export default async function () {
  equal(await object({ a: string().required(), b: number() }).validate({ a: "x", b: "2" }), { a: "x", b: 2 });
}
