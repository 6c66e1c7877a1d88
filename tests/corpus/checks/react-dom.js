import { createElement } from "react";
import { renderToReadableStream, renderToString } from "react-dom/server";
import { equal } from "../support.js";

export default async function () {
  equal(renderToString(createElement("p", { className: "a" }, "hi ", 1)), '<p class="a">hi <!-- -->1</p>');
  equal(await new Response(await renderToReadableStream(createElement("b", null, "s"))).text(), "<b>s</b>");
}
