import { v5, v7, validate, version } from "uuid";
import { equal } from "../support.js";

export default async function () {
  equal(v5("hello.example.com", v5.DNS), "fdda765f-fc57-5604-a269-52a7df8164ec");
  const id = v7();
  equal([validate(id), version(id)], [true, 7]);
}
