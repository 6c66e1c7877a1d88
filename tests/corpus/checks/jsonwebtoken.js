import jwt from "jsonwebtoken";
import { equal } from "../support.js";

export default async function () {
  equal(jwt.verify(jwt.sign({ a: 1 }, "secret", { noTimestamp: true }), "secret"), { a: 1 });
}
