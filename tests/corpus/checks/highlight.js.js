import hljs from "highlight.js/lib/core";
import javascript from "highlight.js/lib/languages/javascript";
import { equal } from "../support.js";

export default async function () {
  hljs.registerLanguage("javascript", javascript);
  equal(hljs.highlight("let a", { language: "javascript" }).value, '<span class="hljs-keyword">let</span> a');
}
