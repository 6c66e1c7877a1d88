import { produce } from "immer";
import { equal } from "../support.js";

export default async function () {
  equal(produce({ a: [1] }, (draft) => { draft.a.push(2); }), { a: [1, 2] });
}
