import semver from "semver";
import { equal } from "../support.js";

export default async function () {
  equal(semver.satisfies("1.2.3", "^1.1"), true);
  equal(semver.maxSatisfying(["1.0.0", "1.5.0", "2.0.0"], "1"), "1.5.0");
}
