import { CronExpressionParser } from "cron-parser";
import { equal } from "../support.js";

export default async function () {
  equal(CronExpressionParser.parse("0 12 * * *", { currentDate: "2026-01-01T00:00:00Z", tz: "UTC" }).next().toDate().toISOString(), "2026-01-01T12:00:00.000Z");
}
