import Papa from "papaparse";
import { equal } from "../support.js";

export default async function () {
  equal(Papa.parse("a,b\n1,2", { header: true }).data, [{ a: "1", b: "2" }]);
}
