import * as v from "valibot";
import { equal } from "../support.js";

export default async function () {
  equal(v.parse(v.pipe(v.string(), v.email()), "a@b.co"), "a@b.co");
  equal(v.safeParse(v.object({ a: v.number() }), {}).success, false);
}
