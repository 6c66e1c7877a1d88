import { addDays, format, parseISO } from "date-fns";
import { equal } from "../support.js";

export default async function () {
  equal(format(addDays(parseISO("2026-02-27"), 2), "yyyy-MM-dd EEEE"), "2026-03-01 Sunday");
}
