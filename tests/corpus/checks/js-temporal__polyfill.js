import { Temporal } from "@js-temporal/polyfill";
import { equal } from "../support.js";

export default async function () {
  equal(Temporal.PlainDate.from("2026-01-31").add({ months: 1 }).toString(), "2026-02-28");
}
