import { createComponent, renderToString, ssr } from "solid-js/web/dist/server.js";
import { equal } from "../support.js";

export default async function () {
  equal(renderToString(() => createComponent(() => ssr("<p>s</p>"), {})).includes("<p>s</p>"), true);
}
