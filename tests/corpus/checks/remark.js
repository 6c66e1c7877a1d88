import { remark } from "remark";
import { equal } from "../support.js";

export default async function () {
  equal(String(await remark().process("*a*")), "*a*\n");
}
