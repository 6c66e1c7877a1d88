import bcrypt from "bcryptjs";
import { equal } from "../support.js";

export default async function () {
  equal(await bcrypt.compare("x", await bcrypt.hash("x", 4)), true);
}
