import { createSSRApp, h } from "vue";
import { renderToString } from "@vue/server-renderer";
import { equal } from "../support.js";

export default async function () {
  equal(await renderToString(createSSRApp({ data: () => ({ n: 1 }), render() { return h("p", this.n); } })), "<p>1</p>");
}
