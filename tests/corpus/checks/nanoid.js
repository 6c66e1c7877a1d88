import { nanoid } from "nanoid";
import { equal } from "../support.js";

export default async function () {
  equal(nanoid().length, 21);
}
