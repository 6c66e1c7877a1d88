import { createElement, useState, Fragment } from "react";
import { equal, ok } from "../support.js";

export default async function () {
  equal(createElement("p", { key: "k" }, "x").key, "k");
  equal(typeof useState, "function");
  ok(Fragment);
}
