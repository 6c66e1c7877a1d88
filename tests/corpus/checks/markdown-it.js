import MarkdownIt from "markdown-it";
import { equal } from "../support.js";

export default async function () {
  equal(new MarkdownIt().render("**b**"), "<p><strong>b</strong></p>\n");
}
