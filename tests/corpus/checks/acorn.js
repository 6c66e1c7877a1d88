import { parse } from "acorn";
import { equal } from "../support.js";

export default async function () {
  equal(parse("let a = 1", { ecmaVersion: "latest" }).body[0].type, "VariableDeclaration");
}
