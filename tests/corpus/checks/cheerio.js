import { load } from "cheerio/slim";
import { equal } from "../support.js";

export default async function () {
  equal(load("<ul><li>a</li><li>b</li></ul>")("li").map((_, li) => li.children[0].data).get(), ["a", "b"]);
}
