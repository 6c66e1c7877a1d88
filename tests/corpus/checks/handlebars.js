import Handlebars from "handlebars/dist/cjs/handlebars.js";
import { equal } from "../support.js";

export default async function () {
  const template = Handlebars.compile("hi {{name}}");
  equal(template({ name: "x" }), "hi x");
}
