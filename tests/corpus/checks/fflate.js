import { gunzipSync, gzipSync, strFromU8, strToU8, zipSync, unzipSync } from "fflate";
import { equal } from "../support.js";

export default async function () {
  equal(strFromU8(gunzipSync(gzipSync(strToU8("hello")))), "hello");
  equal(Object.keys(unzipSync(zipSync({ "a.txt": strToU8("a") }))), ["a.txt"]);
}
