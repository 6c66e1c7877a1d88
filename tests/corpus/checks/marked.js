import { marked } from "marked";
import { equal } from "../support.js";

export default async function () {
  equal(marked.parse("# a\n\n*b*"), "<h1>a</h1>\n<p><em>b</em></p>\n");
}
