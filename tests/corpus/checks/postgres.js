import postgres from "postgres";
import { ok } from "../support.js";

export default async function () {
  // There are no sockets yet: connecting is refused, and what asked is told.
  const sql = postgres("postgres://u:p@db.example/db", { connect_timeout: 1, max: 1 });
  const outcome = await sql`select 1`.then(() => "", (error) => String(error.message));
  ok(outcome !== "");
}
