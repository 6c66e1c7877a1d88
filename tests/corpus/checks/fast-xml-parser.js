import { XMLParser } from "fast-xml-parser";
import { equal } from "../support.js";

export default async function () {
  equal(new XMLParser({ ignoreAttributes: false }).parse('<a b="1"><c>2</c></a>'), { a: { c: 2, "@_b": "1" } });
}
