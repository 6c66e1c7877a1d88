import { DateTime } from "luxon";
import { equal } from "../support.js";

export default async function () {
  equal(DateTime.fromISO("2026-06-01T12:00", { zone: "Europe/Berlin" }).toUTC().toISO(), "2026-06-01T10:00:00.000Z");
}
