import { chunk, debounce, groupBy, template } from "lodash-es";
import { equal, ok } from "../support.js";

export default async function () {
  equal(chunk([1, 2, 3], 2), [[1, 2], [3]]);
  equal(Object.keys(groupBy(["a", "bb", "cc"], "length")), ["1", "2"]);
  ok(debounce(() => {}, 1));
  ok(template);
}
