import _ from "lodash";
import { equal } from "../support.js";

export default async function () {
  equal(_.sortBy([{ a: 2 }, { a: 1 }], "a"), [{ a: 1 }, { a: 2 }]);
  equal(_.cloneDeep({ a: [1] }), { a: [1] });
}
