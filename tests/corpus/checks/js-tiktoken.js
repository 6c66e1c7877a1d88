import { Tiktoken } from "js-tiktoken/lite";
import ranks from "js-tiktoken/ranks/cl100k_base";
import { equal } from "../support.js";

export default async function () {
  const encoding = new Tiktoken(ranks);
  equal(encoding.decode(encoding.encode("hello world")), "hello world");
}
