import { neon, neonConfig } from "@neondatabase/serverless";
import { equal } from "../support.js";

export default async function () {
  neonConfig.fetchFunction = async () => Response.json({ fields: [{ name: "a", dataTypeID: 23 }], rows: [["1"]], command: "SELECT", rowCount: 1, rowAsArray: true });
  equal(await neon("postgresql://u:p@ep-x.example/db")`select 1 as a`, [{ a: 1 }]);
}
