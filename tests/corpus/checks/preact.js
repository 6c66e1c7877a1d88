import { h } from "preact";
import { useState } from "preact/hooks";
import { renderToString } from "preact-render-to-string";
import { equal } from "../support.js";

export default async function () {
  const Counter = () => h("p", null, useState(3)[0]);
  equal(renderToString(h(Counter)), "<p>3</p>");
}
