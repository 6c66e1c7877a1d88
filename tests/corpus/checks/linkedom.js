import { parseHTML } from "linkedom";
import { equal } from "../support.js";

export default async function () {
  equal(parseHTML("<p id='a'>x</p>").document.querySelector("#a").textContent, "x");
}
