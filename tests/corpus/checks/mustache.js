import Mustache from "mustache";
import { equal } from "../support.js";

export default async function () {
  equal(Mustache.render("{{#a}}<{{.}}>{{/a}}", { a: [1, 2] }), "<1><2>");
}
